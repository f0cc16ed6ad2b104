/** Prints what a command does where its arguments ask for that. Returns whether they did. */
export function showsHelp(args: readonly string[], text: string): boolean {
  if (!args.some(arg => arg === "--help" || arg === "-h")) return false;
  console.log(text.trim());
  return true;
}
