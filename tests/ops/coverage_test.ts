// Coverage and its loss: sums and minima in plain loops, over rows of different lengths.

import type { Device } from "../../lib/gpu/device.ts";
import { Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { overwrite, persistent, type Tensor } from "../../lib/gpu/tensor.ts";
import { advanceCoverage, coverageLoss } from "../../lib/ops/coverage.ts";
import { Random } from "../../lib/random.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";
import { type AttentionCase, attentionReference, recordAttention, shapesOf } from "./attention_reference.ts";
import { assertClose, checkOperation, normals, type Numbers, type Shape } from "./check.ts";
import { CHAINS, SUMS } from "../tolerances.ts";

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

const FACTOR = 1.5;
const SCALE = 0.125;

/** What a loss is computed from. */
interface Case {
  /** The shapes of the parameters. */
  readonly shapes: Readonly<Record<string, Shape>>;
  /** The lengths that the plan is given. */
  readonly lengths: Readonly<Record<string, readonly number[]>>;
  /** Records the loss. */
  readonly record: (tape: Tape, tensors: Readonly<Record<string, Tensor>>, totals: Tensor) => void;
  /** The loss in plain loops. */
  readonly reference: (inputs: Readonly<Record<string, Numbers>>) => number;
}

/** The equation of the paper, times the factor. */
function lossOf(weights: Numbers, coverage: Numbers, source: number, lengths: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) {
    const row = Math.floor(i / source);
    const counts = Math.floor(row / lengths.length) < lengths[row % lengths.length]!;
    if (counts) sum += FACTOR * Math.min(weights[i]!, coverage[i]!);
  }
  return sum;
}

/** The loss begins its own backward pass, so it is recorded here as training records it. */
async function check(device: Device, { shapes, lengths, record, reference }: Case): Promise<void> {
  const inputs: Record<string, Float32Array> = {};
  const parameters = new Parameters(device);
  for (const [name, shape] of Object.entries(shapes)) {
    parameters.declare(name, shape, (random, size) => inputs[name] = normals(random, size));
  }
  parameters.allocate(new Random(3));
  const totals = persistent(device, [2], "totals");
  overwrite(device, totals, Float32Array.of(0.5, 0.25));
  const tape = new Tape(device, { training: true });
  const tensors = Object.fromEntries(parameters.tensors);
  for (const [name, values] of Object.entries(lengths)) {
    tensors[name] = tape.input(name, [values.length], "u32");
  }
  record(tape, tensors, totals);
  tape.backward(parameters.tensors.values());
  const plan = await Plan.compile(tape);
  const integers = Object.entries(lengths).map(([name, values]) => [name, Uint32Array.from(values)]);
  plan.run({ scale: Float32Array.of(SCALE), ...Object.fromEntries(integers) });
  const [sums] = await plan.read(totals);
  const gradients = await parameters.read("gradients");
  plan.close();
  parameters.close();
  device.destroyBuffer(totals.storage.buffer!);
  assertClose([sums![0]! - 0.5], [reference(inputs)], SUMS, "the loss");
  assertEquals(sums![1], 0.25, "the second total is not this loss's");
  for (const [name, { data }] of gradients) {
    const expected = Array.from(inputs[name]!, (value, element) => {
      const [above, below] = [1e-5, -1e-5].map((change) => {
        const changed = Float64Array.from(inputs[name]!);
        changed[element] = value + change;
        return reference({ ...inputs, [name]: changed });
      });
      return SCALE * (above! - below!) / 2e-5;
    });
    assertClose(data, expected, CHAINS, `d ${name}`);
  }
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
