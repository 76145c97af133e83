// Layer 1: what each kernel of a plan costs: its time, and the memory that it has to move.

import type { Commands } from "./commands.ts";
import type { Device } from "./device.ts";
import type { Dispatch } from "./dispatch.ts";
import { timePasses, timeRepeatedly } from "./timing.ts";

/** Whose time it is: that of the GPU's own timestamps, or the host's while it waits for repeated runs. */
export type Clock = "gpu" | "host";

/** What one kernel costs within a run of a plan. */
export interface KernelTime {
  /** `file:entry point`. */
  readonly kernel: string;
  /** How often it runs. */
  readonly dispatches: number;
  /** All its runs together, in milliseconds. */
  readonly milliseconds: number;
  /**
   * The bytes of everything that its runs are given to read and to write, each tensor counted once a run: an upper
   * bound of what has to be moved. A lookup reads less of its table; a kernel that reads a number again and misses the
   * cache moves more than it has to.
   */
  readonly bytes: number;
}

/** How to time kernels. */
export interface KernelTimeOptions {
  /** The GPU's where it has `timestamp-query`, else the host's, which is told what repeated runs take. */
  readonly clock?: Clock;
}

/** The GPU's clock where it can be read. */
export function bestClock(device: Device): Clock {
  return device.features.has("timestamp-query") ? "gpu" : "host";
}

/** The most passes that one query set has timestamps for: 4,096, two a pass. */
const MOST_PASSES = 2048;

/**
 * Times each kernel of a list.
 *
 * By the GPU's clock the list runs once, in order, each run in a pass of its own. By the host's clock each kernel runs by
 * itself, again and again: what the list computes is nonsense afterwards.
 *
 * @returns The kernels, slowest first.
 * @throws {TypeError} If the GPU's clock is asked for and there is none.
 */
export async function timeKernels(
  device: Device,
  commands: Commands,
  dispatches: readonly Dispatch[],
  options: KernelTimeOptions = {},
): Promise<KernelTime[]> {
  const { clock = bestClock(device) } = options;
  if (clock === "gpu" && bestClock(device) !== "gpu") {
    throw new TypeError(
      `Cannot profile by the GPU's clock: the adapter ${device.description} has no feature "timestamp-query". ` +
        'Ask for the clock "host".',
    );
  }
  const kernels = new Map<string, number[]>();
  dispatches.forEach(({ kernel: { label } }, index) => {
    kernels.set(label, [...kernels.get(label) ?? [], index]);
  });
  const sum = (indices: readonly number[], value: (index: number) => number): number =>
    indices.reduce((sum, index) => sum + value(index), 0);
  const times = clock === "gpu" ? await stamps(device, commands) : undefined;
  const list: KernelTime[] = [];
  for (const [kernel, indices] of kernels) {
    const milliseconds = times
      ? sum(indices, (index) => times[index]!)
      : await timeRepeatedly(device, (pass) => indices.forEach((i) => commands.encode(pass, i, i + 1)));
    const bytes = sum(indices, (index) => dispatches[index]!.bytes);
    list.push({ kernel, dispatches: indices.length, milliseconds, bytes });
  }
  return list.sort((a, b) => b.milliseconds - a.milliseconds);
}

/** Milliseconds of each run, by the GPU's clock. */
async function stamps(device: Device, commands: Commands): Promise<number[]> {
  const milliseconds: number[] = [];
  for (let start = 0; start < commands.count; start += MOST_PASSES) {
    const count = Math.min(MOST_PASSES, commands.count - start);
    const nanoseconds = await timePasses(
      device,
      count,
      (pass, i) => commands.encode(pass, start + i, start + i + 1),
    );
    milliseconds.push(...nanoseconds.map((time) => time / 1e6));
  }
  return milliseconds;
}
