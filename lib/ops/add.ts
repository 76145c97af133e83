// Layer 2: sums of tensors, for connections around a layer.

import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { addInto, copyInto } from "./concatenate.ts";

/**
 * Records `a + b`, elementwise: a residual connection (He et al. 2016).
 *
 * @param a Of any shape, possibly a view.
 * @param b Of the same shape, possibly a view, or `a` itself.
 * @throws {RangeError} If the shapes differ.
 */
export function add(tape: Tape, a: Tensor, b: Tensor): Tensor {
  if (String(a.shape) !== String(b.shape)) {
    throw new RangeError(`Cannot add "${b.label}" [${b.shape}] to "${a.label}" [${a.shape}].`);
  }
  const y = tape.tensor(a.shape, `${a.label} + ${b.label}`);
  copyInto(tape, a, y);
  addInto(tape, b, y);
  return y;
}
