// Generating or copying: the loss of a pointer-generator network in plain loops of probabilities, not of their
// logarithms. The operation begins its own backward pass, so it is recorded here as training records it.

import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { pointerLogProbabilities, pointerLoss } from "../../lib/ops/pointer.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";
import { assertClose } from "./check.ts";
import {
  type Case,
  check,
  copiedWeight,
  copiesOf,
  declare,
  gate,
  LEAST_COPIED,
  operandsOf,
  reference,
  run,
  softmax,
} from "./pointer_check.ts";
import { FEW_ROUNDINGS, SUMS } from "../tolerances.ts";

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
