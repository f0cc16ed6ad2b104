interface Watch {
  readonly acts: Set<() => void>;
  readonly ring: () => void;
}

const watches = new WeakMap<AbortSignal, Watch>();

function watch(signal: AbortSignal): Watch {
  const acts = new Set<() => void>();
  const ring = () => {
    for (const act of [...acts]) act();
  };
  signal.addEventListener("abort", ring);
  return { acts, ring };
}

/**
 * Acts when the signal aborts. Returns a function that cancels this. All calls with one signal share a listener,
 * because Node warns of a leak at the eleventh, and a signal that shuts down a whole process has many calls.
 */
export function onAbort(signal: AbortSignal, act: () => void): () => void {
  const { acts, ring } = watches.get(signal) ?? watch(signal);
  watches.set(signal, { acts: acts.add(act), ring });
  return () => {
    if (!acts.delete(act) || acts.size > 0) return;
    signal.removeEventListener("abort", ring);
    watches.delete(signal);
  };
}
