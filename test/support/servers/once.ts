/** A server that the run uses, and how it ends. */
export interface Server<Url> {
  url: Url;
  about: string;
  stop(): Promise<void>;
}

interface Shared {
  users: number;
  server: Promise<Server<unknown>>;
}

// vitest loads a global setup anew for each project that names it; what they share lives beside the modules.
const scope = globalThis as { "with-idempotency/tests/servers"?: Map<string, Shared> };
scope["with-idempotency/tests/servers"] ??= new Map();
const shared = scope["with-idempotency/tests/servers"];

/** One server of the name for all projects of the run: started for the first of them, and stopped after the last. */
export async function startOnce<Url>(
  name: string,
  start: () => Promise<Server<Url>>,
): Promise<{ url: Url; release(): Promise<void> }> {
  const isFirst = !shared.has(name);
  const entry = shared.get(name) ?? { users: 0, server: start() };
  shared.set(name, entry);
  entry.users += 1;
  const { url, about, stop } = (await entry.server) as Server<Url>;
  if (isFirst) console.log(about);
  return {
    url,
    async release() {
      entry.users -= 1;
      if (entry.users > 0) return;
      shared.delete(name);
      await stop();
    },
  };
}
