/** Rejects with what `over` returns where the time is. Its timer holds the process open, as the answer would. */
export function within<T>(promise: PromiseLike<T>, ms: number, over: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    const giveUp = () => reject(over());
    let timer = setTimeout(() => {
      // Late, since the process was busy: an answer that has arrived meanwhile is read before the next timer rings.
      if (performance.now() - begun > ms) timer = setTimeout(giveUp);
      else giveUp();
    }, ms);
    const end = (settle: () => void) => {
      clearTimeout(timer);
      settle();
    };
    promise.then(
      value => end(() => resolve(value)),
      error => end(() => reject(error)),
    );
  });
}
