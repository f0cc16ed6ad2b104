import net, { type AddressInfo, type Socket } from "node:net";
import { afterEach, expect } from "vitest";

/** For what must answer or fail by itself: long enough for a machine under load. */
export const PATIENT_MS = 5_000;
/** For what never answers. */
export const IMPATIENT_MS = 150;

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

/** Does this when the test has ended. */
export const afterwards = (cleanUp: () => void): unknown => cleanUps.push(cleanUp);

/** Listens on a free port until the test has ended, and then cuts every connection that is left. */
export async function listen(server: net.Server): Promise<number> {
  server.on("connection", (socket: Socket) => {
    socket.on("error", () => {});
    afterwards(() => socket.destroy());
  });
  await new Promise<void>(ready => server.listen(0, "127.0.0.1", ready));
  afterwards(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A port that nobody listens on. */
export async function closedPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>(ready => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  await new Promise(closed => server.close(closed));
  return port;
}

/** Takes every connection and says nothing. */
export const silent = (): net.Server => net.createServer(() => {});

/** What it fails with. */
export async function failure(outcome: Promise<unknown>): Promise<unknown> {
  const succeeded = Symbol("succeeded");
  const error = await outcome.then(
    () => succeeded,
    (thrown: unknown) => thrown,
  );
  expect(error, "it succeeded").not.toBe(succeeded);
  return error;
}
