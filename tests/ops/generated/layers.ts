// Properties of layers: products, recurrences and attention, with their gradients.

import fc from "npm:fast-check@4.10.2";
import type { Activation } from "../../../lib/ops/activation.ts";
import type { Tensor } from "../../../lib/gpu/tensor.ts";
import { copyInto } from "../../../lib/ops/concatenate.ts";
import { advanceCoverage } from "../../../lib/ops/coverage.ts";
import { gru } from "../../../lib/ops/gru.ts";
import { linear } from "../../../lib/ops/linear.ts";
import { LinearSteps } from "../../../lib/ops/linear_steps.ts";
import { lstm } from "../../../lib/ops/lstm.ts";
import { type AttentionCase, attentionReference, recordAttention, shapesOf } from "../attention_reference.ts";
import { compareOperation, type Numbers } from "../check.ts";
import { reference as linearReference } from "../linear_reference.ts";
import { reference as linearStepsReference } from "../linear_steps_reference.ts";
import { check as checkMatmul } from "../matmul_check.ts";
import { gruReference, type LayerInputs, lstmReference } from "../recurrent.ts";
import { activationError, expError, HALF_ULP, magnitudes, sumError, TANH } from "./bounds.ts";
import { length, lengthsOf, property } from "./property.ts";

const activation = fc.constantFrom<Activation[]>("none", "tanh", "sigmoid");

/** The largest of some numbers. */
const most = (numbers: Numbers) => Array.from(numbers).reduce((a, b) => Math.max(a, Math.abs(b)), 0);

/** Each recurrent weight is at most one over the width, so that a step makes no error larger. */
const shrink = (hidden: number) => (random: { uniform(): number }) => (2 * random.uniform() - 1) / hidden;

const layer = fc.record({
  steps: fc.integer({ min: 1, max: 4 }),
  batch: fc.constantFrom(1, 3, 8, 9),
  width: length(9),
  hidden: fc.constantFrom(1, 3, 8, 9, 33), // few, as each is compiled
  wholeSequence: fc.boolean(),
  reverse: fc.boolean(),
}).chain((sizes) => lengthsOf(sizes.batch, sizes.steps).map((lengths) => ({ ...sizes, lengths })));

/** A recurrent layer from given states, one dispatch for all steps or one a step. */
const recurrent = (cell: "gru" | "lstm") =>
  property(layer, (device, drawn) => {
    const { wholeSequence, ...sizes } = drawn;
    const { steps, batch, width, hidden, lengths, reverse } = sizes;
    const gates = cell === "gru" ? 3 : 4;
    const run = cell === "gru" ? gruReference : lstmReference;
    return compareOperation(device, {
      name: cell,
      inputs: {
        x: [steps, batch, width],
        weightIh: [gates * hidden, width],
        weightHh: [gates * hidden, hidden],
        biasIh: [gates * hidden],
        biasHh: [gates * hidden],
        initial: [batch, hidden],
        ...(cell === "lstm" ? { initialCells: [batch, hidden] } : {}),
      },
      integers: { lengths: { shape: [batch], values: lengths } },
      draw: (random, input) => input === "weightHh" ? shrink(hidden)(random) : random.normal() / 2,
      record: (tape, { x, lengths, ...weights }) => {
        const options = {
          ...weights as never as Omit<Parameters<typeof lstm>[2], "lengths">,
          lengths,
          reverse,
          wholeSequence,
        };
        const { outputs, final } = (cell === "gru" ? gru : lstm)(tape, x!, options);
        return { outputs, final };
      },
      reference: (inputs) => {
        const { outputs, final } = run(inputs as never as LayerInputs, sizes);
        return { outputs, final };
      },
      bound: (given) => {
        const inputs = given as never as LayerInputs;
        const products = width * most(inputs.x) * most(inputs.weightIh) + hidden * most(inputs.weightHh) *
            Math.max(1, most(inputs.initial!)) +
          most(inputs.biasIh) + most(inputs.biasHh);
        // A gate or candidate: its sum and its function, of which tanh is the worst.
        const gate = sumError(width + hidden + 2, products) + TANH;
        // Each state is put together from at most three of them, times states and cells that may be larger than 1.
        const bound = 3 * steps * gate * Math.max(1, most(inputs.initial!), most(inputs.initialCells ?? []));
        return { outputs: bound, final: bound };
      },
    });
  });

