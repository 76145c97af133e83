// Layer 2: sums of columns; how a bias gets its gradient.

import source from "../../kernels/column_sum.wgsl" with { type: "text" };
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { oneARow, perProfile } from "./lanes.ts";
import { byPart, partOf } from "./parts.ts";

const forward = byPart(source, (source, part) =>
  perProfile((LANES) =>
    defineKernel({
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
      overrides: { LANES },
      workgroups: ({ columns }) => oneARow(Math.ceil(columns / part / 32)),
    })
  ));

/** Records `y[j] += sum over i of x[i, j]`; leading axes of `x` count as rows. */
export function columnSum(tape: Tape, x: Tensor, y: Tensor): void {
  const kernel = forward[partOf(x, y)][tape.device.profile];
  tape.dispatch(kernel, { x, y }, { rows: x.rows, columns: x.columns });
}
