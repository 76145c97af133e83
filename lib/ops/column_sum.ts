// Layer 2: sums of columns; how a bias gets its gradient.

import source from "../../kernels/column_sum.wgsl" with { type: "text" };
import type { Device, Profile } from "../gpu/device.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { addParts } from "./add_parts.ts";
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
        rows_share: "u32",
        columns: "u32",
        x_offset: "u32",
        x_stride: "u32",
        y_offset: "u32",
        y_stride: "u32",
        accumulate_y: "u32",
      },
      overrides: { LANES },
      workgroups: ({ rows, rows_share, columns }) => [
        ...oneARow(Math.ceil(columns / part / 32)),
        Math.max(1, Math.ceil(rows / rows_share)),
      ],
    })
  ));

/** The fewest rows that a workgroup is worth. */
const LEAST_ROWS = 64;

/** Workgroups that keep one processor of a GPU busy; a software adapter's are slower with more than there are. */
const BUSY: Readonly<Record<Profile, number>> = { cpu8: 0, gpu: 2 };

/**
 * Records `y[j] += sum over i of x[i, j]`; leading axes of `x` count as rows.
 *
 * @param shares How many workgroups share the rows of a column, whose sums a second kernel adds; for tests.
 */
export function columnSum(tape: Tape, x: Tensor, y: Tensor, shares: number = sharesOf(tape.device, x)): void {
  const { rows, columns } = x;
  const share = Math.max(1, Math.ceil(rows / shares));
  const actual = Math.ceil(rows / share);
  if (actual <= 1) {
    const kernel = forward[partOf(x, y)][tape.device.profile];
    tape.dispatch(kernel, { x, y }, { rows, columns, rows_share: share });
    return;
  }
  const sums = tape.tensor([actual, columns], `sums of ${x.label}`);
  const kernel = forward[partOf(x, sums)][tape.device.profile];
  tape.dispatch(kernel, { x, y: sums }, { rows, columns, rows_share: share });
  addParts(tape, sums.reshape(actual, 1, columns), y);
}

/** How many workgroups share the rows of a column. */
function sharesOf(device: Device, { rows, columns }: Tensor): number {
  const groups = Math.ceil(columns / 128);
  const most = Math.floor(BUSY[device.profile] * device.parallelism / groups);
  return Math.max(1, Math.min(most, Math.floor(rows / LEAST_ROWS)));
}
