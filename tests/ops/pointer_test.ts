// Generating or copying: the loss of a pointer-generator network in plain loops of probabilities, not of their
// logarithms. The operation begins its own backward pass, so it is recorded here as training records it.

import type { Device } from "../../lib/gpu/device.ts";
import { Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { overwrite, persistent, type Tensor } from "../../lib/gpu/tensor.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { pointerLogProbabilities, pointerLoss } from "../../lib/ops/pointer.ts";
import { Random } from "../../lib/random.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";
import { assertClose, normals, type Numbers } from "./check.ts";
import { CHAINS, FEW_ROUNDINGS, SUMS } from "../tolerances.ts";

interface Case {
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
const LEAST_COPIED = 1e-10;

/** The steps before those that the operation sees, which it must leave alone. */
const BEFORE = 1;

function sourceSteps({ sources }: Case): number {
  return Math.max(1, ...sources.map(({ length }) => length));
}

/** softmax(x W^T + bias) of a row, and the logarithm of its normalizer. */
function softmax({ x, weight, bias }: Inputs, { width }: Case, row: number) {
  const logits = Array.from(bias, (b, v) => {
    for (let k = 0; k < width; k++) b += x[row * width + k]! * weight[v * width + k]!;
    return b;
  });
  const largest = Math.max(...logits);
  const normalizer = largest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
  return { logits, normalizer };
}

/** The weight that a row gives to a word, wherever it stands in the row's source. */
function copiedWeight({ attention }: Inputs, options: Case, row: number, word: number): number {
  const { sources } = options;
  const first = (BEFORE * sources.length + row) * sourceSteps(options);
  return sources[row % sources.length]!.reduce(
    (sum, copy, s) => sum + (copy === word ? attention[first + s]! : 0),
    0,
  );
}

function gate({ gates }: Inputs, { sources }: Case, row: number): number {
  return 1 / (1 + Math.exp(-gates[BEFORE * sources.length + row]!));
}

/** The sum of the losses of the rows that count. */
function reference(inputs: Inputs, options: Case): number {
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
function declare(device: Device, options: Case) {
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
function copiesOf(options: Case): Uint32Array<ArrayBuffer> {
  const { sources, targets } = options;
  const columns = Array.from(
    { length: sourceSteps(options) },
    (_, s) => sources.map((words, b) => words[s] ?? targets[b]!),
  );
  return Uint32Array.from(columns.flat());
}

/** The operands of both operations, the gates and weights from views. */
function operandsOf(tape: Tape, options: Case, tensors: Record<keyof Inputs, Tensor>) {
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
async function run(device: Device, options: Case) {
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

async function check(device: Device, options: Case): Promise<void> {
  const { added, gradients, inputs, scale } = await run(device, options);
  const name = JSON.stringify(options);
  const loss = reference(inputs, options);
  assertClose(added, [loss, loss], SUMS, `the losses of ${name}`);
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
    assertClose(gradients.get(key)!.data, expected, CHAINS, `d ${key} of ${name}`);
  }
}

const mixed: Case = {
  steps: 3,
  width: 4,
  classes: 7,
  // Words that stand there once, twice and not at all, known ones and extra ones; sources of length 1 and 0.
  sources: [[2, 5, 7, 5, 3, 8], [7], [], [4, 4, 9, 4]],
  targets: [2, 7, 3, 4, 5, 1, 0, 9, 8, 0, 6, 5],
};

const long = Array.from({ length: 131 }, (_, s) => 3 + s % 50);

const cases: Record<string, Case> = {
  "one word of two classes": { steps: 1, width: 1, classes: 2, sources: [[1]], targets: [1] },
  "one extra word": { steps: 1, width: 1, classes: 2, sources: [[2]], targets: [2] },
  "known, extra and absent words, and padding": mixed,
  "extra words that cannot be copied": { ...mixed, targets: [9, 9, 7, 7, 7, 0, 8, 8, 9, 1, 2, 9] },
  "nothing but padding": { ...mixed, targets: mixed.targets.map(() => 0) },
  "sources longer than a workgroup": {
    steps: 2,
    width: 2,
    classes: 35,
    sources: [long, long.toReversed().slice(0, 67)],
    targets: [40, 3, 7, 52],
  },
  "more rows than a workgroup has lanes": {
    steps: 67,
    width: 1,
    classes: 3,
    sources: [[1, 3], [2, 4]],
    targets: Array.from({ length: 134 }, (_, i) => i % 5),
  },
};

for (const classes of [3, 4, 5, 31, 32, 33, 255, 256, 257, 259]) {
  const [first, last, beyond] = [1, classes - 1, classes];
  const sources = [[last, first], [beyond, last]];
  cases[`${classes} classes`] = {
    steps: 2,
    width: 1,
    classes,
    sources,
    targets: [last, beyond, first, last],
  };
}

for (const [name, options] of Object.entries(cases)) {
  testEachProfile(`pointerLoss() of ${name}`, (device) => check(device, options));
}

testEachProfile(
  "pointerLoss() leaves weights of less than 1e-10 out, but not those of more",
  async (device) => {
    for (const least of [1e-11, 1e-9]) {
      const change = (value: number, input: string) => input === "attention" ? least * value : value;
      const { added, gradients, inputs } = await run(device, { ...mixed, change });
      const loss = reference(inputs, { ...mixed, change });
      assertClose(added, [loss, loss], SUMS, "the losses");
      const reached = gradients.get("attention")!.data.some((d) => d !== 0);
      assertEquals(reached, least > LEAST_COPIED, `some weight has a gradient at ${least}`);
    }
  },
);

testEachProfile("pointerLoss() in parts gives the losses of the whole bit for bit", async (device) => {
  const expected = await run(device, mixed);
  for (const rowsAtATime of [1, 2, 5]) {
    const actual = await run(device, { ...mixed, logitsBytes: 4 * mixed.classes * rowsAtATime });
    assertEquals(actual.added, expected.added);
    for (const [name, { data }] of expected.gradients) {
      assertClose(
        actual.gradients.get(name)!.data,
        data,
        FEW_ROUNDINGS,
        `d ${name} of ${rowsAtATime} rows at a time`,
      );
    }
  }
});

testEachProfile("pointerLoss() outside training gives the same losses and no gradient", async (device) => {
  const { added, inputs, gradients } = await run(device, { ...mixed, training: false });
  const loss = reference(inputs, mixed);
  assertClose(added, [loss, loss], SUMS, "the losses");
  for (const [, { data }] of gradients) assert(data.every((value) => value === 0));
});

testEachProfile("pointerLoss() of logits and gates of a hundred and more stays finite", async (device) => {
  for (const size of [100, 1000]) {
    const { added, gradients } = await run(device, { ...mixed, size });
    for (const sum of added) assert(Number.isFinite(sum) && sum > 0, `the loss is ${sum}`);
    for (const [name, { data }] of gradients) assert(data.every(Number.isFinite), `d ${name} is ${data}`);
  }
});

testEachProfile("pointerLoss() of inputs that are no numbers has no finite gradient", async (device) => {
  // Attention weights that are no numbers make contexts that are none, and so x.
  for (const key of ["x", "gates"]) {
    const change = (value: number, input: string) => input === key ? NaN : value;
    const { gradients } = await run(device, { ...mixed, change });
    const bits = [...gradients.values()].flatMap(({ data }) => [...new Uint32Array(data.buffer)]);
    assert(bits.some((word) => (word & 0x7fffffff) >= 0x7f800000), `of ${key}`);
  }
});

testEachProfile("pointerLogProbabilities() are those of the loss, and sum to one", async (device) => {
  const runs: readonly (readonly [extra: number, options: Case])[] = [
    [3, mixed],
    [1, mixed],
    [2, { ...mixed, sources: [[2, 5], [7, 2 ** 32 - 1], [], [2 ** 32 - 3, 4, 8]] }],
    [0, cases["one word of two classes"]!],
    [18, cases["sources longer than a workgroup"]!],
  ];
  for (const [extra, options] of runs) {
    const { classes, sources } = options;
    const { inputs, parameters, tensors } = declare(device, options);
    const tape = new Tape(device, { training: false });
    const y = pointerLogProbabilities(tape, tensors.x, { ...operandsOf(tape, options, tensors), extra });
    const kept = tape.kept(y.shape, "kept");
    copyInto(tape, y, kept);
    const plan = await Plan.compile(tape);
    plan.run({ copies: copiesOf(options), lengths: Uint32Array.from(sources, ({ length }) => length) });
    const [actual] = await plan.read(kept);
    options.targets.forEach((_, row) => {
      const { logits, normalizer } = softmax(inputs, options, row);
      const g = gate(inputs, options, row);
      const words = [...actual!.subarray(row * (classes + extra), (row + 1) * (classes + extra))];
      words.forEach((log, word) => {
        const generated = word < classes ? g * Math.exp(logits[word]! - normalizer) : 0;
        const p = generated + (1 - g) * copiedWeight(inputs, options, row, word);
        if (p === 0) assertEquals(log, Math.fround(-1e30));
        else assertClose([log], [Math.log(p)], SUMS, `log P(${word}) of row ${row}`);
      });
      const whole = sources[row % sources.length]!.every((word) => word < classes + extra);
      const sum = words.reduce((total, log) => total + Math.exp(log), 0);
      const nothing = sources[row % sources.length]!.length === 0;
      if (whole) assertClose([sum], [nothing ? g : 1], SUMS, `the probabilities of row ${row}`);
    });
    plan.close();
    parameters.close();
  }
});

Deno.test("pointerLoss() and pointerLogProbabilities() refuse shapes that do not fit", () => {
  const tape = new Tape(device, { training: true });
  const tensor = (...shape: number[]) => tape.tensor(shape, "t");
  const operands = {
    ...{ weight: tensor(5, 3), bias: tensor(5), gates: tensor(2, 4, 1), attention: tensor(2, 4, 6) },
    copies: tape.input("copies", [6, 4], "u32"),
    lengths: tape.input("lengths", [4], "u32"),
  };
  const totals = tape.kept([2], "totals");
  const x = tensor(2, 4, 3);
  const loss = (change: object) => () =>
    pointerLoss(tape, x, { ...operands, targets: tensor(2, 4), ignored: 0, totals, ...change });
  assertThrows(loss({ targets: tensor(7) }), RangeError, "Cannot compare 8 predictions with 7 targets");
  for (const change of [{ gates: tensor(7) }, { attention: tensor(2, 4, 5) }, { lengths: tensor(3) }]) {
    assertThrows(loss(change), RangeError, "Cannot copy into 8 rows with gates [");
  }
  assertThrows(
    () => pointerLogProbabilities(tape, tensor(3, 3), { ...operands, extra: 2 }),
    RangeError,
    "Cannot copy into 3 rows with gates [2,4,1] and attention [2,4,6] from words [6,4] of lengths [4]",
  );
});
