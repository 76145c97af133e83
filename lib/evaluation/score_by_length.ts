// Scores by the length of the source: what showed that a vector of fixed size forgets long sentences, and attention
// does not (Bahdanau et al. 2015, figure 2).

import { words } from "../data/words.ts";
import { corpusBleu } from "./bleu.ts";
import { checkPaired } from "./paired.ts";

/** How `scoreByLength()` parts and measures. */
export interface LengthScoreOptions {
  /** How many lengths share a bucket; by default the least of 1, 2, 5, 10, 20 … that gives at most ten buckets. */
  readonly width?: number;
  /** The figure to compute of each bucket; BLEU with the tokenizer 13a by default. */
  readonly score?: (hypotheses: readonly string[], references: readonly string[]) => number;
}

/** The score of the sentences of some lengths. */
export interface LengthScore {
  /** The least number of source words that the bucket takes. */
  readonly from: number;
  /** The greatest number of source words that the bucket takes. */
  readonly to: number;
  /** How many sentences are in it, at least 1. */
  readonly sentences: number;
  /** The mean number of source words of those sentences. */
  readonly meanLength: number;
  /** Their score, as one corpus. */
  readonly score: number;
}

/**
 * Scores translations in buckets of equal width by the length of their sources.
 *
 * A length is the number of words, punctuation left out. A bucket is scored as a corpus of its own: corpus scores of
 * buckets do not average to that of the whole. Sentences without words are in the first bucket, which then begins
 * at 0. Few sentences make a noisy score, so look at the counts.
 *
 * @param sources The source sentences.
 * @param hypotheses The translation of each.
 * @param references The reference of each.
 * @param options The width of a bucket, and what to compute.
 * @returns The buckets that have sentences, the shortest first.
 * @throws {RangeError} If there are no sentences, the lists differ in length, or the width is not a positive integer.
 *
 * @example
 * ```ts
 * import { exactMatch } from "./exact_match.ts";
 * import { scoreByLength } from "./score_by_length.ts";
 *
 * const sources = ["Sun", "Moon", "red apple tree"];
 * const scores = scoreByLength(sources, ["Sonne", "Mund", "Apfelbaum"], ["Sonne", "Mond", "Apfelbaum"], {
 *   width: 2,
 *   score: exactMatch,
 * });
 * console.assert(scores[0]!.to === 2 && scores[0]!.sentences === 2 && scores[0]!.score === 0.5);
 * console.assert(scores[1]!.from === 3 && scores[1]!.score === 1);
 * ```
 */
export function scoreByLength(
  sources: readonly string[],
  hypotheses: readonly string[],
  references: readonly string[],
  options: LengthScoreOptions = {},
): LengthScore[] {
  checkPaired("scores by length", hypotheses, references);
  if (sources.length !== references.length) {
    throw new RangeError(
      `Cannot compute scores by length: there are ${sources.length} sources but ${references.length} references; ` +
        `give the source of each translation`,
    );
  }
  const lengths = sources.map((source) => words(source).length);
  const { width = widthFor(lengths), score = bleuScore } = options;
  if (!Number.isInteger(width) || width < 1) {
    throw new RangeError(`Cannot compute scores by length: width must be a positive integer, got ${width}`);
  }
  const bucketOf = (length: number): number => Math.max(0, Math.ceil(length / width) - 1);
  const buckets = Map.groupBy(sources.keys(), (index) => bucketOf(lengths[index]!));
  return [...buckets].sort(([a], [b]) => a - b).map(([bucket, indices]) => ({
    from: indices.some((index) => lengths[index] === 0) ? 0 : bucket * width + 1,
    to: (bucket + 1) * width,
    sentences: indices.length,
    meanLength: indices.reduce((sum, index) => sum + lengths[index]!, 0) / indices.length,
    score: score(indices.map((index) => hypotheses[index]!), indices.map((index) => references[index]!)),
  }));
}

function bleuScore(hypotheses: readonly string[], references: readonly string[]): number {
  return corpusBleu(hypotheses, references).score;
}

/** A round width with which the lengths fill at most ten buckets. */
function widthFor(lengths: readonly number[]): number {
  const longest = lengths.reduce((most, length) => Math.max(most, length), 1);
  for (let scale = 1;; scale *= 10) {
    const width = [1, 2, 5].map((digit) => digit * scale).find((width) => width * 10 >= longest);
    if (width !== undefined) return width;
  }
}
