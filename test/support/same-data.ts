/** What a container is made of, as text for what is no container, by a rule of its own for each kind. */
type Look = (child: unknown) => string;

function look(value: object, colour: Look): string {
  if (Array.isArray(value)) return `[${value.map(colour).join()}]`;
  if (value instanceof Set) return `Set(${[...value].map(colour).sort()})`;
  if (value instanceof Map)
    return `Map(${Array.from(value, ([k, v]) => `${colour(k)}=>${colour(v)}`).sort()})`;
  return `{${Object.entries(value)
    .map(([key, child]) => `${JSON.stringify(key)}:${colour(child)}`)
    .sort()}}`;
}

const childrenOf = (value: object): unknown[] => {
  if (value instanceof Set) return [...value];
  return value instanceof Map ? [...value].flat() : Object.values(value);
};

const isContainer = (value: unknown): value is object => typeof value === "object" && value !== null;

/**
 * Whether two data look the same however deep one looks, cycles too: told apart round by round, each by the colours of
 * its children in the round before, until no round tells more apart. Slow, and written apart from the package.
 */
export function isSameData(a: unknown, b: unknown): boolean {
  const all = new Set<object>();
  const pending = [a, b];
  for (const value of pending) {
    if (!isContainer(value) || all.has(value)) continue;
    all.add(value);
    pending.push(...childrenOf(value));
  }
  let colours = new Map<object, number>();
  const colour: Look = child =>
    isContainer(child) ? `#${colours.get(child) ?? 0}` : `${typeof child} ${String(child)}`;
  for (let count = 0, before = -1; count > before; ) {
    before = count;
    const known = new Map<string, number>();
    const next = new Map<object, number>();
    for (const value of all) {
      const text = look(value, colour);
      if (!known.has(text)) known.set(text, known.size);
      next.set(value, known.get(text)!);
    }
    colours = next;
    count = known.size;
  }
  return colour(a) === colour(b);
}
