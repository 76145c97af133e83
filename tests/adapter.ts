// The device that users get, for the tests of what is built upon it. It is opened once a test file, when this module
// is loaded, and never closed; where the machine has no adapter, these tests are skipped and say so.

import { AdapterNotFoundError, type Device, openDevice } from "../lib/gpu/device.ts";

const device = await openDevice().catch((error) => {
  if (error instanceof AdapterNotFoundError) return undefined;
  throw error;
});

/** Registers a test that needs an adapter in another process. */
export function testWithAdapter(name: string, run: () => Promise<void>): void {
  const skipped = device === undefined;
  Deno.test({ name: skipped ? `${name} [skipped: there is no adapter]` : name, ignore: skipped, fn: run });
}

/** Registers a test that needs a device. */
export function testWithDevice(name: string, run: (device: Device) => void | Promise<void>): void {
  testWithAdapter(name, async () => await run(device!));
}

/** Registers a test that needs a device with 16-bit floats. */
export function testInHalfPrecision(name: string, run: (device: Device) => void | Promise<void>): void {
  if (!device || device.features.has("shader-f16")) testWithDevice(name, run);
  else Deno.test({ name: `${name} [skipped: the adapter has no 16-bit floats]`, ignore: true, fn() {} });
}
