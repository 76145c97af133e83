// Layer 3: several models that decode one batch as if they were one.

import type { Tape } from "../gpu/tape.ts";
import { type Mean, meanOf, mixture } from "../ops/mixture.ts";
import type { DecoderState, WordByWord } from "./word_by_word.ts";

/**
 * Combines models that work on one batch: at each step the mean of what they say, in probabilities by default, and the
 * mean of where they look, if all of them do. The state is all their states, one after the other.
 *
 * @param models At work on the same sentences, with the same copies of each.
 * @throws {RangeError} If they differ in their rows or in the words that they can choose.
 */
export function ensemble(tape: Tape, models: readonly WordByWord[], mean?: Mean): WordByWord {
  const [first] = models as [WordByWord];
  if (models.length === 1) return first;
  for (const { rows, classes } of models) {
    if (rows !== first.rows || classes !== first.classes) {
      throw new RangeError(
        `Cannot combine a model of ${first.classes} words in ${first.rows} rows with one of ${classes} in ${rows}.`,
      );
    }
  }
  return {
    rows: first.rows,
    classes: first.classes,
    initial: models.flatMap(({ initial }) => initial),
    step(words, state, t) {
      const steps = models.map((model, index) => model.step(words, partOf(models, state, index), t));
      const attentions = steps.flatMap(({ attention }) => attention ?? []);
      return {
        logits: mixture(tape, steps.map(({ logits }) => logits), mean),
        attention: attentions.length === models.length ? meanOf(tape, attentions) : undefined,
        state: steps.flatMap((step) => step.state),
      };
    },
  };
}

/** The part of the state that belongs to one of the models. */
function partOf(models: readonly WordByWord[], state: DecoderState, index: number): DecoderState {
  const start = models.slice(0, index).reduce((sum, { initial }) => sum + initial.length, 0);
  return state.slice(start, start + models[index]!.initial.length);
}
