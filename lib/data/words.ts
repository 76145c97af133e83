// The two ways of cutting a text into tokens: the bare words of the original data preparation, and pieces that
// keep punctuation and can be put together again.

const WORD = /[\p{L}\p{N}_]+/gu;

/**
 * Cuts a text into its words, exactly as Python's `re.findall(r"\w+", text)` does.
 *
 * A word is a run of letters, numbers and underscores (Unicode's L and N): "don't" is two words, and combining
 * marks part words as they do in Python. The two agree on every character of Unicode 14, Python 3.11's version;
 * letters added to Unicode later are letters in whichever of the two is newer.
 *
 * @param text Any text.
 * @returns The words in order, in the case they have in the text.
 */
export function words(text: string): string[] {
  return text.match(WORD) ?? [];
}

/** Stands on the side of a punctuation mark that touches its neighbour (OpenNMT's joiner, U+FFED). */
export const JOINER = "\uFFED";

// Marks belong to words here: cutting them off would tear Hindi or decomposed German words apart.
const LETTER = "\\p{L}\\p{M}\\p{N}_";
// What JavaScript or Rust takes for white space.
const WHITE = "\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff";

/**
 * How a text becomes pieces with spaces between them: regular expressions, in the notation that tokenizer.json shares, and
 * what each match is replaced by. The last two match no character, but the place between two.
 */
export const PIECE_RULES: readonly (readonly [pattern: string, content: string])[] = [
  [`[${WHITE}]+`, " "],
  [JOINER, "\u25A0"], // a square of another width, which is no joiner
  [`(?<=[^ ])(?=[^ ${LETTER}])`, ` ${JOINER}`], // a mark that touches what is before it
  [`(?<=[^ ${LETTER}${JOINER}])(?=[${LETTER}])`, `${JOINER} `], // a mark that touches a word behind it
];
const RULES = PIECE_RULES.map(([pattern, content]) => [new RegExp(pattern, "gu"), content] as const);

/** What goes when pieces are put together: joiners, and spaces behind them. */
export const JOINER_PATTERN: string = `${JOINER} ?`;
const JOINERS = new RegExp(JOINER_PATTERN, "gu");

/**
 * Cuts a text into words and single punctuation marks from which `joinPieces` restores it, but for white space: a run of
 * it counts as one space, and none at the ends. A joiner in the text becomes another square, U+25A0.
 *
 * A mark that touches its neighbour says so with a joiner: `Hi, Tom!` becomes `Hi` `￭,` `Tom` `￭!`, and
 * `(no)` becomes `(￭` `no` `￭)`; between two marks it is the right one that carries the joiner. Words never do, so a
 * word has one vocabulary entry wherever it stands.
 *
 * @param text Any text of valid Unicode.
 * @returns The pieces in order.
 */
export function pieces(text: string): string[] {
  for (const [pattern, content] of RULES) text = text.replaceAll(pattern, content);
  return text.split(" ").filter((piece) => piece !== "");
}

/**
 * Puts pieces together into text: the inverse of `pieces`.
 *
 * @param list Pieces, also such as a model made up.
 * @returns The text.
 */
export function joinPieces(list: readonly string[]): string {
  const text = list.map((piece, index) => index === 0 || piece.startsWith(JOINER) ? piece : ` ${piece}`);
  return text.join("").replaceAll(JOINERS, "");
}
