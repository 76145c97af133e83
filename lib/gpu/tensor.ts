// Layer 1: tensors are names for stretches of GPU memory that does not exist yet. A tape hands them out,
// a plan gives them buffers.

import type { Device } from "./device.ts";

/** Element types on the GPU; both take four bytes. */
export type DataType = "f32" | "u32";

/**
 * Where a tensor's memory comes from:
 * - `activation`: shared with other activations that are not needed at the same time;
 * - `kept`: its own, readable after a run;
 * - `input`: written by the host before each run;
 * - `bound`: owned by somebody else (parameters, gradients, optimizer state).
 */
export type StorageKind = "activation" | "kept" | "input" | "bound";

/** The stretch of memory under one or more tensors. */
export class Storage {
  /** The buffer, once there is one. */
  buffer: GPUBuffer | undefined;
  /** Where in the buffer the storage begins, in bytes. */
  byteOffset = 0;
  /** The storage of the gradient, once asked for. */
  gradient: Storage | undefined;
  /** Whether this is the gradient of another storage: those begin undefined and are completed with zeros. */
  isGradient = false;

  /** Names a stretch of `size` elements. */
  constructor(
    readonly label: string,
    readonly size: number,
    readonly type: DataType,
    readonly kind: StorageKind,
  ) {}

  /** The size in bytes. */
  get byteSize(): number {
    return this.size * 4;
  }

  /** Makes `gradient` the place where gradients of this storage are summed. */
  attachGradient(gradient: Storage): void {
    gradient.isGradient = true;
    this.gradient = gradient;
  }
}

/**
 * A dense array on the GPU, or a view of one: shape, place in a storage, and distance between rows.
 *
 * The last axis is contiguous. Views share memory with the tensor they come from, and so do their gradients.
 */
export class Tensor {
  /** The number of elements. */
  readonly size: number;
  /** The distance between rows (the last axis' vectors) in elements. */
  readonly stride: number;

  /** Describes `shape` at `offset` elements into `storage`. */
  constructor(
    readonly storage: Storage,
    readonly shape: readonly number[],
    readonly offset: number = 0,
    stride: number = shape.at(-1) ?? 1,
  ) {
    this.size = shape.reduce((product, length) => product * length, 1);
    this.stride = stride;
  }

  /** The name in errors and profiles. */
  get label(): string {
    return this.storage.label;
  }

  /** Whether the rows follow each other without gaps. */
  get contiguous(): boolean {
    return this.stride === (this.shape.at(-1) ?? 1) || this.rows <= 1;
  }

  /** The length of the last axis. */
  get columns(): number {
    return this.shape.at(-1) ?? 1;
  }

  /** The product of all axes but the last. */
  get rows(): number {
    return this.columns === 0 ? 0 : this.size / this.columns;
  }

  /** The gradient of the loss with respect to this tensor, of the same shape. */
  get grad(): Tensor {
    const { label, size, type, kind } = this.storage;
    if (type !== "f32") throw new TypeError(`Cannot take the gradient of "${label}": it holds integers.`);
    if (kind === "input") throw new TypeError(`Cannot take the gradient of "${label}": it is an input.`);
    if (!this.storage.gradient) {
      this.storage.attachGradient(new Storage(`d ${label}`, size, "f32", "activation"));
    }
    return new Tensor(this.storage.gradient!, this.shape, this.offset, this.stride);
  }

  /**
   * The elements `start` to `end` of the first axis, without a copy.
   *
   * @throws {RangeError} If they lie outside.
   */
  slice(start: number, end: number): Tensor {
    const [length = 1, ...rest] = this.shape;
    if (start < 0 || end > length || start > end) {
      throw new RangeError(
        `Cannot slice "${this.label}" from ${start} to ${end}: the first axis has ${length}.`,
      );
    }
    const step = rest.slice(0, -1).reduce((product, axis) => product * axis, 1) *
      (rest.length === 0 ? 1 : this.stride);
    return new Tensor(this.storage, [end - start, ...rest], this.offset + start * step, this.stride);
  }

  /** Element `index` of the first axis, without that axis. */
  at(index: number): Tensor {
    const { offset, shape, stride } = this.slice(index, index + 1);
    return new Tensor(this.storage, shape.slice(1), offset, shape.length > 1 ? stride : undefined);
  }

  /** The columns `start` to `end` of the last axis, without a copy; rows stay as far apart as they were. */
  columnSlice(start: number, end: number): Tensor {
    if (start < 0 || end > this.columns || start > end) {
      throw new RangeError(
        `Cannot take columns ${start} to ${end} of "${this.label}": it has ${this.columns}.`,
      );
    }
    return new Tensor(
      this.storage,
      [...this.shape.slice(0, -1), end - start],
      this.offset + start,
      this.stride,
    );
  }

  /**
   * The same elements under another shape.
   *
   * @throws {RangeError} If the sizes differ or the rows have gaps.
   */
  reshape(...shape: number[]): Tensor {
    const size = shape.reduce((product, length) => product * length, 1);
    if (size !== this.size || (!this.contiguous && shape.at(-1) !== this.columns)) {
      throw new RangeError(`Cannot reshape "${this.label}" from [${this.shape}] to [${shape}].`);
    }
    return new Tensor(
      this.storage,
      shape,
      this.offset,
      shape.at(-1) === this.columns ? this.stride : undefined,
    );
  }
}

/**
 * A tensor in a buffer of its own that outlives plans: counters, sums of losses.
 *
 * @param device Where; the buffer is freed with `device.destroyBuffer(tensor.storage.buffer)` or with the device.
 */
export function persistent(
  device: Device,
  shape: readonly number[],
  label: string,
  type: DataType = "f32",
): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  const storage = new Storage(label, size, type, "bound");
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  storage.buffer = device.createBuffer(label, Math.max(4, storage.byteSize), usage);
  return new Tensor(storage, shape);
}

/** Overwrites a persistent tensor from the host, after all work submitted so far. */
export function overwrite(
  device: Device,
  { storage, offset }: Tensor,
  values: Float32Array | Uint32Array,
): void {
  const data = values as Float32Array<ArrayBuffer>;
  device.gpu.queue.writeBuffer(storage.buffer!, storage.byteOffset + 4 * offset, data);
}

/** Copies the elements of a tensor to another of the same size, both contiguous, after all work submitted so far. */
export function copyTensor(device: Device, from: Tensor, to: Tensor): void {
  if (from.size !== to.size) {
    throw new RangeError(
      `Cannot copy "${from.label}" of ${from.size} elements to "${to.label}" of ${to.size}.`,
    );
  }
  const [start, target] = [from, to].map(({ storage, offset }) => storage.byteOffset + 4 * offset);
  const encoder = device.gpu.createCommandEncoder();
  encoder.copyBufferToBuffer(from.storage.buffer!, start!, to.storage.buffer!, target!, 4 * from.size);
  device.gpu.queue.submit([encoder.finish()]);
}
