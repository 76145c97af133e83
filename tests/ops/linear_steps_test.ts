// The fully connected layer taken step by step, each step given the output of the one before.

import type { Activation } from "../../lib/ops/activation.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { LinearSteps } from "../../lib/ops/linear_steps.ts";
import { checkOperation } from "./check.ts";
import { reference } from "./linear_steps_reference.ts";

for (const activation of ["none", "tanh", "sigmoid"] as const) {
  for (const [steps, batch, inputs, outputs] of [[1, 1, 1, 1], [4, 3, 5, 2], [3, 2, 4, 33]] as const) {
    const sizes = { steps, batch, inputs, outputs, activation };
    checkOperation({
      name: `LinearSteps of ${steps} steps, ${batch} rows, ${inputs} to ${outputs}, ${activation}`,
      inputs: {
        x: [steps, batch, inputs],
        initial: [batch, outputs],
        weight: [outputs, inputs + outputs],
        bias: [outputs],
      },
      draw: (random) => 0.4 * random.normal(),
      record: (tape, { x, initial, weight, bias }) => {
        const before = tape.tensor([steps, batch, outputs], "outputs before");
        const y = tape.tensor([steps, batch, outputs], "outputs");
        const layer = new LinearSteps(tape, {
          x: [x, before],
          y,
          weight,
          bias,
          activation: activation as Activation,
        });
        for (let t = 0; t < steps; t++) {
          copyInto(tape, t === 0 ? initial : y.at(t - 1), before.at(t));
          layer.step(t);
        }
        return { y };
      },
      reference: ({ x, initial, weight, bias }) => ({ y: reference(x, initial, weight, bias, sizes) }),
    });
  }
}

checkOperation({
  name: "LinearSteps add to what stands in their outputs",
  inputs: { x: [3, 2, 4], y0: [3, 2, 5], weight: [5, 4] },
  record: (tape, { x, y0, weight }) => {
    const y = tape.tensor(y0.shape, "y");
    copyInto(tape, y0, y);
    const layer = new LinearSteps(tape, { x, y, weight });
    for (let t = 0; t < 3; t++) layer.step(t);
    return { y };
  },
  reference: ({ x, y0, weight }) => ({
    y: Array.from(y0, (value, i) => {
      const [row, j] = [Math.floor(i / 5), i % 5];
      for (let k = 0; k < 4; k++) value += x[row * 4 + k]! * weight[j * 4 + k]!;
      return value;
    }),
  }),
});
