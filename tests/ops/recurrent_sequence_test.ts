// The one-kernel way against the step-by-step way, on shapes drawn at random: gru_test.ts and lstm_test.ts compare
// both with plain loops.

import fc from "npm:fast-check@4.10.2";
import { Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import type { Tensor } from "../../lib/gpu/tensor.ts";
import type { Device } from "../../lib/gpu/device.ts";
import { gru } from "../../lib/ops/gru.ts";
import { lstm } from "../../lib/ops/lstm.ts";
import { takesWholeSequences } from "../../lib/ops/recurrent_sequence.ts";
import { Random } from "../../lib/random.ts";
import { assert, assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";

interface Case {
  readonly cell: "gru" | "lstm";
  readonly steps: number;
  readonly batch: number;
  readonly hidden: number;
  readonly reverse: boolean;
}

/** All gradients of a layer. */
async function run(device: Device, drawn: Case, wholeSequence: boolean): Promise<number[][]> {
  const { cell, steps, batch, hidden, reverse } = drawn;
  const rows = (cell === "gru" ? 3 : 4) * hidden;
  const parameters = new Parameters(device);
  const shapes = {
    weightIh: [rows, 2],
    weightHh: [rows, hidden],
    biasIh: [rows],
    biasHh: [rows],
    initial: [batch, hidden],
  };
  for (const [name, shape] of Object.entries(shapes)) {
    parameters.declare(
      name,
      shape,
      (random, size) => Float32Array.from({ length: size }, () => random.normal()),
    );
  }
  parameters.allocate(new Random(1));
  const tensors = parameters.tensors as Map<keyof typeof shapes, Tensor>;
  const tape = new Tape(device, { training: true });
  const x = tape.input("x", [steps, batch, 2], "f32");
  const lengths = tape.input("lengths", [batch], "u32");
  const options = {
    ...Object.fromEntries(tensors) as Record<keyof typeof shapes, Tensor>,
    ...{ lengths, reverse, wholeSequence },
  };
  const { outputs } = (cell === "gru" ? gru : lstm)(tape, x, options);
  tape.fill(outputs.grad, 1 / (steps * batch));
  tape.backward(tensors.values());
  const plan = await Plan.compile(tape);
  const random = new Random(2);
  plan.run({
    x: Float32Array.from({ length: x.size }, () => random.normal()),
    lengths: Uint32Array.from({ length: batch }, () => random.integer(steps + 1)),
  });
  const gradients = await plan.read(...[...tensors.values()].map((tensor) => tensor.grad));
  plan.close();
  parameters.close();
  return gradients.map((values) => Array.from(values));
}

testEachProfile("a whole sequence in one kernel gives the gradients of step by step", async (device) => {
  if (device.profile !== "cpu8") {
    assertEquals(takesWholeSequences(device, { steps: 1, batch: 1, hidden: 1, reverse: false }), false);
    return;
  }
  const shape = fc.record({
    cell: fc.constantFrom("gru" as const, "lstm" as const),
    steps: fc.integer({ min: 1, max: 6 }),
    batch: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(31, 32, 33, 63, 64, 65)),
    hidden: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(7, 8, 9, 31, 32, 33)),
    reverse: fc.boolean(),
  });
  const property = fc.asyncProperty(shape, async (drawn) => {
    const [whole, stepped] = [await run(device, drawn, true), await run(device, drawn, false)];
    whole.forEach((values, index) => {
      const largest = stepped[index]!.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
      const error = values.reduce(
        (most, value, at) => Math.max(most, Math.abs(value - stepped[index]![at]!)),
        0,
      );
      assert(error <= 1e-4 * largest, `gradient ${index} differs by ${error} of ${largest}`);
    });
  });
  await fc.assert(property, { numRuns: 25, seed: 1 });
});
