// Attention over several decoder steps: every score over every span, against plain loops, over padded sources.

import type { Device } from "../../lib/gpu/device.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import type { Tensor } from "../../lib/gpu/tensor.ts";
import { Attention } from "../../lib/ops/attention.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { Random } from "../../lib/random.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";
import {
  type AttentionCase,
  attentionReference,
  type AttentionResults,
  recordAttention,
  shapesOf,
} from "./attention_reference.ts";
import { checkOperation, normals } from "./check.ts";
import { CHAINS, FEW_ROUNDINGS } from "../tolerances.ts";

type Tensors = Readonly<Record<string, Tensor>>;

function nameOf(options: AttentionCase): string {
  const { source, width, valuesWidth, lengths, score, covered, shared, span = "global", window } = options;
  const what = [score, covered ? "with coverage" : [], shared ? "of values" : [], span, window ?? []].flat();
  return `Attention: ${
    what.join(" ")
  }, ${source} words, lengths ${lengths}, widths ${width} and ${valuesWidth}`;
}

/** Checks contexts, and the given other results, with all gradients. */
function check(options: AttentionCase, others: readonly (keyof AttentionResults)[]): void {
  const pick = <T>(results: Readonly<Record<keyof AttentionResults, T | undefined>>): Record<string, T> => {
    return Object.fromEntries((["contexts", ...others] as const).map((name) => [name, results[name]!]));
  };
  checkOperation({
    name: nameOf(options),
    inputs: shapesOf(options),
    integers: { lengths: { shape: [options.lengths.length], values: options.lengths } },
    draw: (random, input) =>
      input === "positions" ? random.uniform() * (options.source + 5) - 3 : random.normal(),
    record: (tape, tensors) => pick(recordAttention(tape, options, tensors)),
    reference: (inputs) => pick(attentionReference(inputs, options)),
  });
}

const kinds = [
  { score: "additive" },
  { score: "additive", covered: true },
  { score: "dot" },
  { score: "dot", shared: true },
  { score: "given" },
] as const;

// Columns are taken in fours where all widths allow, source steps eight at a time; windows are smaller and larger than sources.
const sizes: readonly (Omit<AttentionCase, "score"> & { readonly window: number })[] = [
  { steps: 3, source: 1, width: 1, valuesWidth: 1, lengths: [1, 0], window: 2 },
  { steps: 4, source: 3, width: 8, valuesWidth: 8, lengths: [3, 1, 0], window: 1 },
  { steps: 3, source: 9, width: 7, valuesWidth: 7, lengths: [9, 1, 6], window: 20 },
  { steps: 5, source: 17, width: 36, valuesWidth: 36, lengths: [17, 0, 11], window: 3 },
];

for (const kind of kinds) {
  for (const span of ["global", "monotonic", "predictive"] as const) {
    for (const { window, ...rest } of sizes) {
      const options = { ...kind, ...rest, span, ...(span === "global" ? {} : { window }) };
      check(options, "covered" in kind ? ["weights", "coverage"] : ["weights"]);
    }
  }
}

// Gradients of the contexts alone, widths that differ, and more columns than lanes.
for (
  const [source, width, valuesWidth] of [
    ...[[5, 7, 3], [67, 3, 66], [8, 28, 36], [9, 36, 28], [8, 31, 32], [2, 260, 252], [2, 256, 4]],
  ] as [number, number, number][]
) {
  check({ steps: 2, source, width, valuesWidth, lengths: [source, source - 1], score: "additive" }, []);
}
check({ steps: 2, source: 9, width: 260, valuesWidth: 7, lengths: [9, 5], score: "dot" }, []);
for (const steps of [1, 3]) {
  check(
    { steps, source: 9, width: 260, valuesWidth: 4, lengths: [9, 5], score: "additive", covered: true },
    [],
  );
}

checkOperation({
  name: "Attention over views, whose gradients go where they come from",
  inputs: { states: [4, 2, 8], annotations: [6, 2, 8] },
  integers: { lengths: { shape: [2], values: [5, 3] } },
  record: (tape, { states, annotations, lengths }) => {
    const values = annotations.slice(1, 6);
    const score = { kind: "dot", queries: states.slice(1, 4), keys: values, scale: 1 } as const;
    const attention = new Attention(tape, { score, values, lengths });
    for (let t = 0; t < 3; t++) attention.step(t);
    return { contexts: attention.contexts };
  },
  reference: ({ states, annotations }) => {
    const inputs = { queries: Array.from(states).slice(16), values: Array.from(annotations).slice(16) };
    const { contexts } = attentionReference(inputs, {
      ...{ steps: 3, source: 5, width: 8, valuesWidth: 8, lengths: [5, 3] },
      ...{ score: "dot", shared: true, scale: 1 },
    });
    return { contexts };
  },
});

