// Recurrent layers against PyTorch's: outputs, final states, every gradient, ten optimizer steps; written by
// tests/oracle/recurrent_fixture.py.

import type { Device } from "../../lib/gpu/device.ts";
import { Parameters } from "../../lib/gpu/parameters.ts";
import { Plan, type PlanInputs } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { persistent, type Tensor } from "../../lib/gpu/tensor.ts";
import type { RecurrentCell } from "../../lib/models/recurrent_layer.ts";
import { RecurrentLayers, type RecurrentLayersOptions } from "../../lib/models/recurrent_layers.ts";
import { CONTROL_SIZE, optimizerStep } from "../../lib/ops/optimizer.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { Random } from "../../lib/random.ts";
import { decodeSafetensors } from "../training/safetensors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";
import { inject, normals } from "../ops/check.ts";
import { assertTensors } from "./one_batch.ts";
import { CHAINS } from "../tolerances.ts";

interface Oracle {
  readonly inputs: number;
  readonly hidden: number;
  readonly lengths: readonly number[];
  readonly training: Record<"steps" | "learning_rate" | "epsilon", number> & {
    readonly betas: readonly [number, number];
  };
  readonly cases: Readonly<
    Record<string, {
      readonly cell: RecurrentCell;
      readonly layers: number;
      readonly bidirectional: boolean;
      readonly clip_norm: number;
      readonly losses: readonly number[];
      readonly gradient_norms: readonly number[];
    }>
  >;
}

const folder = new URL("../fixtures/", import.meta.url);
const oracle: Oracle = JSON.parse(await Deno.readTextFile(new URL("recurrent_layers.json", folder)));
const { tensors } = decodeSafetensors(
  await Deno.readFile(new URL("recurrent_layers.safetensors", folder)),
);
const { inputs, hidden, lengths, training } = oracle;
const steps = Math.max(...lengths);
const batch = lengths.length;

/** A tensor of a case. */
function expected(name: string, tensor: string): Numbers {
  return tensors.get(`${name}.${tensor}`)!.data as Numbers;
}

/** Fails unless no number is off by more than 1e-4 of the largest one. */
function assertTensor(actual: Numbers, expected: Numbers, name: string): void {
  const named = (data: Numbers) => new Map([[name, { shape: [data.length], data }]]);
  assertTensors(named(actual), named(expected));
}

type Numbers = Float32Array<ArrayBuffer>;

/** The layers of a case, learning along with their input and the states they start from. */
class Training {
  readonly parameters: Parameters;
  readonly results: Record<string, Tensor> = {};
  #control: Tensor;
  #plan!: Plan;
  #values: PlanInputs;

