import { decode, encode, type SourceMapSegment } from "@jridgewell/sourcemap-codec";
import type { Options } from "tsup";

type Chunk = { map?: string | { mappings: string; names?: string[] } | null };

/**
 * A plugin of tsup: source maps that lead from each line to its line in the sources, and no closer. A tenth of the size,
 * and as good for a stack trace.
 */
export const lineMaps: NonNullable<Options["plugins"]>[number] = {
  name: "line-maps",
  renderChunk(_code, info) {
    const chunk = info as Chunk;
    if (!chunk.map) return;
    const map = typeof chunk.map === "string" ? JSON.parse(chunk.map) : chunk.map;
    const lines = decode(map.mappings).map(([first]): SourceMapSegment[] => {
      if (first === undefined || first.length === 1) return [];
      return [[first[0], first[1], first[2], first[3]]];
    });
    chunk.map = { ...map, mappings: encode(lines), names: [] };
  },
};
