// Layer 2: what several models make of the same words, as one.

import logAdd from "../../kernels/log_add.wgsl" with { type: "text" };
import logSum from "../../kernels/log_sum.wgsl" with { type: "text" };
import source from "../../kernels/mixture.wgsl" with { type: "text" };
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { oneARow, perProfile } from "./lanes.ts";

/** Defines an entry point for each profile. */
function define(entryPoint: string) {
  return perProfile((LANES) =>
    defineKernel({
      name: "mixture",
      source: logAdd + logSum + source,
      entryPoint,
      bindings: { logits: "read", y: "accumulate" },
      params: {
        rows: "u32",
        classes: "u32",
        logarithms: "u32",
        scale: "f32",
        logits_offset: "u32",
        logits_stride: "u32",
        accumulate_y: "u32",
      },
      overrides: { LANES },
      workgroups: ({ rows }) => oneARow(rows),
    })
  );
}

const logProbabilities = define("log_probabilities");
const scaled = define("scaled");

/** What the mean can be taken of; the first one is the default. */
export const MEANS = ["probabilities", "logarithms"] as const;

/** What the mean is taken of: the models' probabilities, or their logarithms. */
export type Mean = typeof MEANS[number];

/**
 * Records the mean of several softmaxes, as log-probabilities up to a constant. Not differentiable.
 *
 * @param logits One tensor a model, [rows, classes], possibly views.
 * @param mean Of probabilities, which any of the models can raise, or of logarithms, which any of them can lower.
 * @returns [rows, classes]
 * @throws {RangeError} If the shapes differ.
 */
export function mixture(tape: Tape, logits: readonly Tensor[], mean: Mean = "probabilities"): Tensor {
  const params = { logarithms: mean === "logarithms" ? 1 : 0, scale: 1 / logits.length };
  return record(tape, logProbabilities, logits, params, "mixture");
}

/** Records the mean of several tensors of one shape, [rows, columns], possibly views. Not differentiable. */
export function meanOf(tape: Tape, tensors: readonly Tensor[]): Tensor {
  return record(tape, scaled, tensors, { logarithms: 0, scale: 1 / tensors.length }, "mean");
}

function record(
  tape: Tape,
  kernel: typeof scaled,
  tensors: readonly Tensor[],
  params: { readonly logarithms: number; readonly scale: number },
  label: string,
): Tensor {
  const { rows, columns: classes } = tensors[0]!;
  const y = tape.tensor([rows, classes], `${label} of ${tensors.map(({ label }) => label).join(", ")}`);
  for (const logits of tensors) {
    if (logits.rows !== rows || logits.columns !== classes) {
      throw new RangeError(
        `Cannot take the mean of "${tensors[0]!.label}" [${rows}, ${classes}] and "${logits.label}" ` +
          `[${logits.rows}, ${logits.columns}]: their shapes differ.`,
      );
    }
    tape.dispatch(kernel[tape.device.profile], { logits, y }, { rows, classes, ...params });
  }
  return y;
}
