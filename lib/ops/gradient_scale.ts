// Layer 2: the factor with which the gradients of a loss begin.

import source from "../../kernels/gradient_scale.wgsl" with { type: "text" };
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";

const forward = defineKernel({
  name: "gradient_scale",
  source,
  entryPoint: "forward",
  bindings: { scale: "read", loss_scale: "read", scaled: "write" },
  params: { loss_scale_offset: "u32" },
  workgroups: () => [1],
});

/**
 * Records the factor of a loss' gradients: the input `scale` [1], one over the number of answers, and in half precision
 * times the loss scale (Micikevicius et al. 2018, section 3.2), which {@linkcode optimizerStep} takes out again.
 *
 * @returns [1]
 */
export function gradientScale(tape: Tape): Tensor {
  const scale = tape.sharedInput("scale", [1], "f32");
  if (!tape.lossScale) return scale;
  const scaled = tape.tensor([1], "scale in half precision");
  tape.dispatch(forward, { scale, loss_scale: tape.lossScale, scaled }, {});
  return scaled;
}
