// Steps of one dispatch: gru_test.ts and lstm_test.ts compare narrow ones with plain loops; here are those that take
// several rounds through workgroup memory, and the border to the way with a product of its own.

import { Tape } from "../../lib/gpu/tape.ts";
import { gru } from "../../lib/ops/gru.ts";
import { lstm } from "../../lib/ops/lstm.ts";
import { fusesSteps } from "../../lib/ops/recurrent_step.ts";
import { assertEquals } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";
import { checkOperation } from "./check.ts";
import { gruReference, lstmReference } from "./recurrent.ts";
import { assertSameLayer, runLayer } from "./recurrent_layer.ts";

for (const hidden of [31, 32, 33, 131]) {
  const lengths = [2, 1, 0];
  const sizes = { steps: 2, batch: 3, width: 1, hidden, lengths, reverse: false };
  const shapes = (gates: number) => ({
    x: [2, 3, 1],
    weightIh: [gates * hidden, 1],
    weightHh: [gates * hidden, hidden],
    biasIh: [gates * hidden],
    biasHh: [gates * hidden],
    initial: [3, hidden],
  });
  const integers = { lengths: { shape: [3], values: lengths } };
  checkOperation({
    name: `gru() of ${hidden} units, a step at a time`,
    inputs: shapes(3),
    integers,
    record: (tape, { x, ...weights }) => ({
      outputs: gru(tape, x, { ...weights, wholeSequence: false }).outputs,
    }),
    reference: (inputs) => ({ outputs: gruReference(inputs, sizes).outputs }),
  });
  checkOperation({
    name: `lstm() of ${hidden} units, a step at a time`,
    inputs: { ...shapes(4), initialCells: [3, hidden] },
    integers,
    record: (tape, { x, ...weights }) => ({
      outputs: lstm(tape, x, { ...weights, wholeSequence: false }).outputs,
    }),
    reference: (inputs) => ({ outputs: lstmReference(inputs, sizes).outputs }),
  });
}

for (const cell of ["gru", "lstm"] as const) {
  for (const hidden of [66, 68]) {
    for (const reverse of [false, true]) {
      const name = `${cell}() of ${hidden} units${
        reverse ? ", in reverse," : ""
      } gives by steps what it does at once`;
      Deno.test(name, async () => {
        const layer = { cell, steps: 3, batch: 17, hidden, reverse };
        assertSameLayer(await runLayer(device, layer, false), await runLayer(device, layer, true));
      });
    }
  }
  Deno.test(`${cell}() of more rows than steps of one dispatch are for gives what one in registers does`, async () => {
    const layer = { cell, steps: 2, batch: 513 * 32, hidden: 1, reverse: false };
    assertEquals(fusesSteps(device, cell, layer), false);
    assertSameLayer(await runLayer(device, layer, false), await runLayer(device, layer, true));
  });
}

testEachProfile("steps are of one dispatch on GPUs, as long as their tiles are few", (device) => {
  const gpu = device.profile === "gpu";
  assertEquals(fusesSteps(device, "gru", { batch: 1024, hidden: 256 }), gpu);
  assertEquals(fusesSteps(device, "gru", { batch: 1025, hidden: 256 }), false);
  for (const layer of [gru, lstm]) {
    const tape = new Tape(device, { training: false });
    const gates = layer === gru ? 3 : 4;
    const tensor = (...shape: number[]) => tape.input(`${tape.inputs.size}`, shape, "f32");
    layer(tape, tensor(5, 2, 1), {
      weightIh: tensor(gates * 256, 1),
      weightHh: tensor(gates * 256, 256),
      biasIh: tensor(gates * 256),
      biasHh: tensor(gates * 256),
      lengths: tape.input("lengths", [2], "u32"),
    });
    const steps = tape.dispatches.filter(({ kernel }) => kernel.name.startsWith("recurrent_step"));
    assertEquals(steps.length, gpu ? 5 : 0);
  }
});
