const MASK = "***";

// A space ends an address, unless its password has one.
const ADDRESSES = [/[a-z][a-z0-9+.-]*:\/\/\S*/i, /[a-z][a-z0-9+.-]*:\/\/.*/is];
// As it is written, up to the last `@`.
const USER_INFO = /:\/\/[^:/?#\s]*:(.*)@/s;
const IN_QUERY = /[?&](?:ssl)?password=([^&#\s]*)/gi;

/** The passwords in addresses, in each way in which a client may write them. */
export function secretsOf(texts: readonly string[]): string[] {
  const addresses = texts.flatMap(text => ADDRESSES.flatMap(address => address.exec(text)?.[0] ?? []));
  const raw = addresses.flatMap(address => [
    ...passwordsOf(address),
    ...Array.from(address.matchAll(IN_QUERY), ([, password = ""]) => password),
  ]);
  const all = raw.filter(password => password !== "").flatMap(spellings);
  // The longest first, so that none leaves a rest of another.
  return [...new Set(all)].sort((a, b) => b.length - a.length);
}

function passwordsOf(address: string): string[] {
  const [, written = ""] = USER_INFO.exec(address) ?? [];
  try {
    const { password } = new URL(address);
    // Without one, what looks like it is a port and a path.
    return password === "" ? [] : [password, written];
  } catch {
    return [written];
  }
}

function spellings(password: string): string[] {
  const forms = [password, encodeURIComponent(password), encodeURI(password)];
  try {
    const decoded = decodeURIComponent(password);
    forms.push(decoded, encodeURIComponent(decoded));
  } catch {
    // Not encoded.
  }
  return forms;
}

/** A text without what nobody else may see. */
export function masked(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, MASK), text);
}
