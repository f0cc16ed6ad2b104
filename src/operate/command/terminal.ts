// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced.
const CONTROL = /[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u;
const MARK = /\p{Mark}/u;

/** A text that does nothing to a terminal: a key may have anything in it. */
export function printable(text: string): string {
  return text.replace(CONTROL, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

const widthOfOne = (character: string) => (MARK.test(character) ? 0 : WIDE.test(character) ? 2 : 1);

/** How many places a text takes. */
export function widthOf(text: string): number {
  return Array.from(text).reduce((width, character) => width + widthOfOne(character), 0);
}

/** A text in exactly that many places: filled up, or cut with an ellipsis. */
export function fitted(text: string, width: number): string {
  const own = widthOf(text);
  if (own <= width) return text + " ".repeat(width - own);
  let kept = "";
  for (const character of text) {
    if (widthOf(kept + character) > width - 1) break;
    kept += character;
  }
  return `${kept}…${" ".repeat(Math.max(0, width - 1 - widthOf(kept)))}`;
}

/** How a text is coloured, where there are colours. */
export type Paint = (text: string) => string;

const paint =
  (on: number, off: number): Paint =>
  text =>
    `\u001b[${on}m${text}\u001b[${off}m`;
const PAINTS = {
  bold: paint(1, 22),
  dim: paint(2, 22),
  red: paint(31, 39),
  green: paint(32, 39),
  yellow: paint(33, 39),
};

/** The colours of a terminal, or none. */
export function paints(hasColours: boolean): Record<keyof typeof PAINTS, Paint> {
  const plain: Paint = text => text;
  return hasColours ? PAINTS : { bold: plain, dim: plain, red: plain, green: plain, yellow: plain };
}
