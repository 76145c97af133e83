// Layer 2: kernels in which one workgroup shares a row come in one variant a profile: one vector of the CPU, or
// a workgroup wide enough to keep a GPU busy.

import type { Profile } from "../gpu/device.ts";

/** Invocations that share a row, by profile. */
const LANES: Readonly<Record<Profile, number>> = { cpu8: 8, gpu: 64 };

/** Defines a kernel once for each profile; `define` gets the number of invocations in a workgroup. */
export function perProfile<K>(define: (lanes: number) => K): Readonly<Record<Profile, K>> {
  return { cpu8: define(LANES.cpu8), gpu: define(LANES.gpu) };
}

/** One workgroup a row, folded into two dimensions where WebGPU wants it. */
export function oneARow(rows: number): readonly [number, number] {
  const groups = Math.max(1, Math.ceil(rows / 65535));
  return [Math.ceil(rows / groups), groups];
}
