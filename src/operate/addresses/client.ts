import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { CommandError, EXIT, messageOf } from "../command/failure.ts";
import type { Io } from "../command/io.ts";

// biome-ignore lint/suspicious/noExplicitAny: no client's types are imported.
export type Anything = any;

/** A client package that the user's project has. */
export interface LoadedClient {
  readonly name: string;
  /** What it exports. */
  readonly exports: Anything;
}

/** Loads the first of the packages that the project has, whose own code speaks to its own server in its own version. */
export async function loadClient({ cwd }: Io, names: readonly string[]): Promise<LoadedClient> {
  const require = createRequire(join(cwd, "package.json"));
  for (const name of names) {
    const found = name.startsWith("node:") ? name : locate(require, name);
    if (found === undefined) continue;
    try {
      const module = await import(found);
      return { name, exports: module.default ?? module };
    } catch (error) {
      // Node.js of before it had that module.
      if (name.startsWith("node:")) continue;
      throw new CommandError(EXIT.store, `${name} is installed but cannot be loaded: ${messageOf(error)}`);
    }
  }
  const packages = names.filter(name => !name.startsWith("node:"));
  throw new CommandError(
    EXIT.store,
    `expected a client of the store in ${cwd}; found none of ${names.join(", ")}. Install one, such as: npm install ${packages[0]}`,
  );
}

function locate(require: NodeJS.Require, name: string): string | undefined {
  try {
    return pathToFileURL(require.resolve(name)).href;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}