/** The weights of a case over random inputs. */
async function weightsOf(
  device: Device,
  options: AttentionCase,
): Promise<{ actual: Float32Array; expected: Float64Array }> {
  const tape = new Tape(device, { training: false });
  const random = new Random(2);
  const numbers: Record<string, Float32Array> = {};
  const tensors: Record<string, Tensor> = {};
  for (const [name, shape] of Object.entries(shapesOf(options))) {
    const tensor = tensors[name] = tape.input(name, shape, "f32");
    numbers[name] = normals(random, tensor.size);
  }
  const { steps, source, lengths } = options;
  tensors.lengths = tape.input("lengths", [lengths.length], "u32");
  const weights = tape.kept([steps, lengths.length, source], "weights");
  copyInto(tape, recordAttention(tape, options, tensors).weights, weights);
  const plan = await Plan.compile(tape);
  plan.run({ ...numbers, lengths: Uint32Array.from(lengths) });
  const [actual] = await plan.read(weights);
  plan.close();
  return { actual: actual as Float32Array, expected: attentionReference(numbers, options).weights };
}

const overflowing: AttentionCase = {
  ...{ steps: 1, source: 3, width: 1, valuesWidth: 2, lengths: [3], score: "additive" },
};

testEachProfile(
  "attention weights sum to 1, are 0 outside the span, and all 0 for a row without words",
  async (device) => {
    const sizes = { steps: 6, source: 5, width: 7, valuesWidth: 3, lengths: [5, 1, 0, 3] };
    for (const span of ["global", "monotonic"] as const) {
      const { actual, expected } = await weightsOf(device, { ...sizes, score: "additive", span, window: 1 });
      for (let row = 0; row < sizes.steps * sizes.lengths.length; row++) {
        const weights = Array.from(actual.subarray(row * sizes.source, (row + 1) * sizes.source));
        const sum = weights.reduce((sum, weight) => sum + weight, 0);
        const most = Math.min(1, sizes.lengths[row % sizes.lengths.length]!);
        assert(Math.abs(sum - most) < FEW_ROUNDINGS, `${span}: row ${row} sums to ${sum}`);
        weights.forEach((weight, s) => {
          const right = expected[row * sizes.source + s]!;
          assert(Math.abs(weight - right) < FEW_ROUNDINGS, `${span}: row ${row}: ${weights}`);
          assertEquals(weight === 0, right === 0, `${span}: row ${row}: ${weights}`);
        });
      }
    }
  },
);

checkOperation({
  name: "Attention with scores so large that their exponentials overflow",
  inputs: { queries: [1, 1, 1], keys: [3, 1, 1], values: [3, 1, 2], score: [1, 1] },
  integers: { lengths: { shape: [1], values: [3] } },
  // Scores of about 145, where the exponential of a 32-bit number ends at 88.
  draw: (random, input) => input === "score" ? 150 : 1 + 0.1 * random.normal(),
  record: (tape, tensors) => ({ contexts: recordAttention(tape, overflowing, tensors).contexts }),
  reference: (inputs) => ({ contexts: attentionReference(inputs, overflowing).contexts }),
  // One unit in the last place of such a score is 1.5e-5 of its exponential.
  tolerance: CHAINS,
});

Deno.test("a step of additive attention is one dispatch each way, and all steps take three more", () => {
  const tape = new Tape(device, { training: true });
  const { steps } = sizes[3]!;
  const options: AttentionCase = { ...sizes[3]!, score: "additive" };
  const tensors = tensorsOf(tape, options);
  const before = tape.dispatches.length;
  const { contexts } = recordAttention(tape, options, tensors);
  assertEquals(tape.dispatches.length - before, steps);
  tape.fill(contexts.grad, 1);
  tape.backward();
  // Besides that of the gradient: keys and score vector, the sum of the score vector's shares, values.
  assertEquals(tape.dispatches.length - before, 2 * steps + 1 + 3);
});

Deno.test("Attention refuses shapes that do not fit, and windows that are no number of words", () => {
  const tape = new Tape(device, { training: true });
  for (const kind of kinds) {
    const options: AttentionCase = { ...kind, ...sizes[1]!, span: "predictive" };
    const tensors = tensorsOf(tape, options);
    const refuses = (changes: Partial<AttentionCase>, changed: Tensors, message: string) => {
      const all = { ...tensors, ...changed };
      assertThrows(() => recordAttention(tape, { ...options, ...changes }, all), RangeError, message);
    };
    const tensor = tape.tensor([2, 2, 2], "other");
    recordAttention(tape, options, tensors);
    for (const name of Object.keys(tensors)) refuses({}, { [name]: tensor }, "[2,2,2]");
    for (const window of [0, 1.5, -1, NaN, 2 ** 25]) refuses({ window }, {}, `a window of ${window}`);
    refuses({ span: "monotonic", window: -1 }, {}, "a window of -1");
  }
});

/** Tensors of the shapes of a case, as if something had written them. */
function tensorsOf(tape: Tape, options: AttentionCase): Record<string, Tensor> {
  const tensors: Record<string, Tensor> = {
    lengths: tape.sharedInput("lengths", [options.lengths.length], "u32"),
  };
  for (const [name, shape] of Object.entries(shapesOf(options))) {
    tape.fill(tensors[name] = tape.tensor(shape, name), 0);
  }
  return tensors;
}
