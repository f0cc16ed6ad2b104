import { decode, encode, type SourceMapSegment } from "@jridgewell/sourcemap-codec";
import type { Options } from "tsup";

type Chunk = { map?: string | { mappings: string; names?: string[] } | null };

/**
 * A plugin of tsup: source maps that lead to the line in the sources, and no closer: a place for each line of the sources
 * that begins in a line of the output. A fifth of the size, and as good for a stack trace.
 */
export const lineMaps: NonNullable<Options["plugins"]>[number] = {
  name: "line-maps",
  renderChunk(_code, info) {
    const chunk = info as Chunk;
    if (!chunk.map) return;
    const map = typeof chunk.map === "string" ? JSON.parse(chunk.map) : chunk.map;
    chunk.map = { ...map, mappings: encode(decode(map.mappings).map(places)), names: [] };
  },
};

/** The segments of a line that begin another line of the sources than the one before. */
function places(segments: readonly SourceMapSegment[]): SourceMapSegment[] {
  const kept: SourceMapSegment[] = [];
  for (const segment of segments) {
    if (segment.length === 1) continue;
    const before = kept.at(-1);
    if (before?.[1] === segment[1] && before?.[2] === segment[2]) continue;
    kept.push([segment[0], segment[1], segment[2], 0]);
  }
  return kept;
}
