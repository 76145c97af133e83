// What a process holds, once garbage has been collected: the wrappers of WebGPU's objects are small, so that V8 sees little
// reason to collect them, and what stands behind them (a command encoder 3 kB, a device 9 MB) waits as long.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { assert } from "../assert.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as (options: { type: "major"; execution: "sync" }) => void;

/** The bytes of this process in memory, after a collection of garbage. */
async function residentBytes(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 0)); // lets what was lost or destroyed be told so
  collect({ type: "major", execution: "sync" });
  return Deno.memoryUsage().rss;
}

/** The growth of this process, from the least that it was seen to hold. */
export class Growth {
  #least = Infinity;
  #last = 0;

  /** Measures. */
  async see(): Promise<void> {
    this.#last = await residentBytes();
    this.#least = Math.min(this.#least, this.#last);
  }

  /** Bytes. */
  get bytes(): number {
    return this.#last - this.#least;
  }

  /** Fails if it is 5 % or more, the promise of docs/reliability.md. */
  assertSteady(what: string): void {
    const [from, to] = [this.#least, this.#last].map((bytes) => `${(bytes / 2 ** 20).toFixed(1)} MB`);
    assert(this.#last < 1.05 * this.#least, `${what}: from ${from} to ${to}`);
  }
}
