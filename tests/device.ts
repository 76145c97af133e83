// The devices of the GPU tests: one for each profile, opened once a test file when this module is loaded and
// never closed, so that no test pays for opening and compiling again.

import { type Device, openDevice, type Profile } from "../lib/gpu/device.ts";

/** The shared devices; absent is a profile that this machine's adapter cannot run. */
const devices: ReadonlyMap<Profile, Device> = await openAll();

/** The device that tests share whose subject is the same for every profile. */
export const device: Device = devices.get("gpu")!;

async function openAll(): Promise<Map<Profile, Device>> {
  const devices = new Map([["gpu" as Profile, await openDevice({ profile: "gpu", tuning: false })]]);
  try {
    devices.set("cpu8", await openDevice({ profile: "cpu8", tuning: false }));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return devices;
}

/** Registers a test once for each profile; skips, and says so, what this machine's adapter cannot run. */
export function testEachProfile(name: string, run: (device: Device) => void | Promise<void>): void {
  for (const profile of ["cpu8", "gpu"] as const) {
    const shared = devices.get(profile);
    Deno.test({
      name: `${name} [${profile}${shared ? "" : ", skipped: needs an adapter with subgroups of 8"}]`,
      ignore: shared === undefined,
      fn: () => run(shared!),
    });
  }
}
