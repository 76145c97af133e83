// Layer 2: the likeliest class of each row; how greedy decoding chooses a word.

import source from "../../kernels/argmax.wgsl" with { type: "text" };
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { oneARow, perProfile } from "./lanes.ts";

const forward = perProfile((LANES) =>
  defineKernel({
    name: "argmax",
    source,
    entryPoint: "forward",
    bindings: { x: "read", y: "write" },
    params: { rows: "u32", columns: "u32", y_offset: "u32" },
    overrides: { LANES },
    workgroups: ({ rows }) => oneARow(rows),
  })
);

/**
 * Records the column of the largest element of each row, the first one where several are equal. Not differentiable.
 *
 * @param x [rows, columns]
 * @param y [rows] integers; a new tensor if left out. To be read by the host it has to be a kept one, for only floats are
 *   copied.
 */
export function argmax(tape: Tape, x: Tensor, y: Tensor = tape.tensor([x.rows], "argmax", "u32")): Tensor {
  tape.dispatch(forward[tape.device.profile], { x, y }, { rows: x.rows, columns: x.columns });
  return y;
}
