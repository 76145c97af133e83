// Layer 2: the output of a pointer-generator network, which generates words or copies them from the source, and its loss.

import logAdd from "../../kernels/log_add.wgsl" with { type: "text" };
import source from "../../kernels/pointer.wgsl" with { type: "text" };
import softmaxRows from "../../kernels/softmax_rows.wgsl" with { type: "text" };
import { elementwise, WORKGROUP } from "../gpu/fill.ts";
import { type Access, defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { addTotals } from "./cross_entropy.ts";
import { gradientScale } from "./gradient_scale.ts";
import { oneARow, perProfile } from "./lanes.ts";
import { outputLayer, type OutputLayerOptions, outputLogits } from "./output_layer.ts";

const common = {
  name: "pointer",
  source: logAdd + softmaxRows + source,
  params: {
    rows: "u32",
    batch: "u32",
    source: "u32",
    classes: "u32",
    extra: "u32",
    first: "u32",
    ignored: "u32",
    training: "u32",
    targets_offset: "u32",
    gates_offset: "u32",
    weights_offset: "u32",
    dgates_offset: "u32",
    dweights_offset: "u32",
    y_offset: "u32",
    logits_stride: "u32",
    accumulate_dgates: "u32",
    accumulate_dweights: "u32",
  },
} as const;

const copied = defineKernel({
  ...common,
  entryPoint: "copied",
  bindings: { targets: "read", weights: "read", copies: "read", lengths: "read", mixture: "write" },
  overrides: { WORKGROUP },
  workgroups: ({ rows }) => elementwise(rows),
});

/** Defines a kernel in which a workgroup takes a row. */
function define<const B extends Record<string, Access>>(entryPoint: string, bindings: B) {
  return perProfile((LANES) =>
    defineKernel({
      ...common,
      entryPoint,
      bindings,
      overrides: { LANES },
      workgroups: ({ rows }) => oneARow(rows),
    })
  );
}

const forward = define("forward", {
  logits: "read_write",
  gates: "read",
  targets_saved: "read",
  losses: "read_write",
  mixture: "read_write",
  scale: "read",
});
const backward = define("backward", {
  targets: "read",
  gates: "read",
  copies: "read",
  lengths: "read",
  mixture_saved: "read",
  scale: "read",
  dgates: "accumulate",
  dweights: "accumulate",
});
const logProbabilities = define("log_probabilities", {
  logits: "read_write",
  gates: "read",
  copies: "read",
  lengths: "read",
  weights_saved: "read",
  y: "write",
});

/** The output layer, and from where words are copied. */
export interface PointerOptions extends OutputLayerOptions {
  /** [..., 1]: for each row the logit of generating a word instead of copying one. */
  readonly gates: Tensor;
  /** [..., source steps]: for each row its attention weights. */
  readonly attention: Tensor;
  /**
   * [source steps, batch] integers: the words of the source in the target's numbering; those that the target vocabulary
   * lacks have numbers from its size on, each row its own.
   */
  readonly copies: Tensor;
  /** [batch] integers: the number of source steps of each row. */
  readonly lengths: Tensor;
}

/** What {@linkcode pointerLoss} compares with, and where it leaves the loss. */
export interface PointerLossOptions extends PointerOptions {
  /** [steps, batch] integers: the right words, in the numbering of `copies`. */
  readonly targets: Tensor;
  /** The word whose rows do not count: padding. */
  readonly ignored: number;
  /** [2], added to: the sum of the losses, twice, as `crossEntropy` has it without label smoothing. */
  readonly totals: Tensor;
}

/**
 * Records the loss `-log P(target)` of a pointer-generator network (See et al. 2017, equations 8, 9 and 6), and in
 * training the gradients of the mean over the rows that count, with respect to `x`, the output layer, the gates and the
 * attention weights:
 * `P(w) = g softmax(x W^T + bias)[w] + (1 - g) (sum of the weights of the source steps whose word is w)`,
 * `g = sigmoid(gate)`.
 *
 * The loss of a word that can be generated is exact, however unlikely it is. One that is not in the target vocabulary and
 * whose weights sum to less than 1e-10 counts as copied with a weight of 1e-10, so its loss is finite: at least 23.03. Its
 * gradient then reaches the gate, but not the weights, and weights of so little reach no other word's loss either.
 *
 * The plan gets an input `scale` [1]: one over the number of rows that count, 0 if none does.
 *
 * @param x [steps, batch, width] or [steps * batch, width]
 * @throws {RangeError} If the shapes do not fit.
 */
export function pointerLoss(tape: Tape, x: Tensor, options: PointerLossOptions): void {
  const { gates, attention: weights, copies, lengths, targets, ignored, totals } = options;
  const rows = x.rows;
  if (targets.size !== rows) {
    throw new RangeError(`Cannot compare ${rows} predictions with ${targets.size} targets.`);
  }
  const sizes = { ...sizesOf(x, options), extra: 0, first: 0, ignored, training: tape.training ? 1 : 0 };
  const { profile } = tape.device;
  const scale = gradientScale(tape);
  const mixture = tape.tensor([2, rows], "copied weights and shares of generating");
  const losses = tape.tensor([2, rows], "losses");
  tape.dispatch(copied, { targets, weights, copies, lengths, mixture: mixture.at(0) }, sizes);
  outputLayer(tape, x.reshape(rows, x.columns), options, (logits, first) => {
    const bindings = { logits, gates, targets_saved: targets, losses, mixture, scale };
    tape.dispatch(forward[profile], bindings, { ...sizes, rows: logits.rows, first });
  });
  addTotals(tape, losses, totals);
  tape.onBackward(() => {
    const gradients = { dgates: gates.grad, dweights: weights.grad };
    const bindings = { targets, gates, copies, lengths, mixture_saved: mixture, scale, ...gradients };
    tape.dispatch(backward[profile], bindings, sizes);
  });
}

/**
 * Records `log P` of all words, generated or copied; see {@linkcode pointerLoss}. Not differentiable.
 *
 * @param x [..., width]; as many rows as the batch has, or several steps of them.
 * @param extra How many words beyond the target vocabulary `copies` may have; others are left out.
 * @returns [rows, classes + extra]; the logarithm of 0 is -1e30, so that sums stay finite.
 * @throws {RangeError} If the shapes do not fit.
 */
export function pointerLogProbabilities(
  tape: Tape,
  x: Tensor,
  options: PointerOptions & { readonly extra: number },
): Tensor {
  const { gates, attention, copies, lengths, extra } = options;
  const sizes = { ...sizesOf(x, options), extra, first: 0, ignored: 0, training: 0 };
  const logits = outputLogits(tape, x, options);
  const y = tape.tensor([x.rows, sizes.classes + extra], "log probabilities");
  const bindings = { logits, gates, copies, lengths, weights_saved: attention, y };
  tape.dispatch(logProbabilities[tape.device.profile], bindings, sizes);
  return y;
}

/** The sizes that both operations share. */
function sizesOf(x: Tensor, { weight, gates, attention, copies, lengths }: PointerOptions) {
  const { rows } = x;
  const [source, batch] = copies.shape as [number, number];
  const fits = gates.size === rows && attention.rows === rows && attention.columns === source &&
    lengths.size === batch && rows % batch === 0;
  if (!fits) {
    throw new RangeError(
      `Cannot copy into ${rows} rows with gates [${gates.shape}] and attention [${attention.shape}] from words ` +
        `[${copies.shape}] of lengths [${lengths.shape}].`,
    );
  }
  return { rows, batch, source, classes: weight.rows };
}
