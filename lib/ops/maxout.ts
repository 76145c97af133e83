// Layer 2: the larger of two neighbours, an activation that halves a layer's width.

import source from "../../kernels/maxout.wgsl" with { type: "text" };
import { elementwise, WORKGROUP } from "../gpu/fill.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";

const common = {
  name: "maxout",
  source,
  params: { size: "u32", x_offset: "u32", dx_offset: "u32", accumulate_dx: "u32" },
  overrides: { WORKGROUP },
  workgroups: ({ size }: { size: number }) => elementwise(size),
} as const;

const forward = defineKernel({ ...common, entryPoint: "forward", bindings: { x: "read", y: "write" } });
const backward = defineKernel({
  ...common,
  entryPoint: "backward",
  bindings: { x_saved: "read", dy: "read", dx: "accumulate" },
});

/**
 * Records maxout over pairs of neighbours (Goodfellow et al. 2013), as the readouts of Cho et al. 2014 and Bahdanau
 * et al. 2015 have it: `y[..., j] = max(x[..., 2j], x[..., 2j + 1])`. The gradient goes to the larger one, the first
 * where they are equal.
 *
 * @param x [..., 2 width]
 * @returns [..., width]
 * @throws {RangeError} If the last axis is odd.
 */
export function maxout(tape: Tape, x: Tensor): Tensor {
  if (x.columns % 2 !== 0) {
    throw new RangeError(
      `Cannot take "${x.label}" in pairs: its ${x.columns} columns must be an even number.`,
    );
  }
  const y = tape.tensor([...x.shape.slice(0, -1), x.columns / 2], `maxout(${x.label})`);
  tape.dispatch(forward, { x, y }, { size: y.size });
  tape.onBackward(() => tape.dispatch(backward, { x_saved: x, dy: y.grad, dx: x.grad }, { size: y.size }));
  return y;
}
