// The loss of a pointer-generator network, by the operation and in plain loops of probabilities, not of their logarithms.
// The operation begins its own backward pass, so it is recorded here as training records it.

import type { Device } from "../../lib/gpu/device.ts";
import { Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { overwrite, persistent, type Tensor } from "../../lib/gpu/tensor.ts";
import { pointerLoss } from "../../lib/ops/pointer.ts";
import { Random } from "../../lib/random.ts";
import { assertEquals } from "../assert.ts";
import { assertClose, normals, type Numbers } from "./check.ts";

/** A case of the operation. */
export interface Case {
  readonly steps: number;
  readonly width: number;
  readonly classes: number;
  /** For each row of the batch its source, in the target's numbering; the longest one has all source steps. */
  readonly sources: readonly (readonly number[])[];
  /** [steps, batch] */
  readonly targets: readonly number[];
  readonly logitsBytes?: number;
  readonly training?: boolean;
  /** What the normal inputs and gates are multiplied by. */
  readonly size?: number;
  /** Changes what was drawn. */
  readonly change?: (value: number, input: string) => number;
}

interface Inputs {
  readonly x: Numbers;
  readonly weight: Numbers;
  readonly bias: Numbers;
  readonly gates: Numbers;
  readonly attention: Numbers;
}

const IGNORED = 0;
/** Smaller weights do not count as copies. */
export const LEAST_COPIED = 1e-10;

/** The steps before those that the operation sees, which it must leave alone. */
const BEFORE = 1;

function sourceSteps({ sources }: Case): number {
  return Math.max(1, ...sources.map(({ length }) => length));
}

/** softmax(x W^T + bias) of a row, and the logarithm of its normalizer. */
export function softmax({ x, weight, bias }: Inputs, { width }: Case, row: number) {
  const logits = Array.from(bias, (b, v) => {
    for (let k = 0; k < width; k++) b += x[row * width + k]! * weight[v * width + k]!;
    return b;
  });
  const largest = Math.max(...logits);
  const normalizer = largest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
  return { logits, normalizer };
}

/** The weight that a row gives to a word, wherever it stands in the row's source. */
export function copiedWeight({ attention }: Inputs, options: Case, row: number, word: number): number {
  const { sources } = options;
  const first = (BEFORE * sources.length + row) * sourceSteps(options);
  return sources[row % sources.length]!.reduce(
    (sum, copy, s) => sum + (copy === word ? attention[first + s]! : 0),
    0,
  );
}

/** The probability of generating. */
export function gate({ gates }: Inputs, { sources }: Case, row: number): number {
  return 1 / (1 + Math.exp(-gates[BEFORE * sources.length + row]!));
}

/** The sum of the losses of the rows that count. */
export function reference(inputs: Inputs, options: Case): number {
  let loss = 0;
  options.targets.forEach((target, row) => {
    if (target === IGNORED) return;
    const { logits, normalizer } = softmax(inputs, options, row);
    const g = gate(inputs, options, row);
    let copied = copiedWeight(inputs, options, row, target);
    if (copied < LEAST_COPIED) copied = target < options.classes ? 0 : LEAST_COPIED;
    const log = target < options.classes ? logits[target]! - normalizer : -Infinity;
    loss -= copied === 0 ? Math.log(g) + log : Math.log(g * Math.exp(log) + (1 - g) * copied);
  });
  return loss;
}

/** Draws the inputs of a case: attention weights that sum to 1 over each source, and do not end there. */
export function declare(device: Device, options: Case) {
  const { steps, width, classes, sources, size = 1 } = options;
  const batch = sources.length;
  const source = sourceSteps(options);
  const inputs: Record<string, Float32Array> = {};
  const parameters = new Parameters(device);
  const tensors: Record<string, Tensor> = {};
  const shapes = {
    x: [steps, batch, width],
    weight: [classes, width],
    bias: [classes],
    gates: [BEFORE + steps, batch, 1],
    attention: [BEFORE + steps, batch, source],
  };
  for (const [name, shape] of Object.entries(shapes)) {
    tensors[name] = parameters.declare(name, shape, (random, length) => {
      const values = normals(random, length).map((value) => value * size);
      for (let row = 0; name === "attention" && row < length / source; row++) {
        const weights = values.subarray(row * source, (row + 1) * source);
        weights.forEach((_, s) => weights[s] = 0.1 + random.uniform());
        const sum = sources[row % batch]!.reduce((sum, _, s) => sum + weights[s]!, 0) || 1;
        weights.forEach((weight, s) => weights[s] = weight / sum);
      }
      return inputs[name] = values.map((value) => options.change?.(value, name) ?? value);
    });
  }
  parameters.allocate(new Random(5));
  return {
    inputs: inputs as unknown as Inputs,
    parameters,
    tensors: tensors as Record<keyof Inputs, Tensor>,
  };
}

/** The source words [source steps, batch] as the plan wants them; what stands behind a row's end must not matter. */
export function copiesOf(options: Case): Uint32Array<ArrayBuffer> {
  const { sources, targets } = options;
  const columns = Array.from(
    { length: sourceSteps(options) },
    (_, s) => sources.map((words, b) => words[s] ?? targets[b]!),
  );
  return Uint32Array.from(columns.flat());
}

/** The operands of both operations, the gates and weights from views. */
export function operandsOf(tape: Tape, options: Case, tensors: Record<keyof Inputs, Tensor>) {
  const { steps, sources } = options;
  const batch = sources.length;
  return {
    ...{ weight: tensors.weight, bias: tensors.bias },
    gates: tensors.gates.slice(BEFORE, BEFORE + steps),
    attention: tensors.attention.slice(BEFORE, BEFORE + steps),
    copies: tape.input("copies", [sourceSteps(options), batch], "u32"),
    lengths: tape.input("lengths", [batch], "u32"),
  };
}

/** Runs the loss twice over, so that gradients have to be added up. */
export async function run(device: Device, options: Case) {
  const { steps, sources, targets, training = true, logitsBytes } = options;
  const batch = sources.length;
  const { inputs, parameters, tensors } = declare(device, options);
  const totals = persistent(device, [2], "totals");
  const tape = new Tape(device, { training });
  const operands = operandsOf(tape, options, tensors);
  const limit = logitsBytes ? { logitsBytes } : {};
  const rest = { targets: tape.input("targets", [steps, batch], "u32"), ignored: IGNORED, totals, ...limit };
  const times = training ? 2 : 1;
  for (let i = 0; i < times; i++) pointerLoss(tape, tensors.x, { ...operands, ...rest });
  if (training) tape.backward(parameters.tensors.values());
  const plan = await Plan.compile(tape);
  const counted = targets.filter((target) => target !== IGNORED).length;
  const scale = counted === 0 ? 0 : 1 / counted;
  const runs: { sums: Numbers; gradients: Awaited<ReturnType<Parameters["read"]>> }[] = [];
  for (let i = 0; i < 2; i++) {
    overwrite(device, totals, Float32Array.of(0.5, 0.25));
    plan.run({
      copies: copiesOf(options),
      lengths: Uint32Array.from(sources, ({ length }) => length),
      targets: Uint32Array.from(targets),
      scale: Float32Array.of(scale),
    });
    runs.push({ sums: (await plan.read(totals))[0]!, gradients: await parameters.read("gradients") });
  }
  plan.close();
  parameters.close();
  device.destroyBuffer(totals.storage.buffer!);
  assertEquals(runs[1], runs[0], "a second run gives other numbers");
  const added = [0.5, 0.25].map((before, i) => (runs[0]!.sums[i]! - before) / times);
  return { added, gradients: runs[0]!.gradients, inputs, scale: times * scale };
}

/** Compares the operation and all its gradients with the loops. */
export async function check(device: Device, options: Case): Promise<void> {
  const { added, gradients, inputs, scale } = await run(device, options);
  const name = JSON.stringify(options);
  const loss = reference(inputs, options);
  assertClose(added, [loss, loss], 1e-5, `the losses of ${name}`);
  const step = 1e-5;
  for (const key of Object.keys(inputs) as (keyof Inputs)[]) {
    const expected = Array.from(inputs[key], (_, element) => {
      const [above, below] = [step, -step].map((change) => {
        const changed = Float64Array.from(inputs[key]);
        changed[element]! += change;
        return reference({ ...inputs, [key]: changed }, options);
      });
      return scale * (above! - below!) / (2 * step);
    });
    assertClose(gradients.get(key)!.data, expected, 1e-4, `d ${key} of ${name}`);
  }
}
