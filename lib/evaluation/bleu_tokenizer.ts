// How BLEU cuts a line into words. The figures of two papers compare only if both cut alike, so these
// follow sacreBLEU to the letter, whatever a better tokenizer would do.

import { splitAtWhitespace, trimEndWhitespace } from "./sacrebleu.ts";

/** A tokenisation that `corpusBleu()` knows, by the name that sacreBLEU gives it. */
export type BleuTokenizer = "13a" | "none" | "intl" | "char";

/** All tokenisations, the usual one first. */
export const BLEU_TOKENIZERS = ["13a", "none", "intl", "char"] as const satisfies readonly BleuTokenizer[];

const tokenizers: Readonly<Record<BleuTokenizer, (line: string) => string>> = {
  "13a": tokenize13a,
  "none": (line) => line,
  "intl": tokenizeInternational,
  "char": (line) => [...line].join(" "),
};

/**
 * Cuts a line into the words that BLEU counts.
 *
 * @param line One sentence, not tokenized.
 * @param tokenizer `"13a"`, that of mteval-v13a as used by WMT; `"none"` to cut at white space only; `"intl"`, that
 *   of mteval-v14, which knows the punctuation and symbols of all scripts; `"char"` for characters, as Unicode counts
 *   them, white space left out.
 * @returns The words.
 */
export function bleuTokens(line: string, tokenizer: BleuTokenizer): string[] {
  return splitAtWhitespace(tokenizers[tokenizer](trimEndWhitespace(line)));
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

/** Sets punctuation apart unless it stands between numerals, and every symbol. */
function tokenizeInternational(line: string): string {
  return line
    .replace(/(\P{N})(\p{P})/gu, "$1 $2 ")
    .replace(/(\p{P})(\P{N})/gu, " $1 $2")
    .replace(/\p{S}/gu, " $& ");
}
