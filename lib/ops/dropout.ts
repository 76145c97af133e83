// Layer 2: dropout whose mask is computed twice instead of stored once.

import source from "../../kernels/dropout.wgsl" with { type: "text" };
import { elementwise, WORKGROUP } from "../gpu/fill.ts";
import { defineKernel, type Kernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";

const common = {
  name: "dropout",
  source,
  params: {
    size: "u32",
    seed: "u32",
    stream: "u32",
    threshold: "u32",
    scale: "f32",
    x_offset: "u32",
    y_offset: "u32",
    accumulate_y: "u32",
  },
  overrides: { WORKGROUP },
  workgroups: ({ size }: { size: number }) => elementwise(size),
} as const;

const forward = defineKernel({
  ...common,
  entryPoint: "forward",
  bindings: { x: "read", step: "read", y: "write" },
});
const backward = defineKernel({
  ...common,
  entryPoint: "forward",
  bindings: { x: "read", step: "read", y: "accumulate" },
});

/** The generator alone, for the test with its published answers. */
export const threefryKernel: Kernel<
  { readonly counters: "read"; readonly random: "write" },
  typeof common.params
> = defineKernel({ ...common, entryPoint: "known_answers", bindings: { counters: "read", random: "write" } });

/** How much is dropped, and which random bits decide. */
export interface DropoutOptions {
  /** The share of elements set to zero, from 0 up to but not including 1. */
  readonly rate: number;
  /** Of the run. */
  readonly seed: number;
  /** Tells the dropouts of one model from each other. */
  readonly stream: number;
}

/**
 * Records inverted dropout (Srivastava et al. 2014): elements are zero with probability `rate`, the others are
 * divided by `1 - rate`. Outside training, or at a rate of 0, it is `x` itself.
 *
 * The plan gets an input `step` [1], which the trainer counts up, so that each step drops others.
 *
 * @throws {RangeError} If the rate is not in [0, 1).
 */
export function dropout(tape: Tape, x: Tensor, options: DropoutOptions): Tensor {
  const { rate, seed, stream } = options;
  if (!(rate >= 0 && rate < 1)) throw new RangeError(`Cannot drop a share of ${rate}: it must be in [0, 1).`);
  if (!tape.training || rate === 0) return x;
  const y = tape.tensor(x.shape, `dropout(${x.label})`);
  const step = tape.sharedInput("step", [1], "u32");
  const threshold = Math.min(2 ** 32 - 1, Math.round((1 - rate) * 2 ** 32));
  const params = { size: x.size, seed: seed >>> 0, stream, threshold, scale: 1 / (1 - rate) };
  tape.dispatch(forward, { x, step, y }, params);
  tape.onBackward(() => tape.dispatch(backward, { x: y.grad, step, y: x.grad }, params));
  return y;
}
