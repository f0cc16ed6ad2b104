// What the samples of docs/providers.md talk to. Of the requests to each provider the first is carried out and its answer
// lost; one whose text says so is lost before it arrives.
import { fakeFetch } from "./fake-fetch.ts";

const { fetch } = fakeFetch({
  now: Date.now,
  fault(n, { body }) {
    if (JSON.stringify(body).includes("(lost)")) return lostOnce(body) ? "request lost" : undefined;
    return n === 1 ? "answer lost" : undefined;
  },
});

const lost = new Set<string>();
function lostOnce(body: object): boolean {
  const text = JSON.stringify(body);
  return lost.size < lost.add(text).size;
}

globalThis.fetch = fetch;
