// The output layer with its loss: PyTorch's label smoothing in plain loops. The operation begins its own backward
// pass, so it is recorded here as training records it.

import { BufferPool } from "../../lib/gpu/memory.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { crossEntropy } from "../../lib/ops/cross_entropy.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";
import { assertClose } from "./check.ts";
import { type Case, check, reference, run } from "./cross_entropy_check.ts";
import { FEW_ROUNDINGS, SUMS } from "../tolerances.ts";

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
