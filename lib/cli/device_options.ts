// The options of commands that open a GPU.

import { type Device, type DeviceOptions, openDevice } from "../gpu/device.ts";
import { UsageError } from "./exit_code.ts";
import type { Options, Values } from "./option.ts";

/** How much of a GPU to take. */
export const deviceOptions = {
  memoryBudget: {
    type: "string",
    value: "<size>",
    defaultText: "3/4 of what is free on a software adapter, else all",
    description: "The most GPU memory to take, such as 2GB or 512MiB",
  },
} as const satisfies Options;

const UNITS: Readonly<Record<string, number>> = {
  ...{ B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 },
  ...{ KIB: 2 ** 10, MIB: 2 ** 20, GIB: 2 ** 30, TIB: 2 ** 40 },
};

/**
 * What to ask of `openDevice()`.
 *
 * @throws {UsageError} If the budget is no size.
 */
export function deviceOptionsOf({ memoryBudget }: Values<typeof deviceOptions>): DeviceOptions {
  if (memoryBudget === undefined) return {};
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([kmgt]?i?b)$/i.exec(memoryBudget.trim()) ?? [];
  const bytes = Math.floor(Number(number) * (UNITS[unit?.toUpperCase() ?? ""] ?? NaN));
  if (bytes > 0) return { memoryBudget: bytes };
  throw new UsageError(
    `Cannot read --memory-budget "${memoryBudget}": a size is wanted, such as 2GB or 512MiB.`,
  );
}

/** Opens the GPU for a command. */
export function openDeviceFor(values: Values<typeof deviceOptions>): Promise<Device> {
  return openDevice(deviceOptionsOf(values));
}
