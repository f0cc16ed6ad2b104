// The number is that of the form of what is shared: copies that differ in it share nothing.
const SHARED = Symbol.for("with-idempotency/shared/2");

/** What every copy and module format of the package in this process shares under that name, made on first use. */
export function processWide<T extends object>(name: string, make: () => T): T {
  const scope = globalThis as { [SHARED]?: Record<string, object> };
  scope[SHARED] ??= {};
  const shared = scope[SHARED] as Record<string, T>;
  shared[name] ??= make();
  return shared[name];
}
