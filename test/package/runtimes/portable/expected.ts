// Worked out once by Node's own SHA-256, so that no runtime (nor a later version of the package) may differ unnoticed:
// a record in a shared store and a provider's memory outlive both.

function holes(): unknown[] {
  const array = [1, 2, 3];
  delete array[1];
  return array;
}

function cycle(): unknown {
  const node: Record<string, unknown> = { name: "a" };
  return Object.assign(node, { self: node });
}

export const FINGERPRINTS: readonly { what: string; data: () => unknown; digest: string }[] = [
  {
    what: "an order",
    data: () => ({ order: 42, items: ["pen"], at: new Date(0) }),
    digest: "ijTQxh9Tzprs9z6MW-eYgW",
  },
  { what: "an empty object", data: () => ({}), digest: "RBNvo1WzZ4oRRq0W9-hknp" },
  { what: "a text of all planes", data: () => "é€😀\u0000\u2028", digest: "mH2rp8hRuMb2De-WFA4FNQ" },
  {
    what: "numbers",
    data: () => [0, -0, 0.1 + 0.2, 1e21, 5e-324, Number.NaN, Number.POSITIVE_INFINITY],
    digest: "fPUe_l2FXN27o8ZFRb443D",
  },
  { what: "a big integer", data: () => 2n ** 200n, digest: "eO51uENkWIDtLyi_VsIepW" },
  {
    what: "maps and sets",
    data: () =>
      new Map<string, unknown>([
        ["b", new Set([2, "2"])],
        ["a", undefined],
      ]),
    digest: "YWTICs4jWEJ0xUGQgKJ9S_",
  },
  {
    what: "bytes",
    data: () => [new Uint8Array([0, 255]), new Uint8Array([1, 2, 3]).buffer],
    digest: "rY9C_WW-k8qSziF5Jj18Nz",
  },
  {
    what: "typed arrays",
    data: () => [new Float64Array([Math.PI]), new BigInt64Array([-1n])],
    digest: "-fypy3hDM4ioxuGgdQx2J6",
  },
  { what: "an array with holes", data: holes, digest: "ZwUzXsQiuahxJthRo1yuP0" },
  { what: "a cycle", data: cycle, digest: "lpmcUlv_hqVAylEc5HWq6K" },
  { what: "a mebibyte", data: () => "x".repeat(2 ** 20), digest: "NYaToFEdn1jyPS48aDW-S8" },
];

const LONG = "x".repeat(300);

/** Where keys of more than 256 characters stand in a store. */
export const LONG_KEYS: readonly { what: string; key: string; namespace?: string; place: string }[] = [
  { what: "a long key", key: LONG, place: "::sha256:DU4sqenLztenpTgOsp4aN4O5ttDbct42oQUQOOHB-8c" },
  {
    what: "one beyond the basic plane",
    key: "😀".repeat(129),
    place: "::sha256:8XJc6RfNebJ_jPOB6EkmoyHHuvohMFEL6XIiVPitTf8",
  },
  {
    what: "one in a namespace",
    key: LONG,
    namespace: "mails",
    place: ":mails:::sha256:DU4sqenLztenpTgOsp4aN4O5ttDbct42oQUQOOHB-8c",
  },
];

/** `execution.idempotencyKey` of a run, by its key and the id that the store gave it. */
export const PROVIDER_KEYS: readonly { key: string; runId: string; idempotencyKey: string }[] = [
  { key: "order-42", runId: "run-1", idempotencyKey: "XCdbnoEEdR17KkyR36SqaCl2uD34BnTWWX6JnPir4vw" },
  { key: "é😀:a", runId: "", idempotencyKey: "zFBM7-chZxq5GTNcJRe19lNPjO0HGruO4eJ5D5MAp0g" },
  { key: LONG, runId: "token-7", idempotencyKey: "tQMDYXrW6GyX2e6irnYyFMJm2g7CbvYjW3PM8S-B98I" },
];
