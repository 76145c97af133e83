// Clipping the gradient and a step of Adam: memory that must move, and hardly anything to compute.

import { Parameters, Plan, Random, Tape } from "../mod.ts";
import { overwrite, persistent } from "../lib/gpu/tensor.ts";
import { CONTROL_SIZE, optimizerStep } from "../lib/ops/optimizer.ts";
import { Bench } from "./harness.ts";
import { normals } from "./operands.ts";
import { replays } from "./sampling.ts";

const COUNT = 10_000_000;

const bench = await Bench.open("optimizer");
const { device } = bench;
const parameters = new Parameters(device);
parameters.declare("weight", [COUNT], normals);
parameters.allocate(new Random(1));
overwrite(device, parameters.flat.gradients, normals(new Random(2), COUNT));
const control = persistent(device, [CONTROL_SIZE], "state of Adam");
const tape = new Tape(device, { training: true });
optimizerStep(tape, parameters.flat, control, { maxNorm: 1 });
const ours = replays(await Plan.compile(tape), control, { learning_rate: Float32Array.of(0.001) });
await bench.compare({ kind: "adam", parameters: COUNT }, ours);
