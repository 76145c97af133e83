// Layer 1: the books of a device's buffers: what there is, what it takes, and how much more may be taken. A software adapter
// would hand out memory that the machine does not have, so the budget is ours (decision 17).

import { inBytes } from "./limits.ts";

/** Buffers in use, for leak tests and memory reports. */
export interface BufferCount {
  /** Buffers created and not yet destroyed. */
  readonly buffers: number;
  /** Their size in bytes. */
  readonly bytes: number;
}

/** The share of the memory that is available when a software adapter is opened that it may take. */
const SHARE = 3 / 4;

/**
 * The budget where none is given: of a software adapter, three quarters of the memory that the system has available; of
 * hardware, and where the system may not be asked, none. Never prompts for the permission.
 */
export function defaultBudget(software: boolean): number {
  if (!software) return Infinity;
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" });
  return state === "granted" ? Math.floor(SHARE * Deno.systemMemoryInfo().available) : Infinity;
}

/** The buffers of one device. */
export class Allocations {
  #alive = new Map<GPUBuffer, number>();
  #bytes = 0;

  /** No buffers yet, and so many bytes to take. */
  constructor(readonly budget: number) {
    if (budget > 0) return;
    throw new RangeError(`Cannot open a GPU with the memory budget ${budget}: it must be above 0.`);
  }

  /** What there is now. */
  get count(): BufferCount {
    return { buffers: this.#alive.size, bytes: this.#bytes };
  }

  /** Takes a buffer into the books. */
  add(buffer: GPUBuffer, size: number): void {
    this.#alive.set(buffer, size);
    this.#bytes += size;
  }

  /** Takes a buffer out of the books and destroys it. */
  destroy(buffer: GPUBuffer): void {
    this.#bytes -= this.#alive.get(buffer) ?? 0;
    this.#alive.delete(buffer);
    buffer.destroy();
  }

  /** Destroys all buffers. */
  close(): void {
    for (const buffer of this.#alive.keys()) this.destroy(buffer);
  }

  /** Whether so much more memory may be taken. */
  affords(size: number): boolean {
    return this.#bytes + size <= this.budget;
  }

  /**
   * Asks whether so much more memory may be taken, before any of it is.
   *
   * @throws {RangeError} If the budget does not allow it; the message says by how much, and what to do.
   */
  check(label: string, size: number, remedy: string): void {
    if (this.affords(size)) return;
    throw new RangeError(
      `Cannot allocate ${inBytes(size)} for "${label}": ${this.#bytes} of the memory budget of ${
        inBytes(this.budget)
      } are in use, so ${
        inBytes(this.#bytes + size - this.budget)
      } are missing. ${remedy}, or raise the budget: ` +
        "memoryBudget of openDevice(), --memory-budget of the program.",
    );
  }
}
