// Recurrent layers, forward and backward: fused (lib/ops) against operation by operation (unfused.ts), on the shapes of
// the IMDB benchmark (300 steps, batch 100, 50 units over one feature) and of translation.
// Run: deno bench -A bench/recurrent.bench.ts

import { openDevice, Parameters, Plan, type PlanInputs, Random, Tape, type Tensor } from "../mod.ts";
import { gru } from "../lib/ops/gru.ts";
import { lstm } from "../lib/ops/lstm.ts";
import { type LayerWeights, unfusedLayer } from "./unfused.ts";

const SHAPES = [
  { steps: 300, batch: 100, inputs: 1, hidden: 50 },
  { steps: 10, batch: 64, inputs: 128, hidden: 256 },
];

const device = await openDevice();
console.log(`adapter ${device.description}, profile ${device.profile}, deno ${Deno.version.deno}`);

for (const cell of ["lstm", "gru"] as const) {
  for (const { steps, batch, inputs, hidden } of SHAPES) {
    const rows = (cell === "lstm" ? 4 : 3) * hidden;
    const parameters = new Parameters(device);
    const shapes = { weightIh: [rows, inputs], weightHh: [rows, hidden], biasIh: [rows], biasHh: [rows] };
    for (const [name, shape] of Object.entries(shapes)) {
      parameters.declare(
        name,
        shape,
        (random, size) => Float32Array.from({ length: size }, () => random.normal() / 8),
      );
    }
    parameters.declare("x", [steps, batch, inputs], (_, size) => new Float32Array(size).fill(0.5));
    parameters.allocate(new Random(1));
    const weights = Object.fromEntries(parameters.tensors) as unknown as LayerWeights & { x: Tensor };
    const group =
      `${cell.toUpperCase()} ${hidden} over [${steps}, ${batch}, ${inputs}], forward and backward`;
    const ways: Record<string, (tape: Tape) => Tensor> = {
      fused: (tape) => {
        const lengths = tape.input("lengths", [batch], "u32");
        return (cell === "lstm" ? lstm : gru)(tape, weights.x, { ...weights, lengths }).final;
      },
      unfused: (tape) => unfusedLayer(tape, cell, weights.x, weights).at(-1)!,
    };
    for (const [name, record] of Object.entries(ways)) {
      const tape = new Tape(device, { training: true });
      tape.fill(record(tape).grad, 1 / batch);
      tape.backward(parameters.tensors.values());
      const plan = await Plan.compile(tape);
      const values: PlanInputs = tape.inputs.has("lengths")
        ? { lengths: new Uint32Array(batch).fill(steps) }
        : {};
      // 6 multiply-adds for each recurrent weight, row and step: forward, to the state before, to the weight.
      const gflop = 6 * steps * batch * rows * (hidden + inputs) / 1e9;
      console.log(`${group}: ${name}: ${plan.dispatches} dispatches, ${gflop.toFixed(2)} GFLOP`);
      Deno.bench(
        `${name}, ${plan.dispatches} dispatches`,
        { group, baseline: name === "fused" },
        async () => {
          plan.run(values);
          await plan.read(weights.biasHh);
        },
      );
    }
  }
}
