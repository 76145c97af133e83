// One short life of some models, run in a process of its own by determinism_soak_test.ts: prints a hash of everything that comes out.
// The profile is the first argument.

import { openDevice, type Profile } from "../../lib/gpu/device.ts";
import { hashOfLife, lives } from "./determinism_lives.ts";

const device = await openDevice({ profile: Deno.args[0] as Profile, tuning: false });
const hashes: Record<string, string> = {};
for (const life of lives) hashes[life] = await hashOfLife(device, life);
console.log(JSON.stringify(hashes));
device.close();
