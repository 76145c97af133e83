// Layer 2: coverage (See et al. 2017, section 2.3): what attention has looked at before a step, and the loss that keeps it
// from looking at the same words again.

import source from "../../kernels/coverage.wgsl" with { type: "text" };
import lossSource from "../../kernels/coverage_loss.wgsl" with { type: "text" };
import { elementwise, WORKGROUP } from "../gpu/fill.ts";
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { gradientScale } from "./gradient_scale.ts";
import { oneARow, perProfile } from "./lanes.ts";

const common = {
  name: "coverage",
  source,
  params: {
    size: "u32",
    previous: "u32",
    current: "u32",
    weights_offset: "u32",
    coverage_offset: "u32",
    dweights_offset: "u32",
    dcoverage_offset: "u32",
    accumulate_dweights: "u32",
    accumulate_dcoverage: "u32",
  },
  overrides: { WORKGROUP },
  workgroups: ({ size }: { size: number }) => elementwise(size),
} as const;

const forward = defineKernel({
  ...common,
  entryPoint: "forward",
  bindings: { weights: "read", coverage: "read_write" },
});
const backward = defineKernel({
  ...common,
  entryPoint: "backward",
  bindings: { dweights: "accumulate", dcoverage: "accumulate" },
});

/**
 * Records `coverage[t + 1] = coverage[t] + weights[t]`.
 *
 * @param coverage [steps, batch, source steps], written up to step `t`.
 * @param weights [steps, batch, source steps]: the weights of attention, written up to step `t`.
 */
export function advanceCoverage(tape: Tape, coverage: Tensor, weights: Tensor, t: number): void {
  const [before, after, added] = [coverage.at(t), coverage.at(t + 1), weights.at(t)];
  const params = { size: added.size, previous: before.offset, current: after.offset };
  tape.dispatch(forward, { weights: added, coverage: after }, params);
  tape.onBackward(() => {
    tape.require(after.grad);
    tape.dispatch(backward, { dweights: added.grad, dcoverage: before.grad }, params);
  });
}

const lossCommon = {
  name: "coverage_loss",
  source: lossSource,
  params: {
    rows: "u32",
    batch: "u32",
    source: "u32",
    factor: "f32",
    weights_offset: "u32",
    coverage_offset: "u32",
    totals_offset: "u32",
    dweights_offset: "u32",
    dcoverage_offset: "u32",
    accumulate_dweights: "u32",
    accumulate_dcoverage: "u32",
  },
} as const;

const lossForward = perProfile((LANES) =>
  defineKernel({
    ...lossCommon,
    entryPoint: "forward",
    bindings: { weights: "read", coverage: "read", lengths: "read", losses: "write" },
    overrides: { LANES },
    workgroups: ({ rows }) => oneARow(rows),
  })
);
const lossTotal = perProfile((LANES) =>
  defineKernel({
    ...lossCommon,
    entryPoint: "total",
    bindings: { losses_saved: "read", totals: "read_write" },
    overrides: { LANES },
    workgroups: () => [1],
  })
);
const lossBackward = defineKernel({
  ...lossCommon,
  entryPoint: "backward",
  bindings: {
    weights: "read",
    coverage: "read",
    lengths: "read",
    scale: "read",
    dweights: "accumulate",
    dcoverage: "accumulate",
  },
  overrides: { WORKGROUP },
  workgroups: ({ rows, source }) => elementwise(rows * source),
});

/** What the loss of coverage is computed from. */
export interface CoverageLossOptions {
  /** [steps, batch, source steps]: the weights of attention. */
  readonly weights: Tensor;
  /** [steps, batch, source steps]: the sum of the weights of earlier steps. */
  readonly coverage: Tensor;
  /** [batch] integers: the number of decoder steps of each row; later ones do not count. */
  readonly lengths: Tensor;
  /** What the loss is multiplied by; 1 by default. */
  readonly factor?: number;
  /** The first element is added to. */
  readonly totals: Tensor;
}

/**
 * Records `factor` times the sum of `min(weights, coverage)` over all steps that count (See et al. 2017, equation 12), and in
 * training its gradient, into those of weights and coverage. Where the two are alike, the coverage gets it.
 *
 * The plan gets an input `scale` [1]: what the gradient is multiplied by, one over the number of words that count.
 *
 * @throws {RangeError} If the shapes do not fit.
 */
export function coverageLoss(tape: Tape, options: CoverageLossOptions): void {
  const { weights, coverage, lengths, factor = 1, totals } = options;
  const [steps, batch, source] = weights.shape as [number, number, number];
  if (String(coverage.shape) !== String([steps, batch, source]) || lengths.size !== batch) {
    throw new RangeError(
      `Cannot compare attention weights [${weights.shape}] with coverage [${coverage.shape}] and lengths ` +
        `[${lengths.shape}]: expected two of [steps, batch, source steps], and [batch].`,
    );
  }
  const { profile } = tape.device;
  const params = { rows: steps * batch, batch, source, factor };
  const losses = tape.tensor([steps, batch], "losses of coverage");
  tape.dispatch(lossForward[profile], { weights, coverage, lengths, losses }, params);
  tape.dispatch(lossTotal[profile], { losses_saved: losses, totals }, params);
  const scale = gradientScale(tape);
  tape.onBackward(() => {
    const gradients = { dweights: weights.grad, dcoverage: coverage.grad };
    tape.dispatch(lossBackward, { weights, coverage, lengths, scale, ...gradients }, params);
  });
}
