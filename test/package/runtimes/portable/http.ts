import { type Check, checks, same } from "./check.ts";

export const LARGE = 5 * 1_048_576;

/** Bytes that no text has, and that differ at each place. */
export const bytesOf = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 2_654_435_761) >>> 24);

/** What holds of real requests to a server of `http-server.ts`, by `ask`, which fetches from it. */
export function httpChecks(ask: (path: string, init: RequestInit) => Promise<Response>): Check[] {
  const post = (
    path: string,
    key: string,
    body: BodyInit | null = "{}",
    headers: Record<string, string> = {},
  ) => ask(`/http/${path}`, { method: "POST", body, headers: { "idempotency-key": key, ...headers } });
  const replayed = ({ headers }: Response) => headers.get("idempotency-replayed");
  const seen = async (response: Response) => [response.status, replayed(response), await response.text()];

  return checks("http", {
    async "a retry gets the first response, without its cookie, and nothing runs again"() {
      const first = await post("order", '"a"', "pen");
      same("its cookie", first.headers.get("set-cookie"), "session=secret");
      same("the first", await seen(first), [201, null, '{"runs":1,"order":"pen"}']);
      const second = await post("order", "a", "pen");
      same("its location", second.headers.get("location"), "/orders/7");
      same("its cookie", second.headers.get("set-cookie"), null);
      same("the second", await seen(second), [201, "true", '{"runs":1,"order":"pen"}']);
    },
    async "another payload is 422, and another caller has keys of its own"() {
      await (await post("order", "b", "pen")).text();
      const reused = await post("order", "b", "book");
      same("the type", reused.headers.get("content-type"), "application/problem+json");
      same("the status", [reused.status, ((await reused.json()) as { status: number }).status], [422, 422]);
      const other = await post("order", "b", "book", { "x-account": "ben" });
      same("the other caller's", await seen(other), [201, null, '{"runs":1,"order":"book"}']);
    },
    async "a bad key is 400, and no key none of our business"() {
      const refused = await post("order", '"open');
      same("the type", /#malformed-key"/.test(await refused.text()), true);
      same("the status", refused.status, 400);
      same("without", (await ask("/http/order", { method: "POST", body: "x" })).status, 201);
    },
    async "five mebibytes go both ways to the byte"() {
      const bytes = bytesOf(LARGE);
      for (const expected of [null, "true"]) {
        const response = await post("bytes", "c", bytes);
        same("whether replayed", replayed(response), expected);
        const got = new Uint8Array(await response.arrayBuffer());
        same("the length", got.length, LARGE);
        same(
          "the first byte that differs",
          got.findIndex((byte, i) => byte !== bytes[i]),
          -1,
        );
      }
      // A server may close the connection while the rest of it is still on its way.
      const refused = post("bytes", "c2", new Uint8Array(LARGE + 1)).then(({ status }) => status);
      same("one byte more", (await refused.catch(() => 413)) === 413, true);
    },
    async "bodies that are empty or a part come back so"() {
      for (const expected of [null, "true"]) {
        same("empty", await seen(await post("empty", "d")), [204, expected, ""]);
        const part = await post("part", "e");
        same("the range", part.headers.get("content-range"), "bytes 2-3/9");
        same("a part", await seen(part), [206, expected, "cd"]);
      }
    },
    async "429 frees the key, and 502 leaves it uncertain"() {
      for (const runs of ["1", "2"]) same("429", await seen(await post("limited", "f")), [429, null, runs]);
      same("502", await seen(await post("gateway", "g")), [502, null, "1"]);
      const unknown = await post("gateway", "g");
      same("the second", [unknown.status, unknown.headers.get("retry-after")], [409, null]);
      await unknown.text();
    },
    async "requests at once share one run, failures too, and each gets a response of its own"() {
      const all = await Promise.all(Array.from({ length: 5 }, () => post("slow", "h")));
      same("the statuses", [...new Set(all.map(({ status }) => status))], [503]);
      same("the first ones", all.filter(response => replayed(response) === null).length, 1);
      same("the bodies", [...new Set(await Promise.all(all.map(response => response.text())))], ["1"]);
    },
    async "a stream of events is its first caller's alone"() {
      same("the first", await seen(await post("events", "i")), [200, null, "data: 1\n\n"]);
      const second = await post("events", "i");
      same("the second", second.status, 409);
      same("its type", /#result-unavailable"/.test(await second.text()), true);
    },
  });
}
