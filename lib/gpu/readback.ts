// Layer 1: the way back from the GPU to the host, and the only place that waits for it.

import type { Device } from "./device.ts";
import type { Tensor } from "./tensor.ts";

/** Copies the same tensors to the host again and again, through one staging buffer. */
export class Readback {
  #staging: GPUBuffer;

  /**
   * Prepares to read tensors: kept ones, parameters and their like.
   *
   * @throws {TypeError} If the memory of one is shared with others, or a view has gaps.
   */
  constructor(readonly device: Device, readonly tensors: readonly Tensor[]) {
    for (const { storage, label, contiguous } of tensors) {
      if (!storage.buffer || storage.kind === "activation") {
        throw new TypeError(`Cannot read "${label}": its memory is shared. Record it with \`tape.kept\`.`);
      }
      if (!contiguous) throw new TypeError(`Cannot read "${label}": the view has gaps between its rows.`);
    }
    const bytes = tensors.reduce((sum, { size }) => sum + 4 * size, 0);
    const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ;
    this.#staging = device.createBuffer("readback", Math.max(4, bytes), usage);
  }

  /** Waits for all work so far; returns each tensor's elements, dense. */
  async read(): Promise<(Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>)[]> {
    const { gpu } = this.device;
    const encoder = gpu.createCommandEncoder();
    let position = 0;
    for (const { storage, offset, size } of this.tensors) {
      const start = storage.byteOffset + 4 * offset;
      if (size > 0) encoder.copyBufferToBuffer(storage.buffer!, start, this.#staging, position, 4 * size);
      position += 4 * size;
    }
    gpu.queue.submit([encoder.finish()]);
    await this.device.settled(this.#staging.mapAsync(GPUMapMode.READ));
    const bytes = this.#staging.getMappedRange();
    position = 0;
    const arrays = this.tensors.map(({ storage, size }) => {
      const part = bytes.slice(position, position += 4 * size);
      return storage.type === "u32" ? new Uint32Array(part) : new Float32Array(part);
    });
    this.#staging.unmap();
    return arrays;
  }

  /** Frees the staging buffer. */
  close(): void {
    this.device.destroyBuffer(this.#staging);
  }
}

/** Copies tensors to the host once. */
export async function readTensors(
  device: Device,
  tensors: readonly Tensor[],
): Promise<(Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>)[]> {
  const readback = new Readback(device, tensors);
  try {
    return await readback.read();
  } finally {
    readback.close();
  }
}
