// Layer 2: the gradients of several batches added up, for a step whose batch is larger than memory.

import source from "../../kernels/gradient_sum.wgsl" with { type: "text" };
import { elementwise, WORKGROUP } from "../gpu/fill.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";

const forward = defineKernel({
  name: "gradient_sum",
  source,
  entryPoint: "forward",
  bindings: { gradients: "read", earlier: "read", sum: "read_write" },
  params: { size: "u32" },
  overrides: { WORKGROUP },
  workgroups: ({ size }) => elementwise(size),
});

/**
 * Records adding flat gradients to a sum.
 *
 * The plan gets an input `earlier` [1], the number of batches before this one in the step: with 0 the sum begins anew.
 *
 * @param gradients Of this batch, [N].
 * @param sum Where they are added up, [N].
 */
export function gradientSum(tape: Tape, gradients: Tensor, sum: Tensor): void {
  const earlier = tape.input("earlier", [1], "u32");
  tape.dispatch(forward, { gradients, earlier, sum }, { size: gradients.size / 4 });
}
