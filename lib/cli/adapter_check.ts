// A kernel small enough to be right on every adapter: if even this one is wrong, the driver is to blame.

import type { Device } from "../gpu/device.ts";

/** What the check found. */
export interface AdapterCheck {
  /** How many numbers were computed. */
  readonly numbers: number;
  /** How many of them were wrong. */
  readonly wrong: number;
  /** Milliseconds from the source to a pipeline. */
  readonly compileTime: number;
  /** Milliseconds from the dispatch until the numbers were back on the host. */
  readonly runTime: number;
}

const SIZE = 4096;
const WORKGROUP = 64;

const SOURCE = `
@group(0) @binding(0) var<storage, read_write> numbers: array<f32>;

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  numbers[id.x] = 0.5 * numbers[id.x] + f32(id.x);
}`;

/** Compiles and runs a kernel, and compares its numbers with the host's. */
export async function checkAdapter(device: Device): Promise<AdapterCheck> {
  const { gpu } = device;
  const start = performance.now();
  const module = gpu.createShaderModule({ label: "doctor", code: SOURCE });
  const pipeline = gpu.createComputePipeline({ label: "doctor", layout: "auto", compute: { module } });
  const compiled = performance.now();

  // Small integers, so that the result is exact in f32 whatever the adapter's rounding.
  const input = Float32Array.from({ length: SIZE }, (_, index) => index % 512);
  const size = input.byteLength;
  const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const buffer = gpu.createBuffer({ label: "doctor", size, usage: STORAGE | COPY_SRC | COPY_DST });
  const staging = gpu.createBuffer({ label: "doctor result", size, usage: COPY_DST | MAP_READ });
  gpu.queue.writeBuffer(buffer, 0, input);
  const layout = pipeline.getBindGroupLayout(0);
  const bindGroup = gpu.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer } }] });
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(SIZE / WORKGROUP);
  pass.end();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, size);
  gpu.queue.submit([encoder.finish()]);
  await device.settled(staging.mapAsync(GPUMapMode.READ));
  const output = new Float32Array(staging.getMappedRange().slice(0));
  const finished = performance.now();
  device.check();
  buffer.destroy();
  staging.destroy();

  const wrong = input.filter((value, index) => output[index] !== 0.5 * value + index).length;
  return { numbers: SIZE, wrong, compileTime: compiled - start, runTime: finished - compiled };
}
