const CLASSES = [
  Object,
  Array,
  Map,
  Set,
  Date,
  BigInt,
  String,
  Number,
  Boolean,
  Uint8Array,
  ArrayBuffer,
  Function,
];

/** What comes of an act while every built-in prototype has a `toJSON`, as older libraries add it. */
export function patched<T>(act: () => T): T {
  const before = CLASSES.map(({ prototype }) => Object.getOwnPropertyDescriptor(prototype, "toJSON"));
  for (const { prototype } of CLASSES) {
    Object.defineProperty(prototype, "toJSON", {
      value: () => "patched",
      configurable: true,
      writable: true,
    });
  }
  try {
    return act();
  } finally {
    for (const [i, { prototype }] of CLASSES.entries()) {
      const own = before[i];
      if (own === undefined) Reflect.deleteProperty(prototype, "toJSON");
      else Object.defineProperty(prototype, "toJSON", own);
    }
  }
}
