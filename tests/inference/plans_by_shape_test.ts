// How many plans a set keeps: not all that there ever were, but those that are in use.

import type { Device } from "../../lib/gpu/device.ts";
import type { Tape } from "../../lib/gpu/tape.ts";
import type { Tensor } from "../../lib/gpu/tensor.ts";
import { type PlanLimits, PlanSet } from "../../lib/inference/plans_by_shape.ts";
import { translate } from "../../lib/inference/translate.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals } from "../assert.ts";
import { tinyModel } from "../training/tiny.ts";

/** Asks a set for a plan that leaves so many numbers, and returns the first of them. */
async function first(set: PlanSet<Tensor>, size: number): Promise<number> {
  const record = (tape: Tape): Tensor => {
    const kept = tape.kept([size], "numbers");
    tape.fill(kept, size);
    return kept;
  };
  return await set.use(String(size), record, async ({ plan, output }) => {
    plan.run();
    return (await plan.read(output))[0]![0]!;
  });
}

/** Runs plans of these sizes with a set; returns the buffers and bytes that are alive after each of them. */
async function alive(device: Device, limits: PlanLimits, sizes: readonly number[]) {
  const set = new PlanSet<Tensor>(device, limits);
  const before = device.bufferCount;
  const counts = [];
  for (const size of sizes) {
    assertEquals(await first(set, size), size);
    const { buffers, bytes } = device.bufferCount;
    counts.push({ buffers: buffers - before.buffers, bytes: bytes - before.bytes });
  }
  set.close();
  assertEquals(device.bufferCount, before);
  return counts;
}

testWithDevice("a set of plans keeps no more of them than it may", async (device) => {
  const sizes = Array.from({ length: 12 }, (_, index) => index + 1);
  const counts = await alive(device, { plans: 3, bytes: Infinity }, sizes);
  const each = counts[0]!.buffers;
  assert(each > 0);
  assertEquals(counts.map(({ buffers }) => buffers / each), [1, 2, ...new Array(10).fill(3)]);
});

testWithDevice(
  "a set of plans keeps no more bytes than it may, but always the plan in use",
  async (device) => {
    const bytes = 15_000; // any two of the first three sizes, in 32 bits, but not all three
    const counts = await alive(device, { plans: 99, bytes }, [1_000, 1_500, 2_000, 1_000, 50_000, 1_000]);
    const each = counts[0]!.buffers;
    assertEquals(counts.map(({ buffers }) => buffers / each), [1, 2, 2, 2, 1, 1]);
    for (const [index, { bytes: used }] of counts.entries()) {
      assert(
        index === 4 || used <= bytes,
        `${used} bytes`,
      );
    }
  },
);

testWithDevice("a set of plans throws away none that are in use in turns", async (device) => {
  const set = new PlanSet<Tensor>(device, { plans: 2, bytes: Infinity });
  for (const size of [1, 2, 3, 4]) await first(set, size);
  const made = device.created.bindGroups;
  for (let round = 0; round < 5; round++) for (const size of [4, 3]) await first(set, size);
  assertEquals(device.created.bindGroups, made);
  await first(set, 5); // 4 goes, which was made after 3 but used before it
  const again = device.created.bindGroups;
  await first(set, 3);
  assertEquals(device.created.bindGroups, again);
  await first(set, 4);
  assert(device.created.bindGroups > again, "the plan that was used before the others is still there");
  set.close();
});

testWithDevice("a set of plans works on when one could not be made", async (device) => {
  const set = new PlanSet<Tensor>(device);
  let failed = false;
  await set.use("bad", () => {
    throw new TypeError("no");
  }, () => Promise.resolve()).catch(() => failed = true);
  assert(failed);
  assertEquals(await first(set, 7), 7);
  set.close();
});

testWithDevice("translating with ever new options does not take ever more memory", async (device) => {
  const before = device.bufferCount;
  const model = tinyModel(device);
  const counts = [];
  for (let noRepeatNgram = 1; noRepeatNgram <= 80; noRepeatNgram++) {
    await translate(model, "one", { maxLength: 1, noRepeatNgram });
    counts.push(device.bufferCount);
  }
  assertEquals(counts.slice(64), new Array(16).fill(counts[63]));
  const made = device.created.bindGroups;
  for (let round = 0; round < 3; round++) {
    for (const noRepeatNgram of [79, 80]) await translate(model, "one", { maxLength: 1, noRepeatNgram });
  }
  assertEquals(device.created.bindGroups, made);
  model.close();
  assertEquals(device.bufferCount, before);
});