const attentionCase = fc.record({
  steps: fc.integer({ min: 1, max: 3 }),
  source: length(17),
  width: length(33),
  valuesWidth: length(33),
  kind: fc.constantFrom(
    { score: "additive" },
    { score: "additive", covered: true },
    { score: "dot" },
    { score: "dot", shared: true },
    { score: "given" },
  ),
  span: fc.constantFrom("global", "monotonic", "predictive"),
  window: fc.integer({ min: 1, max: 9 }),
}).chain(({ kind, width, valuesWidth, ...rest }) =>
  fc.integer({ min: 1, max: 5 }).chain((batch) => lengthsOf(batch, rest.source)).map((lengths) => ({
    ...{ ...rest, ...kind, lengths, width },
    valuesWidth: "shared" in kind ? width : valuesWidth,
  } as AttentionCase))
);

/** How far the weights may be off, the same for all: by their energies, the exponentials, and the sum of these. */
function weightsError(given: Readonly<Record<string, Numbers>>, options: AttentionCase): number {
  const { width, score, source, steps, covered, shared, scale = 0.75 } = options;
  const of = (name: string) => most(given[name] ?? [0]);
  const total = (name: string) => magnitudes(given[name] ?? []).reduce((sum, x) => sum + x, 0);
  const keys = of(shared ? "values" : "keys");
  const [largest, energy] = score === "given"
    ? [of("scores"), 0]
    : score === "dot"
    ? [scale * width * of("queries") * keys, sumError(width + 1, scale * width * of("queries") * keys)]
    : [
      total("score"),
      total("score") * (TANH + 3 * HALF_ULP * (of("queries") + keys + of("coverage") * steps)) +
      sumError(width, total("score")),
    ];
  const near = options.span === "predictive" ? expError(2) + 16 * HALF_ULP * (source + 5) ** 2 : 0;
  const step = (energy: number) =>
    2 * (energy + expError(2 * largest) + 2 * largest * HALF_ULP) + (source + 4) * HALF_ULP + near;
  let [weights, coverage] = [step(energy), 0];
  for (let t = 1; covered && t < steps; t++) {
    coverage += weights + HALF_ULP * steps;
    weights = step(energy + total("score") * of("coverage") * coverage);
  }
  return weights;
}