  private constructor(readonly device: Device, readonly name: string) {
    this.parameters = new Parameters(device);
    this.#control = persistent(device, [CONTROL_SIZE], "control");
    const factors = ["outputs", "finals", "final_cells"].filter((result) => tensors.has(`${name}.${result}`));
    this.#values = {
      lengths: Uint32Array.from(lengths),
      learning_rate: Float32Array.of(training.learning_rate),
      ...Object.fromEntries(factors.map((result) => [`d ${result}`, expected(name, `factor.${result}`)])),
    };
  }

  static async create(device: Device, name: string): Promise<Training> {
    const created = new Training(device, name);
    const { parameters } = created;
    const { cell, layers, bidirectional, clip_norm: maxNorm } = oracle.cases[name]!;
    const model = new RecurrentLayers(parameters.scope("layers"), {
      ...{ cell, inputs, hidden, layers, bidirectional },
    });
    const states = [layers * (bidirectional ? 2 : 1), batch, hidden];
    const x = parameters.declare("x", [steps, batch, inputs], normals);
    const initial = parameters.declare("initial", states, normals);
    const cells = cell === "lstm" ? parameters.declare("initial_cells", states, normals) : undefined;
    parameters.allocate(new Random(1));
    parameters.load(created.#pick());
    const tape = new Tape(device, { training: true });
    const { outputs, finals, finalCells } = model.forward(tape, x, {
      lengths: tape.input("lengths", [batch], "u32"),
      initial: parts(initial),
      ...(cells ? { initialCells: parts(cells) } : {}),
    });
    created.#score(tape, "outputs", outputs.shape, [outputs]);
    created.#score(tape, "finals", states, finals);
    if (cells) created.#score(tape, "final_cells", states, finalCells);
    tape.backward(parameters.tensors.values());
    const { betas: [beta1, beta2], epsilon } = training;
    optimizerStep(tape, parameters.flat, created.#control, { maxNorm, beta1, beta2, epsilon });
    created.#plan = await Plan.compile(tape);
    return created;
  }

  /** Takes a step; returns the loss, the gradient's norm and the results. */
  async step(): Promise<{ loss: number; norm: number; results: Record<string, Numbers> }> {
    this.#plan.run(this.#values);
    const names = Object.keys(this.results);
    const [control, ...numbers] = await this.#plan.read(this.#control, ...Object.values(this.results));
    const results = Object.fromEntries(names.map((name, i) => [name, numbers[i] as Numbers]));
    let loss = 0;
    for (const [name, values] of Object.entries(results)) {
      const factors = this.#values[`d ${name}`]!;
      values.forEach((value, i) => loss += value * factors[i]!);
    }
    return { loss, norm: control![2]!, results };
  }

  close(): void {
    this.#plan.close();
    this.parameters.close();
    this.device.destroyBuffer(this.#control.storage.buffer!);
  }

  /** The fixture's initial values by our names, which are PyTorch's. */
  #pick() {
    const chosen = [...tensors].filter(([name]) => name.startsWith(`${this.name}.after.`));
    return new Map(chosen.map(([name, { shape }]) => {
      const parameter = name.slice(`${this.name}.after.`.length);
      return [parameter, { shape, data: expected(this.name, parameter) }];
    }));
  }

  /** Lets a result, in parts along the first axis, take its part in the loss. */
  #score(tape: Tape, name: string, shape: readonly number[], parts: readonly Tensor[]): void {
    const result = this.results[name] = tape.kept(shape, name);
    parts.forEach((part, i) => copyInto(tape, part, parts.length === 1 ? result : result.at(i)));
    const factors = tape.input(`d ${name}`, shape, "f32");
    tape.onBackward(() => tape.dispatch(inject, { x: factors, dy: result.grad }, { size: result.size }));
  }
}

/** The tensors along the first axis. */
function parts(tensor: Tensor): Tensor[] {
  return Array.from({ length: tensor.shape[0]! }, (_, i) => tensor.at(i));
}

/** Zeros beyond the lengths, as PyTorch has them. */
function masked(outputs: Numbers): Numbers {
  const width = outputs.length / (steps * batch);
  return outputs.map((value, i) => {
    const row = Math.floor(i / width);
    return Math.floor(row / batch) < lengths[row % batch]! ? value : 0;
  });
}

for (const [name, { losses, gradient_norms }] of Object.entries(oracle.cases)) {
  testEachProfile(
    `${name}: PyTorch's states and gradients, and after ten steps its weights`,
    async (device) => {
      const run = await Training.create(device, name);
      for (let step = 0; step < training.steps; step++) {
        const { loss, norm, results } = await run.step();
        for (
          const [what, value, right] of [["loss", loss, losses], ["norm", norm, gradient_norms]] as const
        ) {
          const most = CHAINS * Math.max(1, Math.abs(right[step]!));
          assert(
            Math.abs(value - right[step]!) <= most,
            `${what} ${step} is ${value}, expected ${right[step]}`,
          );
        }
        if (step > 0) continue;
        for (const [result, values] of Object.entries(results)) {
          assertTensor(result === "outputs" ? masked(values) : values, expected(name, result), result);
        }
        for (const [parameter, { data }] of await run.parameters.read("gradients")) {
          assertTensor(data, expected(name, `grad.${parameter}`), `the gradient of ${parameter}`);
        }
      }
      for (const [parameter, { data }] of await run.parameters.read()) {
        assertTensor(data, expected(name, `after.${parameter}`), `${parameter} after training`);
      }
      run.close();
    },
  );
}

