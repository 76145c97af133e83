// Greedy decoding at its simplest: all steps recorded, each given the likeliest word of the one before.

import type { Tape } from "../../lib/gpu/tape.ts";
import type { Tensor } from "../../lib/gpu/tensor.ts";
import type { Seq2Seq } from "../../lib/models/seq2seq.ts";
import { argmax } from "../../lib/ops/argmax.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";

/** Translations, which follow the sentences' `<eos>` with words that mean nothing. */
export interface GreedyOutput {
  /** [steps, batch] integers. */
  readonly words: Tensor;
  /** [steps, batch, source steps]; absent where there is no attention. */
  readonly attention: Tensor | undefined;
}

/** Records `steps` words for each row; the plan gets the inputs of `wordByWord()`, and `first` [rows], all `<sos>`. */
export function greedy(
  model: Seq2Seq,
  tape: Tape,
  { sourceLength, rows, steps }: { sourceLength: number; rows: number; steps: number },
): GreedyOutput {
  const decoder = model.wordByWord(tape, { sourceLength, sentences: rows, copies: 1 });
  const words = tape.kept([steps, rows], "words", "u32");
  const attention = model.config.attention === "none"
    ? undefined
    : tape.kept([steps, rows, sourceLength], "attention");
  let last = tape.input("first", [rows], "u32");
  let state = decoder.initial;
  for (let t = 0; t < steps; t++) {
    const step = decoder.step(last, state, t);
    state = step.state;
    last = argmax(tape, step.logits, words.at(t));
    if (attention) copyInto(tape, step.attention!, attention.at(t));
  }
  return { words, attention };
}
