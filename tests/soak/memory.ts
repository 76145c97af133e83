// What a process holds, once garbage has been collected: the wrappers of WebGPU's objects are small, so that V8 sees little
// reason to collect them, and what stands behind them (a command encoder 3 kB, a device 9 MB) waits as long.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { assert } from "../assert.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as (options: { type: "major"; execution: "sync" }) => void;

/** The bytes of this process in memory, after a collection of garbage. */
export async function residentBytes(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 0)); // lets what was lost or destroyed be told so
  collect({ type: "major", execution: "sync" });
  return Deno.memoryUsage().rss;
}

/** Fails if the memory grew by 5 % or more, the promise of docs/reliability.md. */
export function assertSteady(before: number, after: number, what: string): void {
  const [from, to] = [before, after].map((bytes) => `${(bytes / 2 ** 20).toFixed(1)} MB`);
  assert(after < 1.05 * before, `${what}: from ${from} to ${to}`);
}
