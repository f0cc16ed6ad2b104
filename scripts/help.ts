/** Prints what a command does where its arguments ask for that. Returns whether they did. */
export function showsHelp(args: readonly string[], text: string): boolean {
  if (!args.some(arg => arg === "--help" || arg === "-h")) return false;
  console.log(text.trim());
  return true;
}

/** What `read` makes of a command's arguments. Where it throws: says what is wrong, and ends the process with 2. */
export function readOrExit<T>(command: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    console.error(`${(error as Error).message}\nnpm run ${command} -- --help says what there is.`);
    process.exit(2);
  }
}
