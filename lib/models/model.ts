// Layer 3: what training, measuring and saving ask of a model. They are written once, for every model that says this
// much about itself.

import type { Batch, Bucket, EncodedPair } from "../data/batches.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import type { MergeDropout } from "../data/tokenizer_kind.ts";
import type { Device } from "../gpu/device.ts";
import type { Parameters } from "../gpu/parameters.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** The shape of a batch of texts. */
export interface TextShape {
  /** Words of the longest text. */
  readonly length: number;
  /** Texts. */
  readonly rows: number;
}

/** The numbers that {@linkcode LossOptions.totals} has room for. */
export const TOTALS = 3;

/** The words that a decoder is given; see {@linkcode LossOptions.given}. */
export type GivenWords = "right" | "own" | "either";

/** Where a loss is added up, and how it is smoothed. */
export interface LossOptions {
  /**
   * [3]: the sum of the losses, that of -log p(right answer), and, of a model that
   * {@linkcode Model.countsRightAnswers}, the number of answers that were right; else [2] will do.
   */
  readonly totals: Tensor;
  /** Label smoothing; 0 by default. */
  readonly smoothing?: number;
  /**
   * Which words a translator is given at each step:
   * - `"right"`: the right word before it (teacher forcing); the default;
   * - `"own"`: the likeliest word after the step before (free running);
   * - `"either"`: of these two, the right one with the probability of the input `teacher_share` [1] (scheduled sampling,
   *   Bengio et al. 2015), drawn anew for each number in the input `step` [1].
   */
  readonly given?: GivenWords;
}

/**
 * A model that learns from examples: sentence pairs, or texts with their class.
 *
 * @typeParam Example What it learns from.
 */
export interface Model<Example> {
  /** Where it lives. */
  readonly device: Device;
  /** The weights, on the GPU. */
  readonly parameters: Parameters;
  /** All options, defaults filled in; the seed settles the order of batches too, unless training has its own. */
  readonly config: { readonly seed: number };
  /** What reads and writes its texts; each is a file of its folder. */
  readonly tokenizers: Readonly<Record<string, Tokenizer>>;
  /** Training leaves out examples that are longer, unless it is told another limit. */
  readonly maxLength: number;
  /** Whether its loss counts the answers that were right. */
  readonly countsRightAnswers: boolean;

  /**
   * Turns examples into numbers: `source` is what is read; `target` what is to be answered, behind `<sos>`.
   *
   * @param draw Leaves out merges of byte pairs at random (BPE-dropout), where its tokenizers have any.
   * @throws {RangeError} If an example cannot be learned from.
   */
  encode(examples: readonly Example[], draw?: MergeDropout): EncodedPair[];
  /** Records the loss of a batch. The plan gets the inputs that {@linkcode Model.inputs} packs. */
  loss(tape: Tape, bucket: Bucket, options: LossOptions): void;
  /** Packs a batch as the inputs of a plan recorded by {@linkcode Model.loss}. */
  inputs(batch: Batch): Record<string, Uint32Array | Float32Array>;
  /** Runs `free` when the model is closed: for what was made for this model alone. */
  onClose(free: () => void): void;
  /** Frees the weights and what was made for the model. No plan recorded for it must run any more. */
  close(): void;
}
