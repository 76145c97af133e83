// Layer 2: the same rows several times over: for each step of a sequence, or for each hypothesis of a beam.

import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { copyInto } from "./concatenate.ts";

/** Records `x` [batch, width] for each of `steps` steps: [steps, batch, width]. */
export function repeatSteps(tape: Tape, x: Tensor, steps: number): Tensor {
  const y = tape.tensor([steps, ...x.shape], `${x.label}, repeated`);
  for (let t = 0; t < steps; t++) copyInto(tape, x, y.at(t));
  return y;
}

/** Records each row of `x` [..., batch, width] `copies` times, side by side: [..., batch copies, width]. */
export function repeatRows(tape: Tape, x: Tensor, copies: number): Tensor {
  const { shape, rows, columns } = x;
  const y = tape.tensor([...shape.slice(0, -2), shape.at(-2)! * copies, columns], `${x.label}, repeated`);
  const wide = y.reshape(rows, copies * columns);
  for (let copy = 0; copy < copies; copy++) {
    const part = wide.columnSlice(copy * columns, (copy + 1) * columns);
    copyInto(tape, x.reshape(rows, columns), part);
  }
  return y;
}

/** The integers of an input [..., batch] likewise: [..., batch copies]. */
export function repeatInput(tape: Tape, x: Tensor, copies: number): Tensor {
  const repeated = tape.derivedInput(x, x.size * copies, `${x.label}, repeated`, (from, to) => {
    for (let i = 0; i < to.length; i++) to[i] = from[Math.floor(i / copies)]!;
  });
  return repeated.reshape(...x.shape.slice(0, -1), x.columns * copies);
}
