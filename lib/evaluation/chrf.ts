// chrF (Popović 2015), which compares characters and so credits a word that is right but for its ending, and chrF++
// (Popović 2017), which adds words. Like BLEU they reproduce sacreBLEU's numbers and printed line.

import { checkPaired } from "./paired.ts";
import { countNGrams, fixed, signature, splitAtWhitespace } from "./sacrebleu.ts";

const CHARACTER_ORDER = 6;
/** Recall counts so many times as much as precision. */
const BETA = 2;

/** How `corpusChrf()` compares. */
export interface ChrfOptions {
  /** Up to which length word n-grams count too: `0`, none (the default), is chrF; `2` is chrF++. */
  readonly wordOrder?: 0 | 2;
  /** Whether both sides are lower-cased first; `false` by default. */
  readonly lowerCase?: boolean;
}

/** A corpus chrF or chrF++ score. */
export interface Chrf {
  /** The score, from 0 to 100. */
  readonly score: number;
  /** The settings in the form of sacreBLEU's signature, to be quoted beside the score; see {@linkcode Bleu}. */
  readonly signature: string;
  /** The line that sacreBLEU prints, as in `chrF2 = 62.41` or `chrF2++ = 58.03`. */
  toString(): string;
}

/** The n-grams of one order: in the hypotheses, in the references, and in both. */
interface Matches {
  hypothesis: number;
  reference: number;
  both: number;
}

/**
 * Computes corpus chrF, or chrF++, with the figures of sacreBLEU 2.6.0.
 *
 * It is the F-score, recall counting twice, of the precision and the recall of character n-grams up to length 6,
 * each averaged over the lengths that occur on both sides. Characters are Unicode's code points; white space is left
 * out. Matches are counted over the whole corpus, so this is no mean of sentence scores. For the words of chrF++, a
 * mark of ASCII punctuation at a word's end, or else at its beginning, is a word of its own.
 *
 * @param hypotheses The translations, not tokenized, one a sentence.
 * @param references The reference of each hypothesis, at the same index.
 * @param options Whether words count, and case.
 * @returns The score; as a string, the line that sacreBLEU prints.
 * @throws {RangeError} If there are no sentences, or not as many references as hypotheses.
 *
 * @example
 * ```ts
 * import { corpusChrf } from "./chrf.ts";
 *
 * const hypotheses = ["I lost my key today."], references = ["I lost my keys today."];
 * console.log(`${corpusChrf(hypotheses, references)}`); // chrF2 = 75.12
 * console.log(`${corpusChrf(hypotheses, references, { wordOrder: 2 })}`); // chrF2++ = 74.27
 * ```
 */
export function corpusChrf(
  hypotheses: readonly string[],
  references: readonly string[],
  options: ChrfOptions = {},
): Chrf {
  checkPaired("chrF", hypotheses, references);
  const { wordOrder = 0, lowerCase = false } = options;
  const prepare = (line: string): Map<string, number>[] =>
    nGrams(lowerCase ? line.toLowerCase() : line, wordOrder);
  const orders: Matches[] = Array.from(
    { length: CHARACTER_ORDER + wordOrder },
    () => ({ hypothesis: 0, reference: 0, both: 0 }),
  );
  hypotheses.forEach((line, index) => {
    const reference = prepare(references[index]!);
    prepare(line).forEach((counts, order) => addMatches(orders[order]!, counts, reference[order]!));
  });
  const score = fScore(orders);
  return {
    score,
    signature: signature({
      case: lowerCase ? "lc" : "mixed",
      eff: "yes",
      nc: CHARACTER_ORDER,
      nw: wordOrder,
      space: "no",
    }),
    toString: () => `chrF${BETA}${"+".repeat(wordOrder)} = ${fixed(score, 2)}`,
  };
}

/** The n-grams of a line: those of characters by length, then those of words. */
function nGrams(line: string, wordOrder: number): Map<string, number>[] {
  const pieces = splitAtWhitespace(line);
  const characters = [...pieces.join("")];
  const words = wordOrder > 0 ? pieces.flatMap(withoutPunctuation) : [];
  return [
    ...Array.from({ length: CHARACTER_ORDER }, (_, index) => countNGrams(characters, index + 1)),
    ...Array.from({ length: wordOrder }, (_, index) => countNGrams(words, index + 1)),
  ];
}

/** Parts a word from one mark of punctuation, at its end rather than at its beginning: "(hi)" becomes "(hi" and ")". */
function withoutPunctuation(word: string): string[] {
  const [, before, end] = /^(.+)([!-/:-@[-`{-~])$/su.exec(word) ?? [];
  if (before !== undefined) return [before, end!];
  const [, beginning, after] = /^([!-/:-@[-`{-~])(.+)$/su.exec(word) ?? [];
  return beginning !== undefined ? [beginning, after!] : [word];
}

function addMatches(
  matches: Matches,
  hypothesis: ReadonlyMap<string, number>,
  reference: ReadonlyMap<string, number>,
): void {
  for (const count of reference.values()) matches.reference += count;
  // As in sacreBLEU, n-grams longer than their reference are no mistakes.
  if (reference.size === 0) return;
  for (const [nGram, count] of hypothesis) {
    matches.hypothesis += count;
    matches.both += Math.min(count, reference.get(nGram) ?? 0);
  }
}

function fScore(orders: readonly Matches[]): number {
  const counted = orders.filter(({ hypothesis, reference }) => hypothesis > 0 && reference > 0);
  if (counted.length === 0) return 0;
  const mean = (side: "hypothesis" | "reference"): number =>
    counted.reduce((sum, matches) => sum + matches.both / matches[side], 0) / counted.length;
  const precision = mean("hypothesis"), recall = mean("reference");
  if (precision + recall === 0) return 0;
  return 100 * ((1 + BETA ** 2) * precision * recall / (BETA ** 2 * precision + recall));
}
