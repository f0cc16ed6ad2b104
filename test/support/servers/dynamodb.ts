import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { end, launch, onFreePort, openKennel } from "./process.ts";

/** A dynalite of the test's own, which speaks DynamoDB's protocol over HTTP. */
export interface Dynalite {
  host: string;
  port: number;
  url: string;
  /** What runs. */
  about: string;
  /** Sends it SIGKILL, and waits for its end. */
  kill(): Promise<void>;
  /** Starts it again on the same port and folder. */
  restart(): Promise<void>;
  pause(): void;
  resume(): void;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

const HOST = "127.0.0.1";

/** Starts one that keeps its tables in its folder, or, faster, in memory. */
export async function startDynalite({ keeps = false } = {}): Promise<Dynalite> {
  const manifest = createRequire(import.meta.url).resolve("dynalite/package.json");
  const { version } = createRequire(import.meta.url)(manifest) as { version: string };
  const file = join(dirname(manifest), "cli.js");
  const kennel = await openKennel("dynalite", "KILL");
  try {
    return await onFreePort(async port => {
      const times = ["--createTableMs", "0", "--deleteTableMs", "0"];
      const place = keeps ? ["--path", join(kennel.dir, "data")] : [];
      const args = [file, "--host", HOST, "--port", `${port}`, ...times, ...place];
      const start = () => launch(kennel, { file: process.execPath, args }, "Dynalite listening");
      let child = await start();
      const kill = () => end(kennel, child, "SIGKILL");
      return {
        host: HOST,
        port,
        url: `http://${HOST}:${port}`,
        about: `dynalite ${version} on port ${port}`,
        kill,
        async restart() {
          await kill();
          child = await start();
        },
        pause: () => void child.kill("SIGSTOP"),
        resume: () => void child.kill("SIGCONT"),
        async stop() {
          await kill();
          await kennel.close();
        },
      };
    });
  } catch (error) {
    await kennel.close();
    throw error;
  }
}
