import type { Check } from "./check.ts";

/** What came of one check. */
export interface Result {
  name: string;
  /** What went wrong; absent where nothing did. */
  error?: string;
}

const CHECK_TIMEOUT_MS = 60_000;

async function perform({ name, run }: Check): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    const late = () => reject(new Error(`not over after ${CHECK_TIMEOUT_MS} ms`));
    timer = setTimeout(late, CHECK_TIMEOUT_MS);
  });
  try {
    await Promise.race([timeout, (async () => run())()]);
    return { name };
  } catch (error) {
    return { name, error: String((error as Error | undefined)?.stack ?? error) };
  } finally {
    clearTimeout(timer);
  }
}

/** Runs some checks, those that keep the processor busy one after the other. */
export async function performAll(inTurn: readonly Check[], atOnce: readonly Check[]): Promise<Result[]> {
  const results: Result[] = [];
  for (const check of inTurn) results.push(await perform(check));
  return [...results, ...(await Promise.all(atOnce.map(perform)))];
}
