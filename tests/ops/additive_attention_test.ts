// Additive attention over several decoder steps: the paper's equations in plain loops, over padded sources.

import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import type { Tensor } from "../../lib/gpu/tensor.ts";
import { AdditiveAttention } from "../../lib/ops/additive_attention.ts";
import { Random } from "../../lib/random.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";
import { checkOperation, normals, type Numbers } from "./check.ts";

interface Sizes {
  readonly steps: number;
  readonly source: number;
  readonly batch: number;
  readonly width: number;
  readonly valuesWidth: number;
  readonly lengths: readonly number[];
}

interface Inputs {
  readonly queries: Numbers;
  readonly keys: Numbers;
  readonly values: Numbers;
  readonly score: Numbers;
}

/** The weights of one row at one step, zeros on padding. */
function weightsOf(inputs: Inputs, sizes: Sizes, t: number, b: number): number[] {
  const { source, batch, width, lengths } = sizes;
  const length = Math.min(lengths[b]!, source);
  const energies = Array.from({ length }, (_, s) => {
    let e = 0;
    for (let a = 0; a < width; a++) {
      const sum = inputs.queries[(t * batch + b) * width + a]! + inputs.keys[(s * batch + b) * width + a]!;
      e += inputs.score[a]! * Math.tanh(sum);
    }
    return Math.exp(e);
  });
  const total = energies.reduce((sum, e) => sum + e, 0);
  return Array.from({ length: source }, (_, s) => s < length ? energies[s]! / total : 0);
}

function reference(inputs: Inputs, sizes: Sizes): { contexts: Numbers } {
  const { steps, batch, valuesWidth } = sizes;
  const contexts = new Float64Array(steps * batch * valuesWidth);
  for (let t = 0; t < steps; t++) {
    for (let b = 0; b < batch; b++) {
      weightsOf(inputs, sizes, t, b).forEach((weight, s) => {
        for (let c = 0; c < valuesWidth; c++) {
          contexts[(t * batch + b) * valuesWidth + c]! += weight *
            inputs.values[(s * batch + b) * valuesWidth + c]!;
        }
      });
    }
  }
  return { contexts };
}

function shapes({ steps, source, batch, width, valuesWidth }: Sizes) {
  return {
    queries: [steps, batch, width],
    keys: [source, batch, width],
    values: [source, batch, valuesWidth],
    score: [1, width],
  };
}

const cases: readonly Sizes[] = [
  { steps: 1, source: 1, batch: 1, width: 1, valuesWidth: 1, lengths: [1] },
  { steps: 3, source: 5, batch: 4, width: 7, valuesWidth: 3, lengths: [5, 1, 0, 3] },
  { steps: 2, source: 11, batch: 2, width: 9, valuesWidth: 13, lengths: [9, 11] },
  { steps: 1, source: 67, batch: 3, width: 3, valuesWidth: 66, lengths: [67, 65, 2] },
  // Columns are taken in fours where both widths allow, by 8 or 64 lanes, and source steps eight at a time.
  ...[[7, 4, 8], [8, 28, 36], [9, 32, 32], [17, 36, 28], [8, 31, 32], [2, 260, 252], [2, 256, 4]].map((
    [source, width, valuesWidth],
  ) => ({
    ...{ steps: 2, source: source!, batch: 2, width: width!, valuesWidth: valuesWidth! },
    lengths: [source!, source! - 1],
  })),
];

for (const sizes of cases) {
  const { steps, source, batch, width, valuesWidth, lengths } = sizes;
  checkOperation({
    name:
      `AdditiveAttention of ${steps} steps over ${source} words, lengths ${lengths}, widths ${width} and ` +
      `${valuesWidth}`,
    inputs: shapes(sizes),
    integers: { lengths: { shape: [batch], values: lengths } },
    record: (tape, tensors) => {
      const attention = new AdditiveAttention(tape, tensors);
      for (let t = 0; t < steps; t++) attention.step(t);
      return { contexts: attention.contexts };
    },
    reference: (inputs) => reference(inputs, sizes),
  });
}

testEachProfile(
  "attention weights sum to 1, are 0 on padding, and all 0 for a row without words",
  async (device) => {
    const sizes = cases[1]!;
    const { steps, source, batch, lengths } = sizes;
    const tape = new Tape(device, { training: false });
    const random = new Random(2);
    const numbers: Record<string, Float32Array> = {};
    const input = (name: keyof Inputs): Tensor => {
      const tensor = tape.input(name, shapes(sizes)[name], "f32");
      numbers[name] = normals(random, tensor.size);
      return tensor;
    };
    const weights = tape.kept([steps, batch, source], "weights");
    const attention = new AdditiveAttention(tape, {
      queries: input("queries"),
      keys: input("keys"),
      values: input("values"),
      score: input("score"),
      lengths: tape.input("lengths", [batch], "u32"),
      weights,
    });
    for (let t = 0; t < steps; t++) attention.step(t);
    const plan = await Plan.compile(tape);
    plan.run({ ...numbers, lengths: Uint32Array.from(lengths) });
    const [actual] = await plan.read(weights);
    plan.close();
    for (let t = 0; t < steps; t++) {
      lengths.forEach((length, b) => {
        const start = (t * batch + b) * source;
        const row = Array.from(actual!.subarray(start, start + source));
        const expected = weightsOf(numbers as unknown as Inputs, sizes, t, b);
        row.forEach((weight, s) =>
          assert(Math.abs(weight - expected[s]!) < 1e-6, `step ${t}, row ${b}: ${row}`)
        );
        const sum = row.reduce((sum, weight) => sum + weight, 0);
        assert(Math.abs(sum - Math.min(1, length)) < 1e-6, `step ${t}, row ${b} sums to ${sum}`);
        assertEquals(row.slice(length), new Array<number>(source - length).fill(0));
      });
    }
  },
);

checkOperation({
  name: "AdditiveAttention with scores so large that their exponentials overflow",
  inputs: { queries: [1, 1, 1], keys: [3, 1, 1], values: [3, 1, 2], score: [1, 1] },
  integers: { lengths: { shape: [1], values: [3] } },
  // Scores of about 145, where the exponential of a 32-bit number ends at 88.
  draw: (random, input) => input === "score" ? 150 : 1 + 0.1 * random.normal(),
  record: (tape, tensors) => {
    const attention = new AdditiveAttention(tape, tensors);
    attention.step(0);
    return { contexts: attention.contexts };
  },
  reference: (inputs) => {
    const sizes: Sizes = { steps: 1, source: 3, batch: 1, width: 1, valuesWidth: 2, lengths: [3] };
    return reference(inputs, sizes);
  },
  // One unit in the last place of such a score is 1.5e-5 of its exponential.
  tolerance: 1e-4,
});

Deno.test("AdditiveAttention refuses shapes that do not fit", () => {
  const tape = new Tape(device, { training: true });
  const sizes = shapes(cases[1]!);
  const tensors = (changes: object) => ({
    queries: tape.tensor(sizes.queries, "queries"),
    keys: tape.tensor(sizes.keys, "keys"),
    values: tape.tensor(sizes.values, "values"),
    score: tape.tensor(sizes.score, "score"),
    lengths: tape.tensor([4], "lengths", "u32"),
    ...changes,
  });
  new AdditiveAttention(tape, tensors({}));
  for (const name of ["keys", "values", "score", "lengths"]) {
    const changed = tensors({ [name]: tape.tensor([2, 2, 2], name) });
    assertThrows(() => new AdditiveAttention(tape, changed), RangeError, "[2,2,2]");
  }
});
