interface Queue {
  acts: (() => void)[];
  /** Has what is queued done. */
  wake(): void;
}

/** Listens anew in the context in which it is called: what `then` is given runs in that of the call of `then`. */
function listen(queue: Queue): Queue {
  const woken = new Promise<void>(resolve => {
    queue.wake = resolve;
  });
  woken.then(() => {
    const { acts } = queue;
    queue.acts = [];
    listen(queue);
    for (const act of acts) act();
  });
  return queue;
}

const queue = /* @__PURE__ */ listen({ acts: [], wake: () => {} });

/**
 * Does something soon, in the asynchronous context (`AsyncLocalStorage`) of nobody's call: a timer that is set in it
 * keeps no call's context alive, and what it does is not done in the name of the call that happened to bring it on.
 * Needs no `node:` module. `act` may not throw.
 *
 * ```ts
 * detached(() => backgroundTimer(sweep, 1_000));
 * ```
 */
export function detached(act: () => void): void {
  queue.acts.push(act);
  queue.wake();
}
