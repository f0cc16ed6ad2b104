import { type Binary, findProgram } from "./debian.ts";
import { end, launch, onFreePort, openKennel } from "./process.ts";

/** A NATS server with JetStream, of the test's own. */
export interface NatsServer {
  url: string;
  /** What runs, and where it came from. */
  about: string;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

const HOST = "127.0.0.1";

/** The one on the PATH, else Debian's. Throws an error that says how to get one. */
const findNats = (): Promise<Binary> =>
  findProgram({
    name: "nats-server",
    package: "nats-server",
    path: "usr/sbin/nats-server",
    version: /v(\d\S*)/,
    advice: "do without its tests",
  });

/** Starts a NATS server with JetStream. */
export async function startNats(): Promise<NatsServer> {
  const { file, env, version } = await findNats();
  const kennel = await openKennel("nats", "KILL");
  try {
    return await onFreePort(async port => {
      const args = ["--addr", HOST, "--port", `${port}`, "--jetstream", "--store_dir", kennel.dir];
      // It says so only once the port is its own, and ends if it cannot have it.
      const child = await launch(kennel, { file, args, env }, "Server is ready");
      return {
        url: `nats://${HOST}:${port}`,
        about: `NATS ${version} (${file}) on port ${port}`,
        async stop() {
          await end(kennel, child, "SIGKILL");
          await kennel.close();
        },
      };
    });
  } catch (error) {
    await kennel.close();
    throw error;
  }
}
