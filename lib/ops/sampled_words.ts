// Layer 2: words drawn at random, of all words or of the likeliest.

import logAdd from "../../kernels/log_add.wgsl" with { type: "text" };
import logSum from "../../kernels/log_sum.wgsl" with { type: "text" };
import source from "../../kernels/sampled_words.wgsl" with { type: "text" };
import threefry from "../../kernels/threefry.wgsl" with { type: "text" };
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { oneARow, perProfile } from "./lanes.ts";
import type { Candidates } from "./likeliest_words.ts";

const forward = perProfile((LANES) =>
  defineKernel({
    name: "sampled_words",
    source: threefry + logAdd + logSum + source,
    entryPoint: "forward",
    bindings: {
      logits: "read",
      normalizers: "read",
      totals: "read",
      draws: "read",
      words: "write",
      scores: "write",
    },
    params: {
      rows: "u32",
      classes: "u32",
      banned: "u32",
      top: "u32",
      step: "u32",
      nucleus: "f32",
      inverse_temperature: "f32",
      logits_offset: "u32",
      logits_stride: "u32",
    },
    overrides: { LANES },
    workgroups: ({ rows }) => oneARow(rows),
  })
);

/** From which words to draw, and which random bits decide. */
export interface SampledWordsOptions {
  /** [rows]: the log-probability of each row's hypothesis so far. */
  readonly totals: Tensor;
  /** [rows]: what makes the logits log-probabilities, of `logNormalizer`. */
  readonly normalizers: Tensor;
  /** [rows, 3] integers: for each row the seed, the number of the sentence, and that of its copy. */
  readonly draws: Tensor;
  /** The number of the step. */
  readonly step: number;
  /** What logits are divided by; 1 by default. */
  readonly temperature?: number;
  /** Draw from so many of the likeliest words; from all if left out. */
  readonly top?: number | undefined;
  /** Draw from the likeliest words that together have this share of the probability; 1, all of them, by default. */
  readonly nucleus?: number;
  /** Words that are not drawn, as bits: 1 << w for word w, of the first 32 words only. */
  readonly banned?: number;
}

/**
 * Records a word of each row drawn from `softmax(logits / temperature)`, kept to the `top` likeliest words (Fan et al.
 * 2018) and then to the fewest likeliest of those that have a share `nucleus` of what is left of the probability
 * (Holtzman et al. 2020). Words as likely as the last one that is kept are kept too. Not differentiable.
 *
 * Exact but for the rounding of sums in 32 bits: nothing is sorted, but which word is the last is found bit by bit. A word is
 * drawn to a multiple of 2^-24 of the probability that is left. What is drawn depends on the row's logits, its numbers in
 * `draws`, and the step, not on other rows.
 *
 * @param logits [rows, classes], possibly a view; those of -1e30 or less are of words that cannot be.
 * @returns One candidate a row. Its score is the log-probability in `softmax(logits)`, whatever was kept.
 */
export function sampledWords(tape: Tape, logits: Tensor, options: SampledWordsOptions): Candidates {
  const { totals, normalizers, draws, step, temperature = 1, top = 0, nucleus = 1, banned = 0 } = options;
  const { rows, columns: classes } = logits;
  const words = tape.tensor([rows, 1], "sampled words", "u32");
  const scores = tape.tensor([rows, 1], "scores of sampled words");
  const params = { rows, classes, banned, top, step, nucleus, inverse_temperature: 1 / temperature };
  const bindings = { logits, normalizers, totals, draws, words, scores };
  tape.dispatch(forward[tape.device.profile], bindings, params);
  return { words, scores };
}
