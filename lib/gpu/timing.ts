// Layer 1: times on the GPU's own clock.

import type { Device } from "./device.ts";
import { readTensors } from "./readback.ts";
import { Storage, Tensor } from "./tensor.ts";

/**
 * Encodes compute passes and measures each with timestamps at its ends.
 *
 * @param count How many; at most 2,048, as a query set holds 4,096 timestamps.
 * @param encode Records pass `index`.
 * @returns Nanoseconds, pass by pass.
 */
export async function timePasses(
  device: Device,
  count: number,
  encode: (pass: GPUComputePassEncoder, index: number) => void,
): Promise<number[]> {
  const { gpu } = device;
  const querySet = gpu.createQuerySet({ type: "timestamp", count: 2 * count });
  const storage = new Storage("timestamps", 4 * count, "u32", "bound");
  const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
  storage.buffer = device.createBuffer("timestamps", storage.byteSize, usage);
  const encoder = gpu.createCommandEncoder();
  for (let index = 0; index < count; index++) {
    const [beginningOfPassWriteIndex, endOfPassWriteIndex] = [2 * index, 2 * index + 1];
    const timestampWrites = { querySet, beginningOfPassWriteIndex, endOfPassWriteIndex };
    const pass = encoder.beginComputePass({ timestampWrites });
    encode(pass, index);
    pass.end();
  }
  encoder.resolveQuerySet(querySet, 0, 2 * count, storage.buffer, 0);
  gpu.queue.submit([encoder.finish()]);
  const [words] = await readTensors(device, [new Tensor(storage, [storage.size])]);
  device.destroyBuffer(storage.buffer);
  querySet.destroy();
  const stamps = new BigUint64Array(words!.buffer);
  return Array.from({ length: count }, (_, index) => Number(stamps[2 * index + 1]! - stamps[2 * index]!));
}
