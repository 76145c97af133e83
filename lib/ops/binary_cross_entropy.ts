// Layer 2: the loss of a model that answers yes or no.

import source from "../../kernels/binary_cross_entropy.wgsl" with { type: "text" };
import { elementwise, WORKGROUP } from "../gpu/fill.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { gradientScale } from "./gradient_scale.ts";
import { perProfile } from "./lanes.ts";

const common = {
  name: "binary_cross_entropy",
  source,
  params: {
    rows: "u32",
    ignored: "u32",
    smoothing: "f32",
    logits_offset: "u32",
    dlogits_offset: "u32",
    accumulate_dlogits: "u32",
  },
} as const;

const forward = perProfile((LANES) =>
  defineKernel({
    ...common,
    entryPoint: "forward",
    bindings: { logits: "read", labels: "read", totals: "read_write" },
    overrides: { LANES },
    workgroups: () => [1],
  })
);
const backward = defineKernel({
  ...common,
  entryPoint: "backward",
  bindings: { logits_saved: "read", labels: "read", scale: "read", dlogits: "accumulate" },
  overrides: { WORKGROUP },
  workgroups: ({ rows }) => elementwise(rows),
});

/** What the logits should say. */
export interface BinaryCrossEntropyOptions {
  /** [rows] integers: 0, 1 or `ignored`. */
  readonly labels: Tensor;
  /** The label of rows that do not count. */
  readonly ignored: number;
  /** The share of probability that the target gives to both answers alike; 0 by default. */
  readonly smoothing?: number;
  /** [3], added to: the sum of the losses, that of -log p(label), and the number of rows that are right. */
  readonly totals: Tensor;
}

/**
 * Records `-log sigmoid(x)` of rows labelled 1 and `-log(1 - sigmoid(x))` of those labelled 0, from the logits `x`, and
 * in training the gradient of the mean over the rows that count. PyTorch's `binary_cross_entropy_with_logits`. A row
 * counts as right if its label is 1 and `x > 0`, or 0 and not.
 *
 * The plan gets an input `scale` [1]: one over the number of rows that count, 0 if none does.
 *
 * @param logits [rows, 1] or [rows]
 * @throws {RangeError} If there are not as many labels.
 */
export function binaryCrossEntropy(tape: Tape, logits: Tensor, options: BinaryCrossEntropyOptions): void {
  const { labels, ignored, smoothing = 0, totals } = options;
  const rows = logits.size;
  if (labels.size !== rows || !logits.contiguous) {
    throw new RangeError(
      `Cannot compare logits [${logits.shape}] with ${labels.size} labels: each label takes one logit.`,
    );
  }
  const params = { rows, ignored, smoothing };
  tape.dispatch(forward[tape.device.profile], { logits, labels, totals }, params);
  const scale = gradientScale(tape);
  tape.onBackward(() =>
    tape.dispatch(backward, { logits_saved: logits, labels, scale, dlogits: logits.grad }, params)
  );
}
