// Layer 1: what has stopped a device, and those who wait for it. WebGPU tells of most errors through events that nobody
// awaits, and after a loss some promises never settle; here both end in an exception where the device is used.

import type { BufferCount } from "./allocations.ts";
import { DeviceLostError } from "./errors.ts";

/** Milliseconds in which a loss is told of that was the reason for something else. */
const GRACE = 50;

/** The first error that stopped a device, or none. */
export class Failure {
  #error: Error | undefined;
  #waiting = new Set<(reason: Error) => void>();
  #gpu: GPUDevice;

  /** Listens to a device that was just opened. */
  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
    gpu.addEventListener("uncapturederror", (event) => {
      const error = refused((event as GPUUncapturedErrorEvent).error, "refused a command");
      // Nobody may ever ask, and results may be wrong: this goes to nobody's handler, which ends the program.
      if (this.#error === undefined && this.#waiting.size === 0) reportError(error);
      this.end(error);
    });
    gpu.lost.then(({ reason, message }) => this.end(new DeviceLostError(reason, message)));
  }

  /** Remembers why the device cannot be used any more, unless there was a reason before; who waits is told. */
  end(error: Error): void {
    this.#error ??= error;
    for (const reject of this.#waiting) reject(this.#error);
    this.#waiting.clear();
  }

  /** Throws the error, if there is one. */
  check(): void {
    if (this.#error) throw this.#error;
  }

  /** Waits for a promise of WebGPU's, or for the failure. */
  settled<T>(promise: Promise<T>): Promise<T> {
    if (this.#error) promise.catch(() => {}); // nobody waits for it
    this.check();
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      promise.catch((error) => this.#reason(error)).then(resolve, reject)
        .finally(() => this.#waiting.delete(reject));
    });
  }

  /** Throws why a promise of WebGPU's was rejected: that often happens before the device is said to be lost. */
  async #reason(error: unknown): Promise<never> {
    let timer;
    const grace = new Promise((resolve) => timer = setTimeout(resolve, GRACE));
    await Promise.race([this.#gpu.lost, grace]);
    clearTimeout(timer);
    throw this.#error ?? error;
  }
}

/**
 * Puts an error of WebGPU's into words.
 *
 * @param what What the GPU did, in words that follow "The GPU".
 * @param used What this program has taken of its memory.
 */
export function refused(error: GPUError, what: string, used?: BufferCount): Error {
  const full = error instanceof GPUOutOfMemoryError;
  const taken = used ? `, with ${used.bytes} bytes in ${used.buffers} buffers of this program` : "";
  const reason = full ? `its memory is full${taken}` : error.message.trim().replace(/\.$/, "");
  const remedy = full
    ? "Use a smaller batch, hidden size or vocabulary, or close other programs that use it."
    : "What was computed may be wrong. Update its driver; if it stays, report this message.";
  return new Error(`The GPU ${what}: ${reason}. ${remedy}`);
}
