// Corpus BLEU (Papineni et al. 2002), the usual figure for a translation. It reproduces sacreBLEU's numbers
// and printed line, because a BLEU that differs in tokenisation or smoothing compares with nothing.

import { type BleuTokenizer, bleuTokens } from "./bleu_tokenizer.ts";
import { checkPaired } from "./paired.ts";
import { countNGrams, fixed, signature } from "./sacrebleu.ts";

export type { BleuTokenizer } from "./bleu_tokenizer.ts";

const MAX_ORDER = 4;

/** How `corpusBleu()` compares. */
export interface BleuOptions {
  /**
   * How lines are cut into words: `"13a"` (the default); `"none"`, at white space only; `"intl"`, by Unicode's
   * punctuation and symbols; or `"char"`, into characters, for languages without spaces.
   */
  readonly tokenize?: BleuTokenizer;
  /** Whether both sides are lower-cased first; `false` by default. */
  readonly lowerCase?: boolean;
}

/** A corpus BLEU score and everything that it was computed from. */
export interface Bleu {
  /** The score, from 0 to 100. */
  readonly score: number;
  /** The precisions of 1-grams to 4-grams in percent, smoothed where nothing matched. */
  readonly precisions: readonly [number, number, number, number];
  /** The factor, at most 1, that punishes translations shorter than their references. */
  readonly brevityPenalty: number;
  /** The number of words in all hypotheses. */
  readonly hypothesisLength: number;
  /** The number of words in all references. */
  readonly referenceLength: number;
  /** The numbers of 1-grams to 4-grams of the hypotheses that stand in their references. */
  readonly counts: readonly [number, number, number, number];
  /** The numbers of 1-grams to 4-grams in the hypotheses. */
  readonly totals: readonly [number, number, number, number];
  /**
   * The settings in the form of sacreBLEU's signature, to be quoted beside the score.
   *
   * Its version is this program's, `attend-0.1.0`: the figures are those of sacreBLEU 2.6.0, but sacreBLEU did
   * not compute them.
   */
  readonly signature: string;
  /** The line that sacreBLEU prints, as in `BLEU = 28.30 60.1/34.9/… (BP = 0.982 ratio = …)`. */
  toString(): string;
}

type PerOrder = [number, number, number, number];

/**
 * Computes corpus BLEU with the figures of sacreBLEU 2.6.0.
 *
 * Matches are counted over the whole corpus, so this is no mean of sentence scores. Smoothing is
 * exponential, as sacreBLEU does by default, and the order stays 4: a corpus whose hypotheses all have fewer
 * than four words scores 0, see `exactMatch()` for those.
 *
 * @param hypotheses The translations, not tokenized, one a sentence.
 * @param references The reference of each hypothesis, at the same index.
 * @param options How the lines are cut and compared.
 * @returns The score with its parts; as a string, the line that sacreBLEU prints.
 * @throws {RangeError} If there are no sentences, or not as many references as hypotheses.
 *
 * @example
 * ```ts
 * import { corpusBleu } from "./bleu.ts";
 *
 * const bleu = corpusBleu(["I lost my key today."], ["I lost my keys today."]);
 * console.log(bleu.score.toFixed(1)); // 38.0
 * console.log(`${bleu}`); // BLEU = 37.99 83.3/60.0/25.0/16.7 (BP = 1.000 …
 * ```
 */
export function corpusBleu(
  hypotheses: readonly string[],
  references: readonly string[],
  options: BleuOptions = {},
): Bleu {
  checkPaired("BLEU", hypotheses, references);
  const { tokenize = "13a", lowerCase = false } = options;
  const prepare = (line: string): string[] => bleuTokens(lowerCase ? line.toLowerCase() : line, tokenize);
  const counts: PerOrder = [0, 0, 0, 0];
  const totals: PerOrder = [0, 0, 0, 0];
  let hypothesisLength = 0;
  let referenceLength = 0;
  hypotheses.forEach((line, index) => {
    const hypothesis = prepare(line);
    const reference = prepare(references[index]!);
    hypothesisLength += hypothesis.length;
    referenceLength += reference.length;
    addMatches(hypothesis, reference, counts, totals);
  });
  const brevityPenalty = brevity(hypothesisLength, referenceLength);
  const precisions = smoothedPrecisions(counts, totals);
  const score = precisions.includes(0)
    ? 0
    : brevityPenalty * Math.exp(precisions.reduce((sum, value) => sum + Math.log(value), 0) / MAX_ORDER);
  const parts = { score, precisions, brevityPenalty, hypothesisLength, referenceLength };
  return {
    ...parts,
    counts,
    totals,
    signature: signature({ case: lowerCase ? "lc" : "mixed", eff: "no", tok: tokenize, smooth: "exp" }),
    toString: () => print(parts),
  };
}

/** Adds the n-grams of a sentence to the totals, and those also in its reference to the counts. */
function addMatches(
  hypothesis: readonly string[],
  reference: readonly string[],
  counts: PerOrder,
  totals: PerOrder,
): void {
  for (let order = 1; order <= MAX_ORDER; order++) {
    const available = countNGrams(reference, order);
    for (const [nGram, count] of countNGrams(hypothesis, order)) {
      totals[order - 1]! += count;
      counts[order - 1]! += Math.min(count, available.get(nGram) ?? 0);
    }
  }
}

function brevity(hypothesisLength: number, referenceLength: number): number {
  if (hypothesisLength >= referenceLength) return 1;
  return hypothesisLength > 0 ? Math.exp(1 - referenceLength / hypothesisLength) : 0;
}

/** Precisions in percent; each successive order without a match counts as half the one before (1/2, 1/4 …). */
function smoothedPrecisions(counts: PerOrder, totals: PerOrder): PerOrder {
  const precisions: PerOrder = [0, 0, 0, 0];
  if (counts.every((count) => count === 0)) return precisions;
  let smoothing = 1;
  for (const [index, total] of totals.entries()) {
    if (total === 0) break;
    const count = counts[index]!;
    if (count === 0) smoothing *= 2;
    precisions[index] = count === 0 ? 100 / (smoothing * total) : 100 * count / total;
  }
  return precisions;
}

function print(bleu: Omit<Bleu, "counts" | "totals" | "signature">): string {
  const { hypothesisLength, referenceLength } = bleu;
  const precisions = bleu.precisions.map((precision) => fixed(precision, 1)).join("/");
  const ratio = referenceLength > 0 ? hypothesisLength / referenceLength : 0;
  return `BLEU = ${fixed(bleu.score, 2)} ${precisions} (BP = ${fixed(bleu.brevityPenalty, 3)} ` +
    `ratio = ${fixed(ratio, 3)} hyp_len = ${hypothesisLength} ref_len = ${referenceLength})`;
}
