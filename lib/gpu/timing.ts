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
  try {
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
    const stamps = new BigUint64Array(words!.buffer);
    return Array.from({ length: count }, (_, index) => Number(stamps[2 * index + 1]! - stamps[2 * index]!));
  } finally {
    device.destroyBuffer(storage.buffer);
    querySet.destroy();
  }
}

/** Runs long enough that the clock's and the wait's unevenness, about a millisecond, does not count. */
const LONG_ENOUGH = 50;
/** Beyond this an empty kernel would go on for ever. */
const MOST_REPEATS = 16_384;

/**
 * Times work by the host's clock: it is submitted ever more often at once, until waiting for it takes long enough. What a
 * wait for nothing takes is subtracted.
 *
 * @param encode Records the work once.
 * @returns Milliseconds for the work once.
 */
export async function timeRepeatedly(
  device: Device,
  encode: (pass: GPUComputePassEncoder) => void,
): Promise<number> {
  const { gpu } = device;
  const time = async (repeats: number): Promise<number> => {
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let i = 0; i < repeats; i++) encode(pass);
    pass.end();
    const commands = encoder.finish();
    const start = performance.now();
    gpu.queue.submit([commands]);
    await device.settled(gpu.queue.onSubmittedWorkDone());
    return performance.now() - start;
  };
  await time(1); // the first run may still have to prepare something
  const nothing = Math.min(await time(0), await time(0));
  for (let repeats = 1;; repeats *= 2) {
    const elapsed = await time(repeats) - nothing;
    if (elapsed >= LONG_ENOUGH || repeats >= MOST_REPEATS) return Math.max(0, elapsed / repeats);
  }
}
