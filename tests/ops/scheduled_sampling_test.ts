// Right words or others: how often, which, and always the same ones.

import type { Device } from "../../lib/gpu/device.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { scheduledSampling } from "../../lib/ops/scheduled_sampling.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";

const [STEPS, BATCH] = [7, 1001];

interface Draw {
  readonly share: number;
  readonly seed?: number;
  readonly stream?: number;
  readonly step?: number;
}

/** Chooses between the numbers 0, 1, 2… and 100,000, 100,001…, step by step; 1 for the first, 0 for the others. */
async function draw(device: Device, { share, seed = 1, stream = 0, step = 1 }: Draw): Promise<number[][]> {
  const tape = new Tape(device, { training: true });
  const right = tape.input("right", [STEPS, BATCH], "u32");
  const predicted = tape.input("predicted", [STEPS, BATCH], "u32");
  const chosen = tape.kept([STEPS, BATCH], "chosen", "u32");
  for (let time = 0; time < STEPS; time++) {
    scheduledSampling(tape, {
      right: right.at(time),
      predicted: predicted.at(time),
      chosen: chosen.at(time),
      ...{ time, seed, stream },
    });
  }
  const plan = await Plan.compile(tape);
  plan.run({
    right: Uint32Array.from({ length: STEPS * BATCH }, (_, i) => i),
    predicted: Uint32Array.from({ length: STEPS * BATCH }, (_, i) => 100_000 + i),
    teacher_share: Float32Array.of(share),
    step: Uint32Array.of(step),
  });
  const [words] = await plan.read(chosen);
  plan.close();
  return Array.from({ length: STEPS }, (_, time) =>
    Array.from({ length: BATCH }, (_, b) => {
      const i = time * BATCH + b;
      assert([i, 100_000 + i].includes(words![i]!), `row ${b} of step ${time} got ${words![i]}`);
      return Number(words![i] === i);
    }));
}

const mean = (numbers: readonly number[]) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;

testEachProfile("scheduledSampling() takes all right words at a share of 1, none at 0", async (device) => {
  assertEquals(new Set((await draw(device, { share: 1 })).flat()), new Set([1]));
  assertEquals(new Set((await draw(device, { share: 0 })).flat()), new Set([0]));
});

testEachProfile("scheduledSampling() is exact at 0 and 1 even for the extreme draws", async (device) => {
  // With seed 1, stream 0 and step 1, the first 24 bits are all 0 at the one place, and the first 25 all 1 at the other.
  for (const time of [9_988_540, 84_999_002]) {
    const tape = new Tape(device, { training: true });
    const [right, predicted] = [tape.input("right", [1], "u32"), tape.input("predicted", [1], "u32")];
    const chosen = tape.kept([1], "chosen", "u32");
    scheduledSampling(tape, { right, predicted, chosen, time, seed: 1, stream: 0 });
    const plan = await Plan.compile(tape);
    for (const share of [0, 1]) {
      const words = { right: Uint32Array.of(1), predicted: Uint32Array.of(0) };
      plan.run({ ...words, teacher_share: Float32Array.of(share), step: Uint32Array.of(1) });
      assertEquals((await plan.read(chosen))[0]![0], share);
    }
    plan.close();
  }
});

testEachProfile(
  "scheduledSampling() takes right words as often as it should, in each step",
  async (device) => {
    for (const share of [0.05, 0.5, 0.9]) {
      for (const taken of await draw(device, { share })) {
        // Four standard deviations of the mean of so many Bernoulli variables.
        const margin = 4 * Math.sqrt(share * (1 - share) / BATCH);
        assert(Math.abs(mean(taken) - share) < margin, `of ${share}, ${mean(taken)} were taken`);
      }
    }
  },
);

testEachProfile("scheduledSampling() chooses alike in a rerun, else independently", async (device) => {
  const first = await draw(device, { share: 0.5 });
  assertEquals(await draw(device, { share: 0.5 }), first);
  const others = [
    ...first.slice(1),
    (await draw(device, { share: 0.5, seed: 2 }))[0]!,
    (await draw(device, { share: 0.5, stream: 1 }))[0]!,
    (await draw(device, { share: 0.5, step: 2 }))[0]!,
  ];
  for (const other of others) {
    const agreement = mean(other.map((taken, b) => Number(taken === first[0]![b])));
    const margin = 4 * Math.sqrt(0.25 / BATCH);
    assert(Math.abs(agreement - 0.5) < margin, `${agreement} of the choices agree`);
  }
});

Deno.test("scheduledSampling() gives a new tensor, and refuses other sizes", () => {
  const tape = new Tape(device, { training: true });
  const [right, predicted] = [tape.input("right", [3], "u32"), tape.input("predicted", [2], "u32")];
  const options = { right, time: 0, seed: 1, stream: 0 };
  assertEquals(scheduledSampling(tape, { ...options, predicted: right }).shape, [3]);
  const record = () => scheduledSampling(tape, { ...options, predicted });
  assertThrows(record, RangeError, "between 3 right words and 2 others for 3 rows");
});
