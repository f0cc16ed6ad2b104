const MASK = "***";

const ADDRESS = /[a-z][a-z0-9+.-]*:\/\/\S*/i;
// Of an address that is none: up to its last `@`.
const USER_INFO = /:\/\/[^:/?#\s]*:(\S*)@/;
const IN_QUERY = /[?&](?:ssl)?password=([^&#\s]*)/gi;

/** The passwords in addresses, in each way in which a client may write them. */
export function secretsOf(texts: readonly string[]): string[] {
  const addresses = texts.flatMap(text => ADDRESS.exec(text)?.[0] ?? []);
  const raw = addresses.flatMap(address => [
    passwordOf(address),
    ...Array.from(address.matchAll(IN_QUERY), ([, password = ""]) => password),
  ]);
  const all = raw.filter(password => password !== "").flatMap(spellings);
  // The longest first, so that none leaves a rest of another.
  return [...new Set(all)].sort((a, b) => b.length - a.length);
}

function passwordOf(address: string): string {
  try {
    return new URL(address).password;
  } catch {
    return USER_INFO.exec(address)?.[1] ?? "";
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
