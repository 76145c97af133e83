// Recurrent layers, forward and backward: the layer of the IMDB benchmark, and one of translation. Ours also operation
// by operation, as a framework without fused kernels runs them (bench/unfused.ts).

import { type PlanInputs, type Tape, type Tensor } from "../mod.ts";
import { gru } from "../lib/ops/gru.ts";
import { lstm } from "../lib/ops/lstm.ts";
import { Bench } from "./harness.ts";
import { gradients, parametersOf } from "./operands.ts";
import { unfusedLayer } from "./unfused.ts";

const SHAPES = [
  { steps: 300, batch: 100, inputs: 1, hidden: 50 },
  { steps: 10, batch: 64, inputs: 128, hidden: 256 },
];

const bench = await Bench.open("recurrent");
for (const cell of ["lstm", "gru"] as const) {
  for (const shape of SHAPES) {
    const { steps, batch, inputs, hidden } = shape;
    const rows = (cell === "lstm" ? 4 : 3) * hidden;
    const operands = parametersOf(bench.device, {
      x: [steps, batch, inputs],
      weightIh: [rows, inputs],
      weightHh: [rows, hidden],
      biasIh: [rows],
      biasHh: [rows],
    });
    const run = (layer: (tape: Tape) => Tensor, values?: PlanInputs) =>
      gradients(bench.device, operands, layer, values);
    const fused = await run((tape) => {
      const lengths = tape.input("lengths", [batch], "u32");
      return (cell === "lstm" ? lstm : gru)(tape, operands.x, { ...operands, lengths }).final;
    }, { lengths: new Uint32Array(batch).fill(steps) });
    const unfused = await run((tape) => unfusedLayer(tape, cell, operands.x, operands).at(-1)!);
    await bench.compare({ kind: "recurrent", cell, ...shape }, fused, { "operation by operation": unfused });
  }
}
