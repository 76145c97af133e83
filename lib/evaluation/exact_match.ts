// The share of translations that are wholly right: for names and digit strings it says more than BLEU,
// which is 0 for anything below four words.

import { checkPaired } from "./paired.ts";

/**
 * Computes the share of hypotheses that equal their reference.
 *
 * Strings are compared exactly, code unit by code unit: case, punctuation, white space and Unicode
 * normalisation all count. Normalise both sides first where they should not.
 *
 * @param hypotheses The translations, one a sentence.
 * @param references The reference of each hypothesis, at the same index.
 * @returns A fraction from 0 to 1.
 * @throws {RangeError} If there are no sentences, or not as many references as hypotheses.
 *
 * @example
 * ```ts
 * import { exactMatch } from "./exact_match.ts";
 *
 * console.log(exactMatch(["red apple", "Sun"], ["red apple", "sun"])); // 0.5
 * ```
 */
export function exactMatch(hypotheses: readonly string[], references: readonly string[]): number {
  checkPaired("exact match", hypotheses, references);
  const equal = hypotheses.filter((hypothesis, index) => hypothesis === references[index]);
  return equal.length / hypotheses.length;
}
