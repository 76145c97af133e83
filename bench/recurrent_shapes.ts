// Recurrent layers, forward and backward, over widths and lengths: one dispatch for all steps against steps one by one,
// and both against the time that their multiply-adds alone would take. The way that the layer takes by itself is
// marked; where it is not the faster one, the thresholds in lib/ops/recurrent_variants.ts are wrong.
// Run: deno run -A bench/recurrent_shapes.ts [steps...]

import { openDevice, Parameters, Plan, Random, Tape, type Tensor } from "../mod.ts";
import { gru } from "../lib/ops/gru.ts";
import { lstm } from "../lib/ops/lstm.ts";
import { recurrentVariant } from "../lib/ops/recurrent_variants.ts";
import { openFloors } from "./floors.ts";

const WIDTHS = [50, 64, 96, 128, 192, 256, 512, 1024];
const STEPS = Deno.args.length > 0 ? Deno.args.map(Number) : [10, 50, 300];
/** Software adapters take wider layers by one dispatch in no case, and would take long to compile it. */
const WIDEST = 256;
const SECONDS = 0.3;

const device = await openDevice();
const peak = (await openFloors(device)).arithmetic.rate;
console.log(
  `adapter ${device.description}, profile ${device.profile}, ${(peak / 1e9).toFixed(0)} GFLOP/s at most`,
);
console.log(
  "| layer over [steps, batch, inputs] | one dispatch, us a step | step by step, us a step | floor |",
);
console.log("|---|---|---|---|");
for (const steps of STEPS) {
  for (const hidden of WIDTHS) {
    for (const cell of ["lstm", "gru"] as const) await row(cell, steps, hidden);
  }
}
device.close();

/** Prints a row of the table: the fastest of several runs of each way, taken in turns. */
async function row(cell: "lstm" | "gru", steps: number, hidden: number): Promise<void> {
  const gates = cell === "lstm" ? 4 : 3;
  // 64 rows, or as many as make about 12 GFLOP; 6 operations for each weight, row and step.
  const most = 12e9 / (12 * steps * gates * hidden * hidden);
  const batch = Math.max(8, Math.min(64, 8 * Math.floor(most / 8)));
  const sizes = { steps, batch, hidden, reverse: false };
  const fits = hidden <= WIDEST && recurrentVariant(device, cell, sizes, true) !== undefined;
  const ways = [...(fits ? [true] : []), false];
  const plans = await Promise.all(ways.map((whole) => record(cell, steps, batch, hidden, whole)));
  const best = plans.map(() => Infinity);
  for (const { run } of plans) await run(1); // compiles
  const once = await plans[0]!.run(1);
  const repeat = Math.max(1, Math.min(100, Math.round(50 / Math.max(once, 0.1))));
  const start = performance.now();
  do {
    for (const [index, { run }] of plans.entries()) best[index] = Math.min(best[index]!, await run(repeat));
  } while (performance.now() - start < 1000 * SECONDS * plans.length);
  for (const { close } of plans) close();
  const taken = recurrentVariant(device, cell, sizes) !== undefined;
  const shown = [true, false].map((whole) => {
    const time = best[ways.indexOf(whole)];
    if (time === undefined) return "";
    const text = (1000 * time / steps).toFixed(0);
    return whole === taken ? `**${text}**` : text;
  });
  const floor = 1e6 * 12 * batch * gates * hidden * hidden / peak;
  const layer = `${cell.toUpperCase()} ${hidden} over [${steps}, ${batch}, ${hidden}]`;
  console.log(`| ${layer} | ${shown.join(" | ")} | ${floor.toFixed(0)} |`);
}

/** A layer over as many features as it has units, ready to run. */
async function record(cell: "lstm" | "gru", steps: number, batch: number, hidden: number, whole: boolean) {
  const rows = (cell === "lstm" ? 4 : 3) * hidden;
  const parameters = new Parameters(device);
  const shapes = {
    x: [steps, batch, hidden],
    weightIh: [rows, hidden],
    weightHh: [rows, hidden],
    biasIh: [rows],
    biasHh: [rows],
  };
  for (const [name, shape] of Object.entries(shapes)) {
    const draw = (random: Random, size: number) =>
      Float32Array.from({ length: size }, () => random.normal() / 16);
    parameters.declare(name, shape, draw);
  }
  parameters.allocate(new Random(1));
  const { x, ...weights } = Object.fromEntries(parameters.tensors) as Record<keyof typeof shapes, Tensor>;
  const tape = new Tape(device, { training: true });
  const lengths = tape.input("lengths", [batch], "u32");
  const layer = (cell === "lstm" ? lstm : gru)(tape, x, { ...weights, lengths, wholeSequence: whole });
  tape.fill(layer.final.grad, 1 / batch);
  tape.backward(parameters.tensors.values());
  const plan = await Plan.compile(tape);
  const values = { lengths: new Uint32Array(batch).fill(steps) };
  // Waiting for the GPU takes some 10 ms whatever it does: short runs are repeated before one wait, and an empty wait
  // is taken off.
  const wait = async () => {
    const start = performance.now();
    await plan.read(weights.biasHh);
    return performance.now() - start;
  };
  const run = async (repeat: number) => {
    const empty = await wait();
    const start = performance.now();
    for (let i = 0; i < repeat; i++) plan.run(values);
    await wait();
    return Math.max(0, performance.now() - start - empty) / repeat;
  };
  const close = () => {
    plan.close();
    parameters.close();
  };
  return { run, close };
}
