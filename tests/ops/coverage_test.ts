// Coverage and its loss: sums and minima in plain loops, over rows of different lengths.

import { Tape } from "../../lib/gpu/tape.ts";
import { type Tensor } from "../../lib/gpu/tensor.ts";
import { advanceCoverage, coverageLoss } from "../../lib/ops/coverage.ts";
import { assertThrows } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";
import { type AttentionCase, attentionReference, recordAttention, shapesOf } from "./attention_reference.ts";
import { checkOperation } from "./check.ts";
import { check, FACTOR, lossOf } from "./coverage_check.ts";

for (const [steps, batch, source] of [[2, 1, 1], [4, 3, 5], [3, 2, 67]] as const) {
  const size = batch * source;
  checkOperation({
    name: `advanceCoverage() over ${steps} steps of ${batch} rows of ${source} words`,
    inputs: { weights: [steps, batch, source] },
    record: (tape, { weights }) => {
      const coverage = tape.tensor(weights.shape, "coverage");
      tape.fill(coverage.at(0), 0);
      for (let t = 0; t + 1 < steps; t++) advanceCoverage(tape, coverage, weights, t);
      return { coverage };
    },
    reference: ({ weights }) => {
      const coverage = new Float64Array(steps * size);
      for (let i = size; i < coverage.length; i++) coverage[i] = coverage[i - size]! + weights[i - size]!;
      return { coverage };
    },
  });
}

// More steps times rows than a workgroup has lanes, more words than that, and a row that does not count at all.
for (
  const [steps, source, lengths] of [[1, 1, [1]], [4, 5, [4, 0, 2]], [2, 67, [1, 2]], [35, 2, [
    35,
    20,
  ]]] as const
) {
  const shape = [steps, lengths.length, source];
  testEachProfile(
    `coverageLoss() of ${steps} steps over ${source} words, rows of ${lengths} steps`,
    (device) =>
      check(device, {
        shapes: { weights: shape, coverage: shape },
        lengths: { lengths },
        record: (tape, tensors, totals) => {
          const { weights, coverage, lengths } = tensors as Record<
            "weights" | "coverage" | "lengths",
            Tensor
          >;
          coverageLoss(tape, { weights, coverage, lengths, factor: FACTOR, totals });
        },
        reference: ({ weights, coverage }) => lossOf(weights!, coverage!, source, lengths),
      }),
  );
}

testEachProfile("coverageLoss() reaches everything that attention was computed from", (device) => {
  const options: AttentionCase = {
    ...{ steps: 4, source: 5, width: 3, valuesWidth: 2, lengths: [5, 1, 3, 0] },
    ...{ score: "additive", covered: true },
  };
  const steps = [4, 2, 3, 1];
  return check(device, {
    shapes: shapesOf(options),
    lengths: { lengths: options.lengths, steps },
    record: (tape, tensors, totals) => {
      const { weights, coverage } = recordAttention(tape, options, tensors);
      coverageLoss(tape, { weights, coverage: coverage!, lengths: tensors.steps!, factor: FACTOR, totals });
    },
    reference: (inputs) => {
      const { weights, coverage } = attentionReference(inputs, options);
      return lossOf(weights, coverage, options.source, steps);
    },
  });
});

Deno.test("coverageLoss() refuses shapes that do not fit", () => {
  const tape = new Tape(device, { training: true });
  const [weights, coverage] = [tape.tensor([2, 3, 4], "weights"), tape.tensor([2, 3, 5], "coverage")];
  const [lengths, totals] = [tape.input("lengths", [3], "u32"), tape.tensor([2], "totals")];
  const options = { weights, coverage: weights, lengths, totals };
  assertThrows(() => coverageLoss(tape, { ...options, coverage }), RangeError, "[2,3,5]");
  assertThrows(() => coverageLoss(tape, { ...options, lengths: totals }), RangeError, "[2]");
});
