// The baseline of the headline comparison computes what the library does.

import { unfusedLayer } from "../../bench/unfused.ts";
import { gru } from "../../lib/ops/gru.ts";
import { lstm } from "../../lib/ops/lstm.ts";
import { Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import type { Tensor } from "../../lib/gpu/tensor.ts";
import { Random } from "../../lib/random.ts";
import { assert } from "../assert.ts";
import { device } from "../device.ts";

for (const [cell, gates] of [["gru", 3], ["lstm", 4]] as const) {
  Deno.test(`the unfused ${cell} has the gradients of the fused one`, async () => {
    const [steps, batch, inputs, hidden] = [4, 3, 2, 5];
    const rows = gates * hidden;
    const parameters = new Parameters(device);
    const shapes = {
      x: [steps, batch, inputs],
      weightIh: [rows, inputs],
      weightHh: [rows, hidden],
      biasIh: [rows],
      biasHh: [rows],
    };
    for (const [name, shape] of Object.entries(shapes)) {
      parameters.declare(
        name,
        shape,
        (random, size) => Float32Array.from({ length: size }, () => random.normal()),
      );
    }
    parameters.allocate(new Random(1));
    const weights = Object.fromEntries(parameters.tensors) as Record<keyof typeof shapes, Tensor>;
    const gradients = async (record: (tape: Tape) => Tensor) => {
      const tape = new Tape(device, { training: true });
      tape.fill(record(tape).grad, 1);
      tape.backward(parameters.tensors.values());
      const plan = await Plan.compile(tape);
      plan.run(tape.inputs.has("lengths") ? { lengths: new Uint32Array(batch).fill(steps) } : {});
      const read = await plan.read(...[...parameters.tensors.values()].map((tensor) => tensor.grad));
      plan.close();
      return read.map((values) => Array.from(values));
    };
    const fused = await gradients((tape) => {
      const lengths = tape.input("lengths", [batch], "u32");
      return (cell === "gru" ? gru : lstm)(tape, weights.x, { ...weights, lengths }).final;
    });
    const unfused = await gradients((tape) => unfusedLayer(tape, cell, weights.x, weights).at(-1)!);
    fused.forEach((values, index) => {
      const largest = Math.max(...values.map(Math.abs));
      assert(largest > 0);
      values.forEach((value, at) => assert(Math.abs(value - unfused[index]![at]!) <= 1e-5 * largest));
    });
    parameters.close();
  });
}
