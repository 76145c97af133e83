// Profiles of a training step: that all of it is accounted for, and that the model does not suffer.

import { openDevice } from "../../lib/gpu/device.ts";
import { profileTraining } from "../../lib/training/profile.ts";
import type { TrainingReport } from "../../lib/training/options.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { tinyModel, tinyPairs } from "./tiny.ts";

/** A hundred and fifty pairs of one to six words, and two hundred of three: the shape that most steps have. */
const pairs = [
  ...tinyPairs(150),
  ...Array.from({ length: 200 }, () => ({ source: "one two three", target: "O T T" })),
];

testWithDevice(
  "profileTraining() measures the most frequent shape, and puts the weights back",
  async (device) => {
    const model = tinyModel(device);
    const before = { buffers: device.bufferCount, weights: await model.parameters.read() };
    let report: TrainingReport | undefined;
    const options = { batch: 10, maxSteps: 4, onReport: (given: TrainingReport) => void (report = given) };
    const profile = await profileTraining(model, pairs, options);
    assertEquals(profile.bucket, { sourceLength: 5, targetLength: 5, rows: 10 });
    assert(profile.bucketShare > 0.5 && profile.bucketShare < 1, `${profile.bucketShare}`);
    assertEquals([profile.steps, profile.buckets, profile.adapter], [4, report!.buckets, device.description]);
    assert(profile.buckets > 1);
    const { kernels, dispatches, gpu, wall, host, data } = profile;
    assert(dispatches <= report!.dispatches && kernels.some(({ kernel }) => kernel === "optimizer:adam"));
    assertEquals(dispatches, kernels.reduce((sum, kernel) => sum + kernel.dispatches, 0));
    assert(kernels.every(({ bytes }) => bytes > 0) && gpu > 0 && wall > 0);
    for (const { mean, maximum } of [host, data]) assert(mean > 0 && maximum >= mean);
    assertEquals(JSON.parse(JSON.stringify(profile)), profile, "a profile is not plain data");
    assertEquals(await model.parameters.read(), before.weights);
    assertEquals(device.bufferCount, before.buffers);
    model.close();
  },
);

testWithDevice("profileTraining() does without the GPU's clock where there is none", async () => {
  const device = await openDevice();
  (device.features as Set<string>).delete("timestamp-query");
  const model = tinyModel(device);
  const before = await model.parameters.read();
  const { clock, gpu } = await profileTraining(model, pairs.slice(0, 8), { maxSteps: 1 });
  assertEquals(clock, "host");
  assert(gpu > 0);
  assertEquals(await model.parameters.read(), before);
  await assertRejects(
    () => profileTraining(model, pairs, { clock: "gpu", maxSteps: 1 }),
    TypeError,
    'no feature "timestamp-query"',
  );
  device.close();
});

testWithDevice("profileTraining() refuses what training refuses", async (device) => {
  const model = tinyModel(device);
  await assertRejects(() => profileTraining(model, pairs, { maxSteps: 0 }), RangeError, "maxSteps 0");
  await assertRejects(() => profileTraining(model, pairs, { batch: 0 }), RangeError, "batch 0");
  await assertRejects(() => profileTraining(model, []), RangeError, "none of 0 pairs");
  model.close();
});