testEachProfile("more padding and empty rows change nothing, whatever they hold", async (device) => {
  const results = [];
  for (const more of [0, 2]) {
    const parameters = new Parameters(device);
    const options = { cell: "lstm", inputs, hidden, layers: 2, bidirectional: true } as const;
    const model = new RecurrentLayers(parameters, options);
    parameters.allocate(new Random(1));
    const tape = new Tape(device, { training: true });
    const shape = [steps + more, batch + more] as const;
    const x = tape.input("x", [...shape, inputs], "f32");
    const initial = Array.from({ length: 4 }, (_, i) => tape.input(`h${i}`, [shape[1], hidden], "f32"));
    const lengthsOfRows = tape.input("lengths", [shape[1]], "u32");
    const { outputs, finals } = model.forward(tape, x, { lengths: lengthsOfRows, initial });
    const kept = finals.map((final, i) => {
      const copy = tape.kept(final.shape, `final ${i}`);
      copyInto(tape, final, copy);
      tape.onBackward(() => tape.fill(copy.grad, 1));
      return copy;
    });
    tape.fill(outputs.slice(0, 1).grad, 1); // of empty rows too: no weight must hear of it
    tape.backward(parameters.tensors.values());
    const plan = await Plan.compile(tape);
    const values = expected("lstm_2_bidirectional", "x");
    const states = expected("lstm_2_bidirectional", "initial");
    plan.run({
      x: Float32Array.from({ length: x.size }, (_, i) => {
        const [t, row, column] = [
          Math.floor(i / shape[1] / inputs),
          Math.floor(i / inputs) % shape[1],
          i % inputs,
        ];
        return t < steps && row < batch ? values[(t * batch + row) * inputs + column]! : 7;
      }),
      lengths: Uint32Array.from({ length: shape[1] }, (_, row) => lengths[row] ?? 0),
      ...Object.fromEntries(initial.map(({ size }, i) => [
        `h${i}`,
        Float32Array.from({ length: size }, (_, j) => states[j] ?? 0),
      ])),
    });
    const numbers = await plan.read(...kept);
    const gradients = [...(await parameters.read("gradients")).values()].map(({ data }) => data);
    results.push([...numbers.map((final) => final.slice(0, batch * hidden) as Numbers), ...gradients]);
    plan.close();
    parameters.close();
  }
  const [plain, padded] = results;
  plain!.forEach((values, index) => assertTensor(padded![index]!, values, `tensor ${index}`));
});

Deno.test("dropout stands between the layers, each with a stream of its own, and only in training", () => {
  const drop = { rate: 0.5, seed: 1, stream: 4 };
  const model = new RecurrentLayers(new Parameters(device), {
    ...{ cell: "gru", inputs, hidden, layers: 3, dropout: drop },
  });
  const streams = (training: boolean) => {
    const tape = new Tape(device, { training });
    const x = tape.input("x", [steps, batch, inputs], "f32");
    model.forward(tape, x, { lengths: tape.input("lengths", [batch], "u32") });
    return tape.dispatches.filter(({ kernel }) => kernel.name === "dropout").map(({ kernel, params }) =>
      new Uint32Array(params)[Object.keys(kernel.params).indexOf("stream")]
    );
  };
  assertEquals(streams(true), [4, 5]);
  assertEquals(streams(false), []);
});

Deno.test("recurrent layers refuse options and tensors that cannot be, by name", () => {
  const create = (changes: object) => {
    const options = { cell: "gru", inputs, hidden, layers: 2, bidirectional: true, ...changes };
    return new RecurrentLayers(new Parameters(device), options as RecurrentLayersOptions);
  };
  assertThrows(() => create({ cell: "rnn" }), RangeError, '"rnn" cells: known are "gru" and "lstm"');
  assertThrows(() => create({ inputs: 0 }), RangeError, "inputs 0: it must be a positive integer");
  assertThrows(() => create({ hidden: 2.5 }), RangeError, "hidden 2.5");
  assertThrows(() => create({ layers: 0 }), RangeError, "layers 0: it must be an integer from 1 to 8");
  assertThrows(() => create({ layers: 9 }), RangeError, "layers 9");
  assertThrows(() => create({ dropout: { rate: 1, seed: 1, stream: 1 } }), RangeError, "rate 1");
  const tape = new Tape(device, { training: false });
  const x = tape.input("x", [steps, batch, inputs], "f32");
  const rows = tape.input("lengths", [batch], "u32");
  const state = tape.input("state", [batch, hidden], "f32");
  const run = (changes: object) => () => create({}).forward(tape, x, { lengths: rows, ...changes });
  run({ initial: [state, state, state, state] })();
  assertThrows(run({ initial: [state] }), RangeError, "initial of 1 tensors [4,5]: expected 4 of [4,5]");
  assertThrows(run({ initial: [state, state, state, x] }), RangeError, "[5,4,3]");
  assertThrows(run({ initialCells: [state] }), RangeError, "only LSTMs have any");
  assertThrows(() => create({}).forward(tape, state, { lengths: rows }), RangeError, "[steps, batch, 3]");
});
