// Layer 2: copying and adding tensors into others, and joining them along their last axis. Slices need no operation:
// they are views (Tensor.slice).

import source from "../../kernels/copy_columns.wgsl" with { type: "text" };
import { elementwise, WORKGROUP } from "../gpu/fill.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { byPart, partOf } from "./parts.ts";

const params = {
  rows: "u32",
  columns: "u32",
  x_offset: "u32",
  x_stride: "u32",
  y_offset: "u32",
  y_stride: "u32",
  accumulate_y: "u32",
} as const;

/** Defines the kernel for a way of writing `y`. */
function define<const A extends "write" | "accumulate">(y: A) {
  return byPart(source, (source, part) =>
    defineKernel({
      name: "copy_columns",
      source,
      entryPoint: "forward",
      bindings: { x: "read", y },
      params,
      overrides: { WORKGROUP },
      workgroups: ({ rows, columns }) => elementwise(rows * columns / part),
    }));
}

const copy = define("write");
const add = define("accumulate");

/** Records `y = x` for two tensors of one shape, either of them possibly a view; its gradient is its users' affair. */
export function copyColumns(tape: Tape, x: Tensor, y: Tensor): void {
  tape.dispatch(copy[partOf(x, y)], { x, y }, { rows: x.rows, columns: x.columns });
}

/** Records `y += x` likewise, or `y = x` if nothing has written `y` before. */
function addColumns(tape: Tape, x: Tensor, y: Tensor): void {
  tape.dispatch(add[partOf(x, y)], { x, y }, { rows: x.rows, columns: x.columns });
}

/** Records `y = x` for two tensors of one shape, either of them possibly a view, `x` possibly an input. */
export function copyInto(tape: Tape, x: Tensor, y: Tensor): void {
  copyColumns(tape, x, y);
  if (x.storage.kind !== "input") tape.onBackward(() => addColumns(tape, y.grad, x.grad));
}

/** Records `y += x` likewise, for a `y` that has been written. */
export function addInto(tape: Tape, x: Tensor, y: Tensor): void {
  addColumns(tape, x, y);
  if (x.storage.kind !== "input") tape.onBackward(() => addColumns(tape, y.grad, x.grad));
}

/**
 * Records the concatenation of tensors along the last axis.
 *
 * @param parts Tensors that agree in all axes but the last.
 * @throws {RangeError} If they do not.
 */
export function concatenate(tape: Tape, parts: readonly Tensor[]): Tensor {
  const leading = parts[0]!.shape.slice(0, -1);
  for (const { shape, label } of parts) {
    if (String(shape.slice(0, -1)) !== String(leading)) {
      throw new RangeError(
        `Cannot concatenate "${label}" [${shape}] to "${parts[0]!.label}" [${parts[0]!.shape}].`,
      );
    }
  }
  const columns = parts.reduce((sum, part) => sum + part.columns, 0);
  const y = tape.tensor([...leading, columns], `[${parts.map(({ label }) => label).join("; ")}]`);
  let start = 0;
  for (const part of parts) copyInto(tape, part, y.columnSlice(start, start += part.columns));
  return y;
}
