// Layer 3: what decoding asks of a model: one word after the other, with the state between two words in plain sight.

import type { Tensor } from "../gpu/tensor.ts";

/** What a decoder hands from one step to the next: tensors [rows, width]. */
export type DecoderState = readonly Tensor[];

/** The batch that is to be decoded. */
export interface DecodingShape {
  /** Words of the longest source. */
  readonly sourceLength: number;
  /** Sentences. */
  readonly sentences: number;
  /** Rows that each sentence gets: the hypotheses of a beam. */
  readonly copies: number;
}

/** What a step makes of the last words. */
export interface DecoderStep {
  /** [rows, classes]: log-probabilities, up to a constant for each row. */
  readonly logits: Tensor;
  /** [rows, source steps]: where the decoder has looked; absent without attention. */
  readonly attention?: Tensor | undefined;
  /** What the next step starts from. */
  readonly state: DecoderState;
}

/** A model at work on one batch, word by word. */
export interface WordByWord {
  /** Sentences times copies; the copies of one sentence are neighbours. */
  readonly rows: number;
  /** Words that can be chosen. */
  readonly classes: number;
  /** What the first step starts from. */
  readonly initial: DecoderState;
  /**
   * Records one step.
   *
   * @param words [rows] integers: the last word of each row.
   * @param state The state before it; its tensors may be others than a step returned, such as reordered ones.
   * @param t The number of the step, from 0.
   */
  step(words: Tensor, state: DecoderState, t: number): DecoderStep;
}
