/** A process warning of type `IdempotencyWarning`, where there is a process. */
export function warnProcess({ code, message }: { code: string; message: string }): void {
  const { process } = globalThis as { process?: { emitWarning?(text: string, options: object): void } };
  process?.emitWarning?.(message, { type: "IdempotencyWarning", code });
}
