// How BLEU cuts a line into words. The figures of two papers compare only if both cut alike, so these
// follow sacreBLEU to the letter, whatever a better tokenizer would do.

/** A tokenisation that `corpusBleu()` knows, by the name that sacreBLEU gives it. */
export type BleuTokenizer = "13a" | "none";

// What Python's str.split() takes for white space: unlike JavaScript's \s it has the four information
// separators and NEL, and lacks the byte order mark.
// deno-lint-ignore no-control-regex
const whitespace = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;
const trailingWhitespace = new RegExp(`${whitespace.source}$`, "u");

const tokenizers: Readonly<Record<BleuTokenizer, (line: string) => string>> = {
  "13a": tokenize13a,
  "none": (line) => line,
};

/**
 * Cuts a line into the words that BLEU counts.
 *
 * @param line One sentence, not tokenized.
 * @param tokenizer `"13a"`, that of mteval-v13a as used by WMT, or `"none"` to cut at white space only.
 * @returns The words.
 */
export function bleuTokens(line: string, tokenizer: BleuTokenizer): string[] {
  const separated = tokenizers[tokenizer](line.replace(trailingWhitespace, ""));
  return separated.split(whitespace).filter((token) => token !== "");
}

/** Sets ASCII punctuation apart with spaces; inside numbers, periods and commas stay. */
function tokenize13a(line: string): string {
  const text = line
    .replaceAll("<skipped>", "")
    .replaceAll("-\n", "")
    .replaceAll("\n", " ")
    // In this order: `&amp;lt;` becomes `<`.
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">");
  return ` ${text} `
    .replace(/[ -&(-+/:-@[-`{-~]/gu, " $& ")
    .replace(/([^0-9])([.,])/gu, "$1 $2 ")
    .replace(/([.,])([^0-9])/gu, " $1 $2")
    .replace(/([0-9])(-)/gu, "$1 $2 ");
}
