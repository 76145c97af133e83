// What this adapter can do at most, measured in the run that is compared with it: multiply-adds that touch nothing but
// registers, and copies of memory. No kernel needs less time than its operations and bytes take at these rates.

import { defineKernel, type Device, Plan, Tape, type Tensor } from "../mod.ts";
import { persistent } from "../lib/gpu/tensor.ts";
import { calibrate, replays, type Run, secondsOf } from "./sampling.ts";
import type { Cost } from "./work.ts";

/** The highest rates seen. */
export interface Floors {
  /** Floating-point operations a second. */
  readonly flops: number;
  /** Bytes read and written a second. */
  readonly bandwidth: number;
}

/** The least time in seconds in which something can be done. */
export function floorOf({ flop, bytes }: Cost, { flops, bandwidth }: Floors): number {
  return Math.max(flop / flops, bytes / bandwidth);
}

/** Measures both rates. */
export async function measureFloors(device: Device): Promise<Floors> {
  return { flops: await multiplyAddRate(device), bandwidth: await copyRate(device) };
}

const WORKGROUP = 64;
const INVOCATIONS = 65_536;
const UNROLLED = 16;
const ROUNDS = 128;
/** Independent sums an invocation: enough to hide the latency of an addition, few enough for 16 registers; and more. */
const SUMS = [10, 16];

/** An invocation that keeps several independent sums in registers. */
function multiplyAdd(sums: number) {
  const names = Array.from({ length: sums }, (_, index) => `sum${index}`);
  const round = names.map((name) => `${name} = fma(${name}, params.scale, params.shift);`).join(" ");
  return defineKernel({
    name: `multiply-adds, ${sums} sums`,
    source: `
struct Params { rounds: u32, scale: f32, shift: f32 }
@group(0) @binding(0) var<storage, read_write> results: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(${WORKGROUP})
fn forward(@builtin(global_invocation_id) id: vec3u) {
${names.map((name, index) => `  var ${name} = f32(id.x + ${index}u);`).join("\n")}
  for (var i = 0u; i < params.rounds; i++) {
${Array(UNROLLED).fill(`    ${round}`).join("\n")}
  }
  results[id.x] = ${names.join(" + ")};
}`,
    entryPoint: "forward",
    bindings: { results: "write" },
    params: { rounds: "u32", scale: "f32", shift: "f32" },
    workgroups: () => [INVOCATIONS / WORKGROUP],
  });
}

async function multiplyAddRate(device: Device): Promise<number> {
  const results = persistent(device, [INVOCATIONS], "sums");
  const rates: number[] = [];
  for (const sums of SUMS) {
    const tape = new Tape(device, { training: false });
    tape.dispatch(multiplyAdd(sums), { results }, { rounds: ROUNDS, scale: 0.999, shift: 0.5 });
    const plan = await Plan.compile(tape);
    const seconds = await fastest(replays(plan, results));
    plan.close();
    rates.push(2 * INVOCATIONS * sums * UNROLLED * ROUNDS / seconds);
  }
  device.destroyBuffer(results.storage.buffer!);
  return Math.max(...rates);
}

/** Larger than any cache. */
const COPIED = 128 * 2 ** 20;

const copy = defineKernel({
  name: "copy",
  source: `
struct Params { size: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(1) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(${WORKGROUP})
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * ${WORKGROUP}u + lane;
  if (i < params.size) { y[i] = x[i]; }
}`,
  entryPoint: "forward",
  bindings: { x: "read", y: "write" },
  params: { size: "u32" },
  workgroups: ({ size }) => [2 ** 15, Math.ceil(size / WORKGROUP / 2 ** 15)],
});

/** The faster of a kernel and the queue's own command. */
async function copyRate(device: Device): Promise<number> {
  const [x, y] = ["source", "copy"].map((label) => persistent(device, [COPIED / 4], label)) as [
    Tensor,
    Tensor,
  ];
  const tape = new Tape(device, { training: false });
  tape.dispatch(copy, { x, y }, { size: COPIED / 16 });
  const plan = await Plan.compile(tape);
  const ways: Run[] = [
    replays(plan, y.slice(0, 1)),
    async (times) => {
      for (let time = 0; time < times; time++) {
        const encoder = device.gpu.createCommandEncoder();
        encoder.copyBufferToBuffer(x.storage.buffer!, 0, y.storage.buffer!, 0, COPIED);
        device.gpu.queue.submit([encoder.finish()]);
      }
      await plan.read(y.slice(0, 1));
    },
  ];
  const rates: number[] = [];
  for (const way of ways) rates.push(2 * COPIED / await fastest(way));
  plan.close();
  for (const { storage } of [x, y]) device.destroyBuffer(storage.buffer!);
  return Math.max(...rates);
}

/** The least seconds of one repetition: what disturbs a floor only makes it look lower. */
async function fastest(run: Run): Promise<number> {
  const { times, seconds } = await calibrate(run);
  const samples = [seconds];
  while (samples.length < 3) samples.push(await secondsOf(run, times) / times);
  return Math.min(...samples);
}
