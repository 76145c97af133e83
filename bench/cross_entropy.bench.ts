// The output layer and its loss over large vocabularies, with the gradients of input, weight and bias.

import { persistent } from "../lib/gpu/tensor.ts";
import { TOTALS } from "../lib/models/model.ts";
import { crossEntropy } from "../lib/ops/cross_entropy.ts";
import { Bench } from "./harness.ts";
import { gradients, integers, parametersOf } from "./operands.ts";

const [rows, width] = [640, 256];

const bench = await Bench.open("cross_entropy");
const totals = persistent(bench.device, [TOTALS], "losses");
for (const classes of [10_000, 50_000]) {
  const shapes = { x: [rows, width], weight: [classes, width], bias: [classes] };
  const operands = parametersOf(bench.device, shapes);
  const ours = await gradients(bench.device, operands, (tape) => {
    const targets = tape.input("targets", [rows], "u32");
    crossEntropy(tape, operands.x, { ...operands, targets, ignored: classes, totals });
  }, { targets: integers(rows, classes), scale: Float32Array.of(1 / rows) });
  await bench.compare({ kind: "cross-entropy", rows, width, classes }, ours);
}
