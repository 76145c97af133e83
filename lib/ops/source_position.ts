// Layer 2: a position in the source, predicted by a decoder: the centre of local attention.

import source from "../../kernels/source_position.wgsl" with { type: "text" };
import { elementwise, WORKGROUP } from "../gpu/fill.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";

const common = {
  name: "source_position",
  source,
  params: {
    size: "u32",
    batch: "u32",
    x_offset: "u32",
    y_offset: "u32",
    dx_offset: "u32",
    dy_offset: "u32",
    accumulate_dx: "u32",
  },
  overrides: { WORKGROUP },
  workgroups: ({ size }: { size: number }) => elementwise(size),
} as const;

const forward = defineKernel({
  ...common,
  entryPoint: "forward",
  bindings: { x: "read", lengths: "read", y: "write" },
});
const backward = defineKernel({
  ...common,
  entryPoint: "backward",
  bindings: { y_saved: "read", lengths: "read", dy: "read", dx: "accumulate" },
});

/**
 * Records `y = lengths · sigmoid(x)` (Luong et al. 2015, equation 9): positions from 0 to the length of each row.
 *
 * @param x [batch], or several steps of it.
 * @param lengths [batch] integers.
 * @param y Of the size of `x`.
 * @throws {RangeError} If the sizes do not fit.
 */
export function sourcePosition(tape: Tape, x: Tensor, lengths: Tensor, y: Tensor): void {
  const batch = lengths.size;
  if (x.size % batch !== 0 || y.size !== x.size) {
    throw new RangeError(
      `Cannot predict positions [${y.shape}] from [${x.shape}] in sources of lengths [${lengths.shape}].`,
    );
  }
  const sizes = { size: x.size, batch };
  tape.dispatch(forward, { x, lengths, y }, sizes);
  tape.onBackward(() => tape.dispatch(backward, { y_saved: y, lengths, dy: y.grad, dx: x.grad }, sizes));
}
