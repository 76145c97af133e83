// Additive attention of a decoder: 10 steps, one after the other, over sources of three lengths.

import { Attention } from "../lib/ops/attention.ts";
import { Bench } from "./harness.ts";
import { gradients, parametersOf } from "./operands.ts";

const [steps, batch, width, values] = [10, 64, 256, 512];

const bench = await Bench.open("attention");
for (const source of [10, 25, 50]) {
  const operands = parametersOf(bench.device, {
    queries: [steps, batch, width],
    keys: [source, batch, width],
    values: [source, batch, values],
    score: [1, width],
  });
  const ours = await gradients(bench.device, operands, (tape) => {
    const lengths = tape.input("lengths", [batch], "u32");
    const { values, ...score } = operands;
    const attention = new Attention(tape, { score: { kind: "additive", ...score }, values, lengths });
    for (let t = 0; t < steps; t++) attention.step(t);
    return attention.contexts;
  }, { lengths: new Uint32Array(batch).fill(source) });
  await bench.compare({ kind: "attention", steps, source, batch, width, values }, ours);
}
