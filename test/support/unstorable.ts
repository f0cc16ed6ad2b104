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

const withPrototype = (value: object, prototype: object | null) => Object.setPrototypeOf(value, prototype);

const claims = (tag: string, more: object = {}) =>
  Object.assign(
    Object.create({
      get [Symbol.toStringTag]() {
        return tag;
      },
    }),
    more,
  );

/** Objects that are not what they look like. */
export const disguised: { what: string; make: () => unknown }[] = [
  ...["Date", "Map", "Set", "ArrayBuffer", "DataView", "Uint8Array", "Object"].map(tag => ({
    what: `what claims to be of ${tag}`,
    make: () => claims(tag),
  })),
  {
    what: "a lookalike of ArrayBuffer",
    make: () => claims("ArrayBuffer", { byteLength: 1, slice: () => [1] }),
  },
  {
    what: "a class whose instances claim to be bytes",
    make: () => {
      class Base {
        get [Symbol.toStringTag]() {
          return "Uint8Array";
        }
      }
      return new (class Bytes extends Base {})();
    },
  },
  { what: "a Date as an ordinary object", make: () => withPrototype(new Date(0), Object.prototype) },
  { what: "an error as an ordinary object", make: () => withPrototype(new Error("x"), Object.prototype) },
  { what: "a boxed number as an ordinary object", make: () => withPrototype(Object(3), Object.prototype) },
  { what: "a Map as an ordinary object", make: () => withPrototype(new Map([[1, 2]]), Object.prototype) },
  { what: "a Map without a prototype", make: () => withPrototype(new Map([[1, 2]]), null) },
  { what: "a Set without a prototype", make: () => withPrototype(new Set([1]), null) },
  { what: "a Date without a prototype", make: () => withPrototype(new Date(0), null) },
  { what: "an error without a prototype", make: () => withPrototype(new Error("x"), null) },
  { what: "a promise without a prototype", make: () => withPrototype(Promise.resolve(), null) },
  { what: "an ArrayBuffer without a prototype", make: () => withPrototype(new ArrayBuffer(2), null) },
  { what: "bytes without a prototype", make: () => withPrototype(new Uint8Array(2), null) },
  { what: "bytes as an ordinary object", make: () => withPrototype(new Uint8Array(2), Object.prototype) },
  { what: "bytes as other bytes", make: () => withPrototype(new Uint8Array(2), Int8Array.prototype) },
  { what: "wider numbers as a Buffer", make: () => withPrototype(new Int16Array(2), Buffer.prototype) },
  { what: "an array without a prototype", make: () => withPrototype([1], null) },
  { what: "an array as an ordinary object", make: () => withPrototype([1], Object.prototype) },
  { what: "an array whose prototype is an array", make: () => withPrototype([1], []) },
  { what: "a Map as a Set", make: () => withPrototype(new Map(), Set.prototype) },
  { what: "a Map with a prototype of its own", make: () => withPrototype(new Map(), claims("Map")) },
  { what: "an ordinary object as a Map", make: () => Object.create(Map.prototype) },
  { what: "a proxy of a Map", make: () => new Proxy(new Map(), {}) },
  { what: "bytes with a property", make: () => Object.assign(new Uint8Array(2), { more: 1 }) },
  { what: "bytes with a symbol", make: () => Object.assign(new Uint8Array(2), { [Symbol("s")]: 1 }) },
  { what: "a Buffer with a property", make: () => Object.assign(Buffer.from("ab"), { more: 1 }) },
  { what: "many bytes with a property", make: () => Object.assign(new Uint8Array(5_000), { more: 1 }) },
];

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
  ...disguised,
];
