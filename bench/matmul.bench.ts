// Matrix products: squares, the output layer of one decoder step, and a weight gradient over many rows.

import { Plan, Tape } from "../mod.ts";
import { matmul } from "../lib/ops/matmul.ts";
import { Bench } from "./harness.ts";
import { parametersOf } from "./operands.ts";
import { replays } from "./sampling.ts";
import type { Matmul } from "./work.ts";

const SHAPES = [
  [512, 512, 512],
  [1024, 1024, 1024],
  [2048, 2048, 2048],
  [64, 256, 8000],
  [256, 30000, 768],
] as const;

const bench = await Bench.open("matmul");
for (const [rows, inner, columns] of SHAPES) {
  const work: Matmul = { kind: "matmul", rows, inner, columns };
  const { a, b } = parametersOf(bench.device, { a: [rows, inner], b: [inner, columns] });
  const tape = new Tape(bench.device, { training: false });
  const c = tape.kept([rows, columns], "c");
  matmul(tape, { a, b, c });
  await bench.compare(work, replays(await Plan.compile(tape), c.slice(0, 1)));
}
