// What this adapter can do at most, measured beside what is compared with it: multiply-adds that touch nothing but
// registers, and copies of memory. No kernel needs less time than its operations and bytes take at these rates.

import { defineKernel, type Device, Plan, Tape } from "../mod.ts";
import { persistent } from "../lib/gpu/tensor.ts";
import { calibrate, replays, type Run, secondsOf } from "./sampling.ts";
import type { Cost } from "./work.ts";

/** Something that nothing can do faster on this adapter. */
export interface Floor {
  /** Does it. */
  readonly run: Run;
  /** Floating-point operations, or bytes read and written, each time. */
  readonly amount: number;
  /** The most a second. */
  readonly rate: number;
}

/** The floors of an adapter. */
export interface Floors {
  readonly arithmetic: Floor;
  readonly memory: Floor;
}

/** Measures both, and keeps what is fastest ready to be measured again. */
export async function openFloors(device: Device): Promise<Floors> {
  return { arithmetic: await arithmetic(device), memory: await memory(device) };
}

/** The floor that a computation meets first, and how much it takes of that. */
export function binding({ flop, bytes }: Cost, { arithmetic, memory }: Floors): Bound {
  const computes = flop / arithmetic.rate >= bytes / memory.rate;
  return computes
    ? { floor: arithmetic, amount: flop, unit: "FLOP" }
    : { floor: memory, amount: bytes, unit: "B" };
}

/** What limits a computation. */
export interface Bound {
  readonly floor: Floor;
  /** What the computation takes of it. */
  readonly amount: number;
  readonly unit: "FLOP" | "B";
}

const WORKGROUP = 64;
const INVOCATIONS = 65_536;
const UNROLLED = 16;
/** Enough that a GPU needs a millisecond for them, too. */
const ROUNDS = { software: 128, hardware: 2048 };
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

async function arithmetic(device: Device): Promise<Floor> {
  const results = persistent(device, [INVOCATIONS], "sums");
  const rounds = ROUNDS[device.software ? "software" : "hardware"];
  const ways = await Promise.all(SUMS.map(async (sums) => {
    const tape = new Tape(device, { training: false });
    tape.dispatch(multiplyAdd(sums), { results }, { rounds, scale: 0.999, shift: 0.5 });
    const run = replays(await Plan.compile(tape), results);
    return { run, amount: 2 * INVOCATIONS * sums * UNROLLED * rounds };
  }));
  return await fastest(ways);
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

/** A kernel, or the queue's own command. */
async function memory(device: Device): Promise<Floor> {
  const copied = (label: string) => persistent(device, [COPIED / 4], label);
  const [x, y] = [copied("source"), copied("copy")];
  const tape = new Tape(device, { training: false });
  tape.dispatch(copy, { x, y }, { size: COPIED / 16 });
  const plan = await Plan.compile(tape);
  const first = y.slice(0, 1);
  const command: Run = async (times) => {
    for (let time = 0; time < times; time++) {
      const encoder = device.gpu.createCommandEncoder();
      encoder.copyBufferToBuffer(x.storage.buffer!, 0, y.storage.buffer!, 0, COPIED);
      device.gpu.queue.submit([encoder.finish()]);
    }
    await plan.read(first);
  };
  return await fastest([replays(plan, first), command].map((run) => ({ run, amount: 2 * COPIED })));
}

/** The fastest of several ways to reach the same floor. */
async function fastest(ways: readonly Pick<Floor, "run" | "amount">[]): Promise<Floor> {
  const floors: Floor[] = [];
  for (const { run, amount } of ways) {
    const { times, seconds } = await calibrate(run);
    const again = await secondsOf(run, times) / times;
    floors.push({ run, amount, rate: amount / Math.min(seconds, again) });
  }
  return floors.reduce((best, floor) => floor.rate > best.rate ? floor : best);
}
