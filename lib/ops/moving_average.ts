// Layer 2: the exponential moving average of all weights, which is often better than the weights themselves.

import source from "../../kernels/moving_average.wgsl" with { type: "text" };
import { elementwise, WORKGROUP } from "../gpu/fill.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";

const forward = defineKernel({
  name: "moving_average",
  source,
  entryPoint: "forward",
  bindings: { values: "read", control: "read", average: "read_write" },
  params: { size: "u32", decay: "f32" },
  overrides: { WORKGROUP },
  workgroups: ({ size }) => elementwise(size),
});

/**
 * Records `average = d average + (1 - d) values` (Polyak & Juditsky 1992, as an exponential average), with
 * `d = min(decay, (1 + t) / (10 + t))` after step t, so that the first weights are soon forgotten, as in TensorFlow's
 * `ExponentialMovingAverage`. After a step that the optimizer skipped the average stays as it is.
 *
 * @param values The flat weights after the optimizer's step, at least as many as there are averages.
 * @param control What {@linkcode optimizerStep} leaves behind, [11].
 * @param average [N], at the start the weights.
 * @param decay Below 1.
 */
export function movingAverage(
  tape: Tape,
  values: Tensor,
  control: Tensor,
  average: Tensor,
  decay: number,
): void {
  tape.dispatch(forward, { values, control, average }, { size: average.size / 4, decay });
}
