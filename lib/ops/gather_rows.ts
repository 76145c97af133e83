// Layer 2: rows of a tensor in another order; how the states of a beam follow their hypotheses.

import source from "../../kernels/gather_rows.wgsl" with { type: "text" };
import { elementwise, WORKGROUP } from "../gpu/fill.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { byPart, partOf } from "./parts.ts";

const forward = byPart(source, (source, part) =>
  defineKernel({
    name: "gather_rows",
    source,
    entryPoint: "forward",
    bindings: { x: "read", indices: "read", y: "write" },
    params: {
      rows: "u32",
      columns: "u32",
      x_rows: "u32",
      x_offset: "u32",
      x_stride: "u32",
      indices_offset: "u32",
    },
    overrides: { WORKGROUP },
    workgroups: ({ rows, columns }) => elementwise(rows * columns / part),
  }));

/**
 * Records `y[i, :] = x[indices[i], :]`. An index past the end reads the last row. Not differentiable.
 *
 * @param x [rows, width], possibly a view; floats or integers.
 * @param indices Integers of any shape.
 * @returns [indices, width]
 */
export function gatherRows(tape: Tape, x: Tensor, indices: Tensor): Tensor {
  const { columns } = x;
  const y = tape.tensor([indices.size, columns], `rows of ${x.label}`, x.storage.type);
  const sizes = { rows: indices.size, columns, x_rows: x.rows };
  tape.dispatch(forward[partOf(x, y)], { x, indices, y }, sizes);
  return y;
}
