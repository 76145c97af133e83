// Recurrent layers, forward and backward, over widths and lengths: one dispatch for all steps against two dispatches a
// step, and both against the time that their multiply-adds alone would take. The way that the layer takes by itself is
// marked; where it is not the faster one, the threshold in lib/ops/recurrent_sequence.ts is wrong.
// Run: deno run -A bench/recurrent_shapes.ts [steps...]

import { defineKernel, openDevice, Parameters, Plan, Random, Tape, type Tensor } from "../mod.ts";
import { persistent } from "../lib/gpu/tensor.ts";
import { gru } from "../lib/ops/gru.ts";
import { lstm } from "../lib/ops/lstm.ts";
import { takesWholeSequences } from "../lib/ops/recurrent_sequence.ts";

const WIDTHS = [50, 64, 96, 128, 192, 256, 512, 1024];
const STEPS = Deno.args.length > 0 ? Deno.args.map(Number) : [10, 50, 300];
/** Widths above this are not taken by one dispatch in any case. */
const WIDEST = 256;
const SECONDS = 0.5;

const device = await openDevice();
const peak = await multiplyAddsPerSecond();
console.log(
  `adapter ${device.description}, profile ${device.profile}, ${(2 * peak / 1e9).toFixed(0)} GFLOP/s at most`,
);
console.log(
  "| layer over [steps, batch, inputs] | one dispatch, us a step | two a step, us a step | floor |",
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
  const ways = [...(hidden <= WIDEST ? [true] : []), false];
  const plans = await Promise.all(ways.map((whole) => record(cell, steps, batch, hidden, whole)));
  const best = plans.map(() => Infinity);
  for (const { run } of plans) await run(1); // compiles
  const once = await plans[0]!.run(1);
  const repeat = Math.max(1, Math.min(10, Math.round(50 / once)));
  const start = performance.now();
  do {
    for (const [index, { run }] of plans.entries()) best[index] = Math.min(best[index]!, await run(repeat));
  } while (performance.now() - start < 1000 * SECONDS * plans.length);
  for (const { close } of plans) close();
  const taken = takesWholeSequences(device, { steps, batch, hidden, reverse: false });
  const shown = [true, false].map((whole) => {
    const time = best[ways.indexOf(whole)];
    if (time === undefined) return "";
    const text = (1000 * time / steps).toFixed(0);
    return whole === taken ? `**${text}**` : text;
  });
  const floor = 1e6 * 6 * batch * gates * hidden * hidden / peak;
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

/** Multiply-adds a second with nothing else to do: a loop over four vectors in registers. */
async function multiplyAddsPerSecond(): Promise<number> {
  const [groups, loops, chain] = [64, 5000, 64];
  const kernel = defineKernel({
    name: "multiply_adds",
    source: `
struct Params { loops: u32 }
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;
@compute @workgroup_size(8)
fn forward(@builtin(global_invocation_id) id: vec3u) {
  var a = vec4f(f32(id.x));
  var b = a + 1.0;
  for (var i = 0u; i < p.loops; i++) {
${"    a = fma(a, vec4f(0.9), vec4f(0.1));\n    b = fma(b, vec4f(0.9), vec4f(0.2));\n".repeat(chain / 2)}
  }
  y[id.x] = dot(a, b);
}`,
    entryPoint: "forward",
    bindings: { y: "write" },
    params: { loops: "u32" },
    workgroups: () => [groups],
  });
  const tape = new Tape(device, { training: false });
  const y = persistent(device, [8 * groups], "y");
  tape.dispatch(kernel, { y }, { loops });
  const plan = await Plan.compile(tape);
  let best = Infinity;
  for (let i = 0; i < 10; i++) best = Math.min(best, (await plan.profile())[0]!.milliseconds);
  plan.close();
  device.destroyBuffer(y.storage.buffer!);
  return groups * 8 * loops * chain * 4 / (best / 1000);
}
