// Layer 1: which activations share a buffer. Two may, if the last kernel that uses the one runs before the
// first that uses the other; plans run one at a time, so plans share all of theirs.

import type { Device } from "./device.ts";
import type { Dispatch } from "./dispatch.ts";
import type { Storage } from "./tensor.ts";

/** Where each activation of a tape will live. */
export interface MemoryLayout {
  /** The index of the pool's buffer for each storage. */
  readonly slots: ReadonlyMap<Storage, number>;
  /** The bytes that the activations would take without sharing. */
  readonly unshared: number;
}

/**
 * Buffers that the activations of any number of plans share.
 *
 * Lay out all tapes first: {@linkcode BufferPool.bytes} then says what they will take before anything is allocated,
 * and buffers that do not exist yet can still grow with the next tape.
 */
export class BufferPool {
  #sizes: number[] = [];
  #buffers: GPUBuffer[] = [];

  /** An empty pool. */
  constructor(readonly device: Device) {}

  /** The bytes that the tapes laid out so far take together. */
  get bytes(): number {
    return this.#sizes.reduce((sum, size) => sum + size, 0);
  }

  /**
   * Places the activations of a list of dispatches: each takes the smallest free buffer that is large enough, or
   * a new one.
   */
  layout(dispatches: readonly Dispatch[]): MemoryLayout {
    const { first, last } = lifetimes(dispatches);
    const free = new Set(this.#sizes.keys());
    const slots = new Map<Storage, number>();
    dispatches.forEach((_, index) => {
      for (const storage of first.get(index) ?? []) {
        const slot = bestFit(storage.byteSize, this.#sizes, free, this.#buffers.length);
        free.delete(slot);
        slots.set(storage, slot);
      }
      for (const storage of last.get(index) ?? []) free.add(slots.get(storage)!);
    });
    return { slots, unshared: [...slots.keys()].reduce((sum, storage) => sum + storage.byteSize, 0) };
  }

  /** The bytes of those that have not been allocated yet. */
  get missing(): number {
    return this.#sizes.slice(this.#buffers.length).reduce((sum, size) => sum + size, 0);
  }

  /** How many buffers have been created. */
  get created(): number {
    return this.#buffers.length;
  }

  /** Creates the buffers that are missing, and gives every storage its own. */
  allocate(layout: MemoryLayout): void {
    for (const size of this.#sizes.slice(this.#buffers.length)) {
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC;
      this.#buffers.push(this.device.createBuffer(`activations ${this.#buffers.length}`, size, usage));
    }
    for (const [storage, slot] of layout.slots) storage.buffer = this.#buffers[slot];
  }

  /** Forgets all but the first `count` buffers, those that are only laid out included: smaller plans may still fit. */
  shrink(count: number): void {
    for (const buffer of this.#buffers.splice(count)) this.device.destroyBuffer(buffer);
    this.#sizes.length = count;
  }

  /** Destroys the buffers. */
  close(): void {
    this.shrink(0);
  }
}

/** The activations that are used for the first and the last time at each dispatch. */
function lifetimes(
  dispatches: readonly Dispatch[],
): { first: Map<number, Storage[]>; last: Map<number, Storage[]> } {
  const firstUse = new Map<Storage, number>();
  const lastUse = new Map<Storage, number>();
  dispatches.forEach(({ storages }, index) => {
    for (const storage of storages) {
      if (storage.kind !== "activation") continue;
      if (!firstUse.has(storage)) firstUse.set(storage, index);
      lastUse.set(storage, index);
    }
  });
  return { first: invert(firstUse), last: invert(lastUse) };
}

function invert(uses: ReadonlyMap<Storage, number>): Map<number, Storage[]> {
  const inverted = new Map<number, Storage[]>();
  for (const [storage, index] of uses) {
    inverted.set(index, [...inverted.get(index) ?? [], storage]);
  }
  return inverted;
}

/** The smallest free buffer of at least `size` bytes; else a free one not created yet, enlarged; else a new one. */
function bestFit(size: number, sizes: number[], free: ReadonlySet<number>, existing: number): number {
  let best = -1;
  let growable = -1;
  for (const slot of free) {
    if (sizes[slot]! >= size && (best < 0 || sizes[slot]! < sizes[best]!)) best = slot;
    if (slot >= existing && (growable < 0 || sizes[slot]! > sizes[growable]!)) growable = slot;
  }
  if (best >= 0) return best;
  if (growable >= 0) {
    sizes[growable] = size;
    return growable;
  }
  sizes.push(size);
  return sizes.length - 1;
}
