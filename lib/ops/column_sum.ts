// Layer 2: sums of columns; how a bias gets its gradient.

import source from "../../kernels/column_sum.wgsl" with { type: "text" };
import { elementwise, WORKGROUP } from "../gpu/fill.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";

const forward = defineKernel({
  name: "column_sum",
  source,
  entryPoint: "forward",
  bindings: { x: "read", y: "accumulate" },
  params: {
    rows: "u32",
    columns: "u32",
    x_offset: "u32",
    x_stride: "u32",
    y_offset: "u32",
    accumulate_y: "u32",
  },
  overrides: { WORKGROUP },
  workgroups: ({ columns }) => elementwise(columns),
});

/** Records `y[j] += sum over i of x[i, j]`; leading axes of `x` count as rows. */
export function columnSum(tape: Tape, x: Tensor, y: Tensor): void {
  tape.dispatch(forward, { x, y }, { rows: x.rows, columns: x.columns });
}