/** By the operation's file in lib/ops/. */
export const layers = {
  attention: property(attentionCase, (device, options) =>
    compareOperation(device, {
      name: "attention",
      inputs: shapesOf(options),
      integers: { lengths: { shape: [options.lengths.length], values: options.lengths } },
      draw: (random, input) => {
        if (input === "positions") return random.uniform() * (options.source + 5) - 3;
        return random.normal() *
          (input === "score" || input === "coverage" ? 1 / Math.sqrt(options.width) : 1);
      },
      record: (tape, tensors) => {
        const { contexts, weights } = recordAttention(tape, options, tensors);
        return { contexts, weights };
      },
      reference: (inputs) => {
        const { contexts, weights } = attentionReference(inputs, options);
        return { contexts, weights };
      },
      bound: (inputs) => {
        const weights = weightsError(inputs, options);
        const values = most(inputs.values!);
        return { weights, contexts: options.source * weights * values + sumError(options.source, values) };
      },
    })),
  coverage: property(fc.tuple(length(5), length(9), length(33)), (device, [steps, batch, source]) => {
    const sums = (weights: Numbers) => {
      const coverage = new Float64Array(weights.length);
      for (let i = batch * source; i < coverage.length; i++) {
        coverage[i] = coverage[i - batch * source]! + weights[i - batch * source]!;
      }
      return coverage;
    };
    return compareOperation(device, {
      name: "coverage",
      inputs: { weights: [steps, batch, source] },
      record: (tape, { weights }) => {
        const coverage = tape.tensor(weights.shape, "coverage");
        tape.fill(coverage.at(0), 0);
        for (let t = 0; t + 1 < steps; t++) advanceCoverage(tape, coverage, weights, t);
        return { coverage };
      },
      reference: ({ weights }) => ({ coverage: sums(weights) }),
      bound: ({ weights }) => ({
        coverage: sums(magnitudes(weights)).map((magnitude) => sumError(steps, magnitude)),
      }),
    });
  }),
  gru: recurrent("gru"),
  linear: property(
    fc.record({
      rows: length(33),
      widths: fc.array(length(33), { minLength: 1, maxLength: 3 }),
      outputs: length(),
      activation,
    }),
    (device, sizes) => {
      const total = sizes.widths.reduce((sum, width) => sum + width, 0);
      const parts = sizes.widths.map((width, part) => [`x${part}`, [sizes.rows, width]] as const);
      const of = <T>(inputs: Readonly<Record<string, T>>) => parts.map(([name]) => inputs[name]!);
      return compareOperation(device, {
        name: "linear",
        inputs: {
          ...Object.fromEntries(parts) as Record<string, readonly number[]>,
          weight: [sizes.outputs, total],
          bias: [sizes.outputs],
        },
        draw: (random) => random.normal() / Math.sqrt(total),
        record: (tape, tensors) => {
          const { weight, bias } = tensors as Record<"weight" | "bias", Tensor>;
          return {
            y: linear(tape, of(tensors), { weight: weight!, bias: bias!, activation: sizes.activation }),
          };
        },
        reference: (inputs) => ({ y: linearReference(of(inputs), inputs.weight!, inputs.bias, sizes) }),
        bound: (inputs) => {
          const plain = { ...sizes, activation: "none" } as const;
          const absolute = linearReference(
            of(inputs).map(magnitudes),
            magnitudes(inputs.weight!),
            magnitudes(inputs.bias!),
            plain,
          );
          return {
            y: Array.from(
              absolute,
              (sum) => activationError(sizes.activation, sumError(total + 1, sum)),
            ),
          };
        },
      });
    },
  ),
  linear_steps: property(
    fc.record({
      steps: fc.integer({ min: 1, max: 4 }),
      batch: length(9),
      inputs: length(17),
      outputs: length(33),
      activation,
    }),
    (device, sizes) => {
      const { steps, batch, inputs, outputs } = sizes;
      return compareOperation(device, {
        name: "linear_steps",
        inputs: {
          x: [steps, batch, inputs],
          initial: [batch, outputs],
          weight: [outputs, inputs + outputs],
          bias: [outputs],
        },
        draw: (random, input) => input === "weight" ? shrink(inputs + outputs)(random) : random.normal(),
        record: (tape, { x, initial, weight, bias }) => {
          const before = tape.tensor([steps, batch, outputs], "outputs before");
          const y = tape.tensor([steps, batch, outputs], "outputs");
          const layer = new LinearSteps(tape, {
            x: [x, before],
            y,
            weight,
            bias,
            activation: sizes.activation,
          });
          for (let t = 0; t < steps; t++) {
            copyInto(tape, t === 0 ? initial : y.at(t - 1), before.at(t));
            layer.step(t);
          }
          return { y };
        },
        reference: ({ x, initial, weight, bias }) => ({
          y: linearStepsReference(x, initial, weight, bias, sizes),
        }),
        bound: ({ x, initial, bias }) => {
          const largest = Math.max(most(x), most(initial), 1) + steps * most(bias);
          return {
            y: steps *
              activationError(sizes.activation, sumError(inputs + outputs + 1, largest + most(bias))),
          };
        },
      });
    },
  ),
  lstm: recurrent("lstm"),
  matmul: property(
    fc.record({
      sizes: fc.tuple(length(129), length(129), length(129)).filter(([a, b, c]) => a * b * c < 300_000),
      transposeA: fc.boolean(),
      transposeB: fc.boolean(),
      bias: fc.boolean(),
      activation,
      accumulate: fc.boolean(),
      margin: fc.constantFrom(0, 1, 4),
      fours: fc.boolean(),
    }),
    (device, options) => checkMatmul(device, options),
  ),
};
