import { type Asked, PROVIDERS, type Provider, type Sent } from "./providers.ts";

/** How the nth request to a provider ends, from 1. */
type Fault = "answer lost" | "request lost" | undefined;

interface Rules {
  now(): number;
  fault(n: number, asked: Asked): Fault;
}

const cut = () =>
  new TypeError("fetch failed", {
    cause: Object.assign(new Error("other side closed"), { code: "UND_ERR_SOCKET" }),
  });

async function read(input: RequestInfo | URL, init?: RequestInit): Promise<Asked> {
  const request = new Request(input, init);
  const text = await request.text();
  const isForm = request.headers.get("content-type")?.startsWith("application/x-www-form-urlencoded");
  const body = isForm ? Object.fromEntries(new URLSearchParams(text)) : JSON.parse(text || "{}");
  return { url: new URL(request.url), method: request.method, headers: request.headers, body };
}

const refused = (status: number, message: string) => Response.json({ message }, { status });
const sameBody = (a: Asked, b: Asked) => JSON.stringify(a.body) === JSON.stringify(b.body);

/** One provider: it carries a request out, unless it remembers its key. */
function providerOf(rules: Provider, now: () => number) {
  const sent: Sent[] = [];

  function carryOut(asked: Asked): Response {
    const answer = rules.answer(sent.length + 1);
    sent.push({ asked, answer, at: now() });
    return Response.json(answer);
  }

  function receive(asked: Asked): Response {
    if (asked.method === "GET") return Response.json(rules.find?.(sent, asked) ?? {});
    const key = rules.key?.(asked);
    if (key === undefined) return carryOut(asked);
    if (typeof key !== "string" || rules.format?.test(key) === false) return refused(400, "malformed key");
    const known = sent.find(
      other => rules.key?.(other.asked) === key && now() < other.at + (rules.memoryMs ?? 0),
    );
    if (known === undefined) return carryOut(asked);
    if (typeof rules.onOther === "number" && !sameBody(known.asked, asked)) {
      return refused(rules.onOther, "the key was used with another payload");
    }
    return Response.json(rules.onKnown ?? known.answer);
  }

  return { sent, receive };
}

/** A `fetch` that reaches the providers, each of which remembers keys for as long as it documents. */
export function fakeFetch({ now, fault }: Rules) {
  const providers = new Map(
    Object.entries(PROVIDERS).map(([host, rules]) => [host, providerOf(rules, now)] as const),
  );
  const requests = new Map<string, number>();

  async function fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const asked = await read(input, init);
    const provider = providers.get(asked.url.host);
    if (provider === undefined)
      throw new Error(`expected a host of test/support/providers; got ${asked.url.host}`);
    if (asked.method === "GET") return provider.receive(asked);
    const n = (requests.get(asked.url.host) ?? 0) + 1;
    requests.set(asked.url.host, n);
    const ends = fault(n, asked);
    if (ends === "request lost") throw cut();
    const response = provider.receive(asked);
    if (ends === "answer lost") throw cut();
    return response;
  }

  return { fetch, sentTo: (host: string): readonly Sent[] => providers.get(host)?.sent ?? [] };
}
