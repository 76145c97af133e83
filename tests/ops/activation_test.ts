// The elementwise activation functions.

import { activate, relu, sigmoid, tanh } from "../../lib/ops/activation.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { assert } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import { checkOperation } from "./check.ts";
import { FEW_ROUNDINGS } from "../tolerances.ts";

const functions = {
  tanh: Math.tanh,
  sigmoid: (x: number) => 1 / (1 + Math.exp(-x)),
  relu: (x: number) => Math.max(x, 0),
};

for (const [name, f] of Object.entries(functions)) {
  for (const shape of [[1], [3, 5], [2, 33, 2]]) {
    checkOperation({
      name: `${name} of [${shape}]`,
      inputs: { x: shape },
      // Off the corner of relu, where a central difference means nothing.
      draw: (random) => random.normal() * 2 + 1e-3,
      record: (tape, { x }) => ({ y: activate(tape, x, name as keyof typeof functions) }),
      reference: ({ x }) => ({ y: Array.from(x, f) }),
    });
  }
}

checkOperation({
  name: "sigmoid of the tanh of the relu, each by its own name",
  inputs: { x: [7] },
  draw: (random) => Math.abs(random.normal()) + 0.1,
  record: (tape, { x }) => ({ y: sigmoid(tape, tanh(tape, relu(tape, x))) }),
  reference: ({ x }) => ({ y: Array.from(x, (x) => functions.sigmoid(Math.tanh(Math.max(x, 0)))) }),
});

testEachProfile("activations of very large numbers are their limits", async (device) => {
  const limits = { tanh: [-1, -1, 1, 1], sigmoid: [0, 0, 1, 1], relu: [0, 0, 100, 1e30] };
  const tape = new Tape(device, { training: false });
  const x = tape.input("x", [4], "f32");
  const kept = Object.keys(limits).map((name) => {
    const copy = tape.kept([4], name);
    copyInto(tape, activate(tape, x, name as keyof typeof limits), copy);
    return copy;
  });
  const plan = await Plan.compile(tape);
  plan.run({ x: Float32Array.of(-1e30, -100, 100, 1e30) });
  const values = await plan.read(...kept);
  Object.entries(limits).forEach(([name, limit], i) => {
    limit.forEach((expected, j) => {
      const actual = values[i]![j]!;
      assert(
        Math.abs(actual - expected) <= FEW_ROUNDINGS * Math.max(1, expected),
        `${name}[${j}] is ${actual}`,
      );
    });
  });
  plan.close();
});
