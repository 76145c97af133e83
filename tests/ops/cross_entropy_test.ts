// The output layer with its loss: PyTorch's label smoothing in plain loops. The operation begins its own backward
// pass, so it is recorded here as training records it.

import type { Device } from "../../lib/gpu/device.ts";
import { BufferPool } from "../../lib/gpu/memory.ts";
import { Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { overwrite, persistent } from "../../lib/gpu/tensor.ts";
import { crossEntropy } from "../../lib/ops/cross_entropy.ts";
import { Random } from "../../lib/random.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";
import { assertClose, normals, type Numbers } from "./check.ts";
import { CHAINS, FEW_ROUNDINGS, SUMS } from "../tolerances.ts";

interface Case {
  readonly rows: number;
  readonly width: number;
  readonly classes: number;
  readonly targets: readonly number[];
  readonly smoothing?: number;
  readonly logitsBytes?: number;
  readonly training?: boolean;
  /** What the normal inputs are multiplied by. */
  readonly size?: number;
}

interface Inputs {
  readonly x: Numbers;
  readonly weight: Numbers;
  readonly bias: Numbers;
}

const IGNORED = 0;

/** The sums over the rows that count: the loss, and -log p[target]. */
function reference({ x, weight, bias }: Inputs, options: Case): [number, number] {
  const { rows, width, classes, targets, smoothing = 0 } = options;
  let loss = 0;
  let surprises = 0;
  for (let i = 0; i < rows; i++) {
    if (targets[i] === IGNORED) continue;
    const logits = Array.from(bias, (b, v) => {
      for (let k = 0; k < width; k++) b += x[i * width + k]! * weight[v * width + k]!;
      return b;
    });
    const largest = Math.max(...logits);
    const normalizer = largest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
    const surprise = normalizer - logits[targets[i]!]!;
    const mean = logits.reduce((sum, logit) => sum + normalizer - logit, 0) / classes;
    loss += (1 - smoothing) * surprise + smoothing * mean;
    surprises += surprise;
  }
  return [loss, surprises];
}

/** Runs the operation; `inputs` are what it drew. */
async function run(device: Device, options: Case) {
  const { rows, width, classes, targets, smoothing = 0, logitsBytes, training = true, size = 1 } = options;
  const inputs: Record<string, Float32Array> = {};
  const parameters = new Parameters(device);
  const declare = (name: string, shape: number[]) =>
    parameters.declare(name, shape, (random, length) => {
      return inputs[name] = normals(random, length).map((value) => value * size);
    });
  const [x, weight, bias] = [
    declare("x", [rows, width]),
    declare("weight", [classes, width]),
    declare("bias", [classes]),
  ];
  parameters.allocate(new Random(5));
  const totals = persistent(device, [2], "totals");
  const before = [0.5, 0.25];
  overwrite(device, totals, Float32Array.from(before));

  const tape = new Tape(device, { training });
  crossEntropy(tape, x!, {
    weight: weight!,
    bias: bias!,
    targets: tape.input("targets", [rows], "u32"),
    ignored: IGNORED,
    smoothing,
    totals,
    ...(logitsBytes ? { logitsBytes } : {}),
  });
  if (training) tape.backward(parameters.tensors.values());
  const plan = await Plan.compile(tape);
  const counted = targets.filter((target) => target !== IGNORED).length;
  const scale = counted === 0 ? 0 : 1 / counted;
  plan.run({ targets: Uint32Array.from(targets), scale: Float32Array.of(scale) });
  const [sums] = await plan.read(totals);
  const gradients = await parameters.read("gradients");
  plan.close();
  parameters.close();
  device.destroyBuffer(totals.storage.buffer!);
  const added = Array.from(sums!, (sum, i) => sum - before[i]!);
  return { added, gradients, inputs: inputs as unknown as Inputs, scale, plan };
}

async function check(device: Device, options: Case): Promise<void> {
  const { added, gradients, inputs, scale } = await run(device, options);
  const name = JSON.stringify(options);
  assertClose(added, reference(inputs, options), SUMS, `the losses of ${name}`);
  const step = 1e-5;
  for (const key of ["x", "weight", "bias"] as const) {
    const expected = Array.from(inputs[key], (_, element) => {
      const [above, below] = [step, -step].map((change) => {
        const changed = Float64Array.from(inputs[key]);
        changed[element]! += change;
        return reference({ ...inputs, [key]: changed }, options)[0];
      });
      return scale * (above! - below!) / (2 * step);
    });
    assertClose(gradients.get(key)!.data, expected, CHAINS, `d ${key} of ${name}`);
  }
}

const cases: Record<string, Case> = {
  "one row and two classes": { rows: 1, width: 1, classes: 2, targets: [1] },
  "padding among the rows": { rows: 7, width: 3, classes: 5, targets: [1, 0, 4, 2, 0, 0, 3] },
  "label smoothing": { rows: 5, width: 3, classes: 9, targets: [8, 1, 0, 2, 7], smoothing: 0.1 },
  "more classes than a workgroup has lanes": {
    rows: 3,
    width: 2,
    classes: 67,
    targets: [66, 64, 1],
    smoothing: 0.3,
  },
  "nothing but padding": { rows: 3, width: 2, classes: 4, targets: [0, 0, 0], smoothing: 0.1 },
  "more rows than a workgroup has lanes": {
    rows: 67,
    width: 1,
    classes: 3,
    targets: Array.from({ length: 67 }, (_, i) => i % 3),
  },
};

// Logits are read four at a time, by 8 or 64 lanes: around each of these, and with the last class as a target.
for (const classes of [3, 4, 6, 7, 31, 32, 33, 35, 255, 256, 257, 259]) {
  const targets = [classes - 1, 1, 0, classes - 2];
  cases[`${classes} classes`] = { rows: 4, width: 1, classes, targets, smoothing: 0.1 };
}

for (const [name, options] of Object.entries(cases)) {
  testEachProfile(`crossEntropy() of ${name}`, (device) => check(device, options));
}

testEachProfile("crossEntropy() in parts gives the losses of the whole bit for bit", async (device) => {
  const whole: Case = {
    rows: 9,
    width: 4,
    classes: 11,
    targets: [1, 5, 0, 10, 3, 0, 7, 7, 2],
    smoothing: 0.1,
  };
  const expected = await run(device, whole);
  for (const rowsAtATime of [1, 2, 4, 8]) {
    const parts: Case = { ...whole, logitsBytes: 4 * 11 * rowsAtATime };
    const actual = await run(device, parts);
    assert(actual.plan.tape.dispatches.length > expected.plan.tape.dispatches.length);
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

testEachProfile(
  "crossEntropy() of 50,000 classes never holds the logits of the whole batch",
  async (device) => {
    const [rows, width, classes] = [200, 1, 50_000];
    const targets = Array.from({ length: rows }, (_, i) => 1 + 249 * i);
    const options: Case = { rows, width, classes, targets };
    const { added, gradients, inputs, plan } = await run(device, options);
    assertClose(added, reference(inputs, options), SUMS, "the losses");

    const { dispatches } = plan.tape;
    const logits = new Set(
      dispatches.flatMap(({ storages }) => storages.filter((s) => s.label === "logits")),
    );
    assertEquals(logits.size, 2);
    for (const { byteSize } of logits) assert(byteSize <= 32 * 2 ** 20, `${byteSize} bytes of logits`);
    // One part's memory serves the next.
    const pool = new BufferPool(device);
    pool.layout(dispatches);
    assert(pool.bytes < 33 * 2 ** 20, `${pool.bytes} bytes of activations`);

    const expected = new Float64Array(classes);
    const { x, weight, bias } = inputs;
    for (let i = 0; i < rows; i++) {
      const exponentials = Float64Array.from(bias, (b, v) => Math.exp(b + x[i]! * weight[v]!));
      const normalizer = exponentials.reduce((sum, value) => sum + value, 0);
      for (let v = 0; v < classes; v++) expected[v]! += exponentials[v]! / normalizer / rows;
      expected[targets[i]!]! -= 1 / rows;
    }
    const error = gradients.get("bias")!.data.reduce(
      (most, d, v) => Math.max(most, Math.abs(d - expected[v]!)),
      0,
    );
    assert(error < 1e-8, `an element of d bias, of up to ${1 / rows}, is off by ${error}`);
  },
);

testEachProfile("crossEntropy() outside training gives the same losses and no gradient", async (device) => {
  const options = cases["label smoothing"]!;
  const training = await run(device, options);
  const evaluation = await run(device, { ...options, training: false });
  assertEquals(evaluation.added, training.added);
  for (const [, { data }] of evaluation.gradients) assert(data.every((value) => value === 0));
});

testEachProfile("crossEntropy() of logits of ten thousand and more stays finite", async (device) => {
  const options: Case = {
    rows: 5,
    width: 1,
    classes: 9,
    targets: [1, 2, 3, 4, 8],
    smoothing: 0.1,
    size: 100,
  };
  const { added, gradients, inputs } = await run(device, options);
  assert(
    Math.max(...Array.from(inputs.x, Math.abs)) * Math.max(...Array.from(inputs.weight, Math.abs)) > 1e4,
  );
  assertClose(added, reference(inputs, options), SUMS, "the losses");
  for (const [name, { data }] of gradients) assert(data.every(Number.isFinite), `d ${name} is ${data}`);
});

Deno.test("crossEntropy() refuses as many targets as there are no predictions", () => {
  const tape = new Tape(device, { training: true });
  const [x, weight, bias] = [
    tape.input("x", [4, 2], "f32"),
    tape.input("w", [3, 2], "f32"),
    tape.input("b", [3], "f32"),
  ];
  const targets = tape.input("targets", [5], "u32");
  const totals = tape.kept([2], "totals");
  const record = () => crossEntropy(tape, x, { weight, bias, targets, ignored: 0, totals });
  assertThrows(record, RangeError, "Cannot compare 4 predictions with 5 targets");
});
