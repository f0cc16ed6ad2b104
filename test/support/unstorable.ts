class Account {
  balance = 5;
}

const throwing = {
  get secret(): string {
    throw new Error("not for you");
  },
};

const revoked = Proxy.revocable({}, {});
revoked.revoke();

/** Values that no text gives back as they were, and what they are. */
export const unstorable: { what: string; make: () => unknown }[] = [
  { what: "a function", make: () => () => "sent" },
  { what: "a symbol", make: () => Symbol("sent") },
  { what: "an instance of a class", make: () => new Account() },
  { what: "an error", make: () => new Error("oh") },
  { what: "a regular expression", make: () => /x/ },
  { what: "a boxed number", make: () => Object(1) },
  { what: "a promise", make: () => Promise.resolve() },
  { what: "a weak map", make: () => new WeakMap() },
  { what: "a subclass of Map", make: () => new (class Ledger extends Map {})() },
  { what: "a subclass of Date", make: () => new (class Day extends Date {})() },
  { what: "a subclass of Uint8Array", make: () => new (class Bytes extends Uint8Array {})(2) },
  { what: "a subclass of Array", make: () => new (class List extends Array {})() },
  { what: "an object with a symbol", make: () => ({ [Symbol("s")]: 1 }) },
  { what: "what only says that it is a Map", make: () => ({ [Symbol.toStringTag]: "Map" }) },
  { what: "an array with a property", make: () => Object.assign([1], { more: 2 }) },
  { what: "a Map with a property", make: () => Object.assign(new Map(), { more: 2 }) },
  { what: "a Date with a property", make: () => Object.assign(new Date(0), { more: 2 }) },
  { what: "a Set with a symbol", make: () => Object.assign(new Set(), { [Symbol("s")]: 2 }) },
  { what: "an array with a hole and a property", make: () => Object.assign(new Array(1), { more: 2 }) },
  { what: "an array with a symbol", make: () => Object.assign([1], { [Symbol("s")]: 2 }) },
  { what: "a throwing getter", make: () => throwing },
  { what: "a revoked proxy", make: () => revoked.proxy },
  { what: "a response", make: () => new Response("sent") },
  { what: "a stream", make: () => new ReadableStream() },
  { what: "an abort signal", make: () => new AbortController().signal },
];
