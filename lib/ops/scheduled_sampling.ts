// Layer 2: which word a decoder is given next in training: the right one, or the one it would have said itself.

import source from "../../kernels/scheduled_sampling.wgsl" with { type: "text" };
import threefry from "../../kernels/threefry.wgsl" with { type: "text" };
import { elementwise, WORKGROUP } from "../gpu/fill.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";

const forward = defineKernel({
  name: "scheduled_sampling",
  source: threefry + source,
  entryPoint: "forward",
  bindings: { right: "read", predicted: "read", teacher_share: "read", step: "read", chosen: "write" },
  params: {
    batch: "u32",
    seed: "u32",
    stream: "u32",
    first: "u32",
    right_offset: "u32",
    predicted_offset: "u32",
    chosen_offset: "u32",
  },
  overrides: { WORKGROUP },
  workgroups: ({ batch }) => elementwise(batch),
});

/** The words to choose from, and which random bits decide. */
export interface ScheduledSamplingOptions {
  /** [batch] integers: the right words of this step. */
  readonly right: Tensor;
  /** [batch] integers: the other words, such as the likeliest ones after the step before. */
  readonly predicted: Tensor;
  /** Which step of the sequence this is; each draws bits of its own. */
  readonly time: number;
  /** Of the run. */
  readonly seed: number;
  /** Tells what is drawn here from what the model's dropouts draw, each of which has another stream. */
  readonly stream: number;
  /**
   * [batch] integers: where to leave the chosen words; a new tensor if left out. To be read by the host it has to be a kept
   * one, for only floats are copied.
   */
  readonly chosen?: Tensor;
}

/**
 * Records scheduled sampling (Bengio et al. 2015): each row of the batch gets its right word with a probability that
 * training lowers step by step, else the other one. No gradient goes through the choice.
 *
 * The plan gets an input `teacher_share` [1], that probability, and an input `step` [1], which the trainer counts up.
 *
 * @returns [batch] integers: the chosen words.
 * @throws {RangeError} If the sizes differ.
 */
export function scheduledSampling(tape: Tape, options: ScheduledSamplingOptions): Tensor {
  const { right, predicted, time, seed, stream } = options;
  const batch = right.size;
  const { chosen = tape.tensor([batch], "chosen words", "u32") } = options;
  if (predicted.size !== batch || chosen.size !== batch) {
    throw new RangeError(
      `Cannot choose between ${batch} right words and ${predicted.size} others for ${chosen.size} rows.`,
    );
  }
  const teacher_share = tape.sharedInput("teacher_share", [1], "f32");
  const step = tape.sharedInput("step", [1], "u32");
  const params = { batch, seed: seed >>> 0, stream, first: time * batch };
  tape.dispatch(forward, { right, predicted, teacher_share, step, chosen }, params);
  return chosen;
}
