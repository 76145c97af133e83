// What BLEU and chrF must do as sacreBLEU does, for the printed digits to agree: white space and rounding as in
// Python, n-grams, and the line of settings to quote beside a score.

import manifest from "../../deno.json" with { type: "json" };

// What Python's str.split() takes for white space: unlike JavaScript's \s it has the four information
// separators and NEL, and lacks the byte order mark.
// deno-lint-ignore no-control-regex
const whitespace = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;
const trailingWhitespace = new RegExp(`${whitespace.source}$`, "u");

/** Cuts a line at what Python takes for white space; no piece is empty. */
export function splitAtWhitespace(line: string): string[] {
  return line.split(whitespace).filter((piece) => piece !== "");
}

/** Removes what Python takes for white space from the end of a line. */
export function trimEndWhitespace(line: string): string {
  return line.replace(trailingWhitespace, "");
}

/** Counts each run of `order` units; these hold no white space, so a space joins them unambiguously. */
export function countNGrams(units: readonly string[], order: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let start = 0; start + order <= units.length; start++) {
    const nGram = units.slice(start, start + order).join(" ");
    counts.set(nGram, (counts.get(nGram) ?? 0) + 1);
  }
  return counts;
}

/**
 * Composes a line of settings in the form of sacreBLEU's signature, for one reference a sentence.
 *
 * @param settings What else was chosen, in the order to print it.
 */
export function signature(settings: Readonly<Record<string, string | number>>): string {
  const all = { nrefs: 1, ...settings, version: `attend-${manifest.version}` };
  return Object.entries(all).map(([key, value]) => `${key}:${value}`).join("|");
}

/** Formats a non-negative number as Python does: a tie, such as 6.25, goes to the even digit. */
export function fixed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  // A binary number lies exactly between two decimals only if this product, which is exact, is odd.
  const isTie = (value * 2 ** (digits + 1)) % 2 === 1;
  const isOdd = Number(text.at(-1)) % 2 === 1;
  return isTie && isOdd ? (Number(text) - 10 ** -digits).toFixed(digits) : text;
}
