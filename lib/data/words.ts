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

/** Stands on the side of a punctuation piece that touches its neighbour (OpenNMT's joiner, U+FFED). */
const JOINER = "\uFFED";
/** What a joiner in the text itself becomes; no other piece but a word is longer than a character and its joiners. */
const ESCAPED_JOINER = "\\uffed";

// Marks belong to words here: cutting them off would tear Hindi or decomposed German words apart.
const PIECE = /[\p{L}\p{M}\p{N}_]+|./gsu;
const WORD_PIECE = /^[\p{L}\p{M}\p{N}_]+$/u;

/**
 * Cuts a text into words and single punctuation marks from which `joinPieces` restores it exactly.
 *
 * A mark that touches its neighbour says so with a joiner: `Hi, Tom!` becomes `Hi` `￭,` `Tom` `￭!`, and
 * `(no)` becomes `(￭` `no` `￭)`. Words never carry a joiner, so a word has one vocabulary entry wherever it stands.
 * A single space between pieces needs no piece; any other white space is a piece like a punctuation mark.
 *
 * @param text Any text of valid Unicode.
 * @returns The pieces in order.
 */
export function pieces(text: string): string[] {
  const found: string[] = [];
  for (const piece of text.match(PIECE) ?? []) found.push(piece);
  const isGap = found.map((piece, index) =>
    piece === " " && isBlack(found[index - 1]) && isBlack(found[index + 1])
  );
  const result: string[] = [];
  for (const [index, piece] of found.entries()) {
    if (isGap[index]) continue;
    if (WORD_PIECE.test(piece)) {
      result.push(piece);
      continue;
    }
    const touchesLeft = index > 0 && !isGap[index - 1];
    // Between two marks it is the right one that carries the joiner.
    const next = found[index + 1];
    const touchesRight = next !== undefined && WORD_PIECE.test(next);
    const core = piece === JOINER ? ESCAPED_JOINER : piece;
    result.push(`${touchesLeft ? JOINER : ""}${core}${touchesRight ? JOINER : ""}`);
  }
  return result;
}

/**
 * Puts pieces together into text: the inverse of `pieces`.
 *
 * @param list Pieces, also such as a model made up.
 * @returns The text.
 */
export function joinPieces(list: readonly string[]): string {
  let text = "";
  let touches = true;
  for (const piece of list) {
    const joinsLeft = piece.startsWith(JOINER);
    const joinsRight = piece.endsWith(JOINER);
    const core = piece.slice(joinsLeft ? 1 : 0, joinsRight ? -1 : undefined);
    if (!touches && !joinsLeft) text += " ";
    text += core === ESCAPED_JOINER ? JOINER : core;
    touches = joinsRight;
  }
  return text;
}

/** Tells whether a piece is nothing but white space. */
export function isWhite(piece: string): boolean {
  return /^\s+$/u.test(piece.replaceAll(JOINER, ""));
}

function isBlack(piece: string | undefined): boolean {
  return piece !== undefined && !/^\s$/u.test(piece);
}
