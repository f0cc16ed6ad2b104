/** Does something that weighs so much as soon as there is room for it, in the order in which it was asked. */
export type Limit = <T>(weight: number, act: () => Promise<T>) => Promise<T>;

/** Keeps what is under way at once below a weight. What is heavier than that alone has its turn by itself. */
function limiting(most: number): Limit {
  const waiting: { weight: number; begin: () => void }[] = [];
  let under = 0;

  function next() {
    const first = waiting[0];
    if (first === undefined || (under > 0 && under + first.weight > most)) return;
    waiting.shift();
    under += first.weight;
    first.begin();
    next();
  }

  return (weight, act) =>
    new Promise((resolve, reject) => {
      const begin = () =>
        act()
          .then(resolve, reject)
          .finally(() => {
            under -= weight;
            next();
          });
      waiting.push({ weight, begin });
      next();
    });
}

const limits = new WeakMap<object, Limit>();

/** The limit of a client, which all stores of that client have in common. */
export function limitOf(client: object, most: number): Limit {
  const limit = limits.get(client) ?? limiting(most);
  limits.set(client, limit);
  return limit;
}
