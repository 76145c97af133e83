// Numbers as people read them, for the progress line and the reports of the program.

import * as bytes from "npm:deno-std@1.4.0/fmt/bytes.js";

/**
 * Formats a duration with its two largest units.
 *
 * @param seconds The duration in seconds.
 * @returns Text such as `0.4s`, `42s`, `3m 05s`, `2h 07m` or `1d 04h`; `?` for a negative or not finite number,
 * as an estimate may be before the first step.
 *
 * @example
 * ```ts
 * import { formatDuration } from "./format.ts";
 *
 * console.log(formatDuration(185)); // 3m 05s
 * ```
 */
export function formatDuration(seconds: number): string {
  if (!(seconds >= 0 && seconds < Infinity)) return "?";
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)}m ${twoDigits(whole % 60)}s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 1_440) return `${Math.floor(minutes / 60)}h ${twoDigits(minutes % 60)}m`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)}d ${twoDigits(hours % 24)}h`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}

/**
 * Formats a number of bytes with three digits and a binary unit.
 *
 * @param count The number of bytes.
 * @returns Text such as `512 B`, `1.5 kiB` or `20.3 MiB`.
 * @throws {TypeError} If the number is not finite.
 *
 * @example
 * ```ts
 * import { formatBytes } from "./format.ts";
 *
 * console.log(formatBytes(1_572_864)); // 1.5 MiB
 * ```
 */
export function formatBytes(count: number): string {
  return bytes.format(count, { binary: true });
}

/**
 * Formats a count with commas between thousands, whatever the locale of the machine.
 *
 * @param count The number; a fraction is rounded.
 * @returns Text such as `169,813`.
 *
 * @example
 * ```ts
 * import { formatCount } from "./format.ts";
 *
 * console.log(formatCount(169_813)); // 169,813
 * ```
 */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US", { maximumFractionDigits: 0 });
}
