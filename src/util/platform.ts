const known = /* @__PURE__ */ new Map<string, unknown>();

/**
 * A module of Node's own, if the process can be asked for it; undefined on any other runtime. No import, which would
 * keep the root entry from loading elsewhere. Loaded on first use.
 */
export function builtinModule<T>(name: string): T | undefined {
  if (!known.has(name)) known.set(name, ask(name));
  return known.get(name) as T | undefined;
}

function ask(name: string): unknown {
  try {
    const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
    return process?.getBuiltinModule?.(name);
  } catch {
    // A stand-in for `process` may have the method and not the module.
    return undefined;
  }
}
