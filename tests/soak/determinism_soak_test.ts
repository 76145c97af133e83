// The same seed gives the same bits: run after run in one process, in processes of their own, and with another number of threads
// of a software adapter.

import { openDevice, type Profile } from "../../lib/gpu/device.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals } from "../assert.ts";
import { hashOfLife, lives } from "./determinism_lives.ts";
import { repetitions } from "./repetitions.ts";

type Hashes = Readonly<Record<string, string>>;

/** The hashes of all lives in a process of their own; undefined if the adapter cannot run the profile. */
async function inProcess(profile: Profile, threads: number): Promise<Hashes | undefined> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("determinism_scenario.ts", import.meta.url).href, profile],
    env: { LP_NUM_THREADS: String(threads) },
  }).output();
  const said = new TextDecoder().decode(stderr);
  if (said.includes('Cannot use the profile "cpu8"')) return undefined;
  assert(success, said);
  return JSON.parse(new TextDecoder().decode(stdout));
}

for (const life of lives) {
  testWithDevice(`${life} ends with the same bits, run after run on devices of their own`, async () => {
    const hashes = new Set<string>();
    const runs = repetitions(3, 50);
    for (let run = 0; run < runs; run++) {
      const device = await openDevice();
      hashes.add(await hashOfLife(device, life));
      device.close();
    }
    assertEquals(hashes.size, 1, `${runs} runs gave ${hashes.size} hashes`);
  });
}

for (const profile of ["cpu8", "gpu"] as const) {
  testWithDevice(`one and two threads give the same bits, process after process [${profile}]`, async () => {
    const first = await inProcess(profile, 1);
    if (!first) return;
    for (let run = 0; run < repetitions(1, 25); run++) {
      assertEquals(await inProcess(profile, run % 2 === 0 ? 2 : 1), first, `in run ${run + 2}`);
    }
  });
}

testWithDevice("another seed gives other bits", async (device) => {
  const [first] = lives;
  const bits = await hashOfLife(device, first!);
  assert(bits !== await hashOfLife(device, first!, 9), "the hash does not depend on what is computed");
});
