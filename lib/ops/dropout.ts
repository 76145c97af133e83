// Layer 2: dropout whose mask is computed twice instead of stored once.

import source from "../../kernels/dropout.wgsl" with { type: "text" };
import threefry from "../../kernels/threefry.wgsl" with { type: "text" };
import { elementwise, WORKGROUP } from "../gpu/fill.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";

const common = {
  name: "dropout",
  source: threefry + source,
  params: {
    size: "u32",
    seed: "u32",
    stream: "u32",
    threshold: "u32",
    scale: "f32",
    first: "u32",
    period: "u32",
    share: "u32",
    x_offset: "u32",
    y_offset: "u32",
    accumulate_y: "u32",
  },
  workgroups: ({ size }: { size: number }) => elementwise(size),
} as const;

/** Defines the kernel for masks of single elements, and for those in which several elements share a bit. */
function define<const A extends "write" | "accumulate">(y: A) {
  const bindings = { x: "read", step: "read", y } as const;
  const kernel = (SHARED: number) =>
    defineKernel({ ...common, entryPoint: "forward", bindings, overrides: { WORKGROUP, SHARED } });
  return { single: kernel(0), shared: kernel(1) };
}

const forward = define("write");
const backward = define("accumulate");

/**
 * What a random bit decides on:
 * - `element`: one element (Srivastava et al. 2014);
 * - `sequence`: one element at all steps: the mask depends on the last two axes, [batch, width], only (Gal and
 *   Ghahramani 2016);
 * - `word`: one row, that is, all columns of a word: the mask depends on all axes but the last.
 */
export type DropoutMask = "element" | "sequence" | "word";

/** How much is dropped, and which random bits decide. */
export interface DropoutOptions {
  /** The share of elements set to zero, from 0 up to but not including 1. */
  readonly rate: number;
  /** Of the run. */
  readonly seed: number;
  /** Tells the dropouts of one model from each other. */
  readonly stream: number;
  /** What is dropped together; `element` by default. */
  readonly mask?: DropoutMask;
  /**
   * Which step of a sequence `x` is, for decoders that go step by step: with the same seed and stream, dropping
   * `x.at(t)` at `time: t`, step after step, is dropping all of `x` [steps, batch, width] at once. 0 by default.
   */
  readonly time?: number;
}

/**
 * Records inverted dropout (Srivastava et al. 2014): elements are zero with probability `rate`, the others are
 * divided by `1 - rate`. Outside training, or at a rate of 0, it is `x` itself.
 *
 * The plan gets an input `step` [1], which the trainer counts up, so that each step drops others. Dropouts of one
 * model need streams of their own; the steps of one sequence share its stream and differ in `time`.
 *
 * Words that stay are divided by `1 - rate`, too, as in Gal and Ghahramani's own code; the mean over the words that
 * stay, of Iyyer et al. 2015, amounts to the same. Unlike theirs, which drops a word wherever it occurs in a
 * sentence, each occurrence is drawn by itself.
 *
 * @param into Where to leave the result; a new tensor if left out.
 * @throws {RangeError} If the rate is not in [0, 1).
 */
export function dropout(tape: Tape, x: Tensor, options: DropoutOptions, into?: Tensor): Tensor {
  const { rate, seed, stream, mask = "element", time = 0 } = options;
  if (!(rate >= 0 && rate < 1)) throw new RangeError(`Cannot drop a share of ${rate}: it must be in [0, 1).`);
  if (!tape.training || rate === 0) return x;
  const y = into ?? tape.tensor(x.shape, `dropout(${x.label})`);
  const step = tape.sharedInput("step", [1], "u32");
  const params = {
    size: x.size,
    seed: seed >>> 0,
    stream,
    threshold: Math.min(2 ** 32 - 1, Math.round((1 - rate) * 2 ** 32)),
    scale: 1 / (1 - rate),
    first: time * x.size,
    period: mask === "sequence" ? (x.shape.at(-2) ?? 1) * x.columns : 2 ** 32 - 1,
    share: mask === "word" ? x.columns : 1,
  };
  const kind = mask === "element" ? "single" : "shared";
  tape.dispatch(forward[kind], { x, step, y }, params);
  tape.onBackward(() => tape.dispatch(backward[kind], { x: y.grad, step, y: x.grad }, params));
  return y;
}
