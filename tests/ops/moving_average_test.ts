// Averages of weights against plain loops, over steps that are taken and steps that are not.

import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { overwrite, persistent } from "../../lib/gpu/tensor.ts";
import { movingAverage } from "../../lib/ops/moving_average.ts";
import { CONTROL_SIZE } from "../../lib/ops/optimizer.ts";
import { Random } from "../../lib/random.ts";
import { assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import { assertClose, normals } from "./check.ts";
import { SUMS } from "../tolerances.ts";

const SIZE = 4 * 71; // more than a workgroup, and no multiple of one
const BEHIND = 4 * 3; // values that are not averaged: frozen ones

for (const decay of [0.5, 0.999]) {
  testEachProfile(`movingAverage() with decay ${decay} follows the weights`, async (device) => {
    const values = persistent(device, [SIZE + BEHIND], "values");
    const average = persistent(device, [SIZE], "average");
    const control = persistent(device, [CONTROL_SIZE], "control", "u32");
    const tape = new Tape(device, { training: true });
    movingAverage(tape, values, control, average, decay);
    const plan = await Plan.compile(tape);
    const random = new Random(3);
    const first = normals(random, SIZE);
    overwrite(device, average, first);
    const expected = Float64Array.from(first);
    const expect = (t: number, weights: Float32Array) => {
      const rate = 1 - Math.min(decay, (1 + t) / (10 + t));
      expected.forEach((value, i) => expected[i] = (1 - rate) * value + rate * weights[i]!);
    };
    for (let t = 1; t <= 20; t++) {
      const skipped = t === 4;
      const weights = normals(random, SIZE + BEHIND);
      overwrite(device, values, weights);
      overwrite(device, control, Uint32Array.of(0, 0, 0, 0, t, 0, skipped ? 1 : 0));
      const [before] = await plan.read(average);
      plan.run();
      if (skipped) assertEquals((await plan.read(average))[0], before);
      else expect(t, weights);
      // Three roundings a step, and a factor off by two: 20 steps of 5e-7 at the most.
      assertClose((await plan.read(average))[0]!, expected, SUMS, `average after step ${t}`);
    }
    plan.close();
    for (const { storage } of [values, average, control]) device.destroyBuffer(storage.buffer!);
  });
}
