// A profile of a training step as a table for people.

import { columns } from "./columns.ts";

/** What one kernel costs in a step. */
export interface ProfiledKernel {
  /** Its name. */
  readonly kernel: string;
  /** How often it runs. */
  readonly dispatches: number;
  /** All its runs together, in milliseconds. */
  readonly milliseconds: number;
  /** The bytes that its runs are given to read and to write. */
  readonly bytes: number;
}

/**
 * Lays out the kernels of a step: runs, time, share of the time, megabytes, and gigabytes a second.
 *
 * @param kernels The kernels, in the order to show them in.
 * @returns The lines, the first one with the headings, the last one with the sums.
 *
 * @example
 * ```ts
 * import { profileTable } from "./profile_table.ts";
 *
 * const kernels = [{ kernel: "fill:forward", dispatches: 2, milliseconds: 0.5, bytes: 4_000_000 }];
 * console.log(profileTable(kernels).join("\n"));
 * ```
 */
export function profileTable(kernels: readonly ProfiledKernel[]): string[] {
  const sum = (value: (kernel: ProfiledKernel) => number): number =>
    kernels.reduce((sum, kernel) => sum + value(kernel), 0);
  const total = sum(({ milliseconds }) => milliseconds);
  const all = {
    kernel: "together",
    dispatches: sum(({ dispatches }) => dispatches),
    milliseconds: total,
    bytes: sum(({ bytes }) => bytes),
  };
  return columns([["kernel", "runs", "ms", "share", "MB", "GB/s"], ...[...kernels, all].map(cells)]);

  function cells({ kernel, dispatches, milliseconds, bytes }: ProfiledKernel): string[] {
    return [
      kernel,
      String(dispatches),
      milliseconds.toFixed(2),
      total > 0 ? `${(100 * milliseconds / total).toFixed(1)} %` : "",
      (bytes / 1e6).toFixed(1),
      milliseconds > 0 ? (bytes / milliseconds / 1e6).toFixed(1) : "",
    ];
  }
}
