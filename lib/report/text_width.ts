// How much room a text takes: one column a letter, two for Chinese, Japanese, Korean and most emoji.

// Unicode's East Asian Width is no property of JavaScript's patterns; these scripts and blocks make up nearly
// all that is wide.
const wide = new RegExp(
  "[\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}\\p{sc=Hangul}\\p{sc=Bopomofo}\\p{sc=Yi}\\p{Emoji_Presentation}" +
    "\\u3000-\\u303e\\uff01-\\uff60\\uffe0-\\uffe6]",
  "u",
);
const halfWidth = /[\uff61-\uffdc]/gu;
const joined = /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}]*$/u;
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * Measures a text in columns of a terminal.
 *
 * @param text The text, without escape sequences.
 * @returns The number of columns.
 */
export function textWidth(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment);
  return width;
}

/**
 * Shortens a text to a number of columns, ending it in an ellipsis if anything is cut.
 *
 * @param text The text, without escape sequences.
 * @param columns The room, in columns.
 * @returns The text, or its beginning and `…`.
 */
export function truncate(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  if (columns < 1) return "";
  let width = 0;
  let kept = "";
  for (const { segment } of graphemes.segment(text)) {
    width += graphemeWidth(segment);
    if (width > columns - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** A grapheme is a letter with its accents, or an emoji with its skin tone: one or two columns as a whole. */
function graphemeWidth(grapheme: string): number {
  if (joined.test(grapheme)) return 0;
  // Of the script Katakana or Hangul, yet narrow; their voice marks take a column of their own.
  const halves = grapheme.match(halfWidth);
  if (halves !== null) return halves.length;
  return wide.test(grapheme) ? 2 : 1;
}
