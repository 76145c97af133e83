// Training in half precision: about as good as in single, and as reproducible.

import type { Device } from "../../lib/gpu/device.ts";
import { loadCheckpoint } from "../../lib/training/checkpoint.ts";
import { train } from "../../lib/training/trainer.ts";
import { heldOutLoss } from "../../lib/evaluation/held_out.ts";
import { testInHalfPrecision, testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { fingerprint, tinyModel, tinyPairs } from "./tiny.ts";

const pairs = tinyPairs(200);

async function trained(device: Device, precision: "f32" | "f16") {
  const model = tinyModel(device, { dropout: 0, hidden: 16, embedding: 8 });
  const options = { epochs: 12, batch: 16, learningRate: 0.02, precision };
  for await (const { skipped } of train(model, pairs, options)) assertEquals(skipped, 0);
  const { loss } = await heldOutLoss(model, pairs);
  const bits = await fingerprint(model);
  model.close();
  return { loss, bits };
}

testInHalfPrecision(
  "train() in half precision learns what it learns in single, bit for bit again",
  async (device) => {
    const [single, half, again] = [
      await trained(device, "f32"),
      await trained(device, "f16"),
      await trained(device, "f16"),
    ];
    // Who knows only how often each letter comes has a loss of about 1.6.
    assert(single.loss < 0.3, `in single precision the loss is ${single.loss}`);
    assert(half.loss < 0.3, `in half precision the loss is ${half.loss}`);
    assert(half.bits !== single.bits, "nothing was rounded");
    assertEquals(half.bits, again.bits);
  },
);

testInHalfPrecision(
  "train() in half precision goes on from a checkpoint as if it had never stopped",
  async (device) => {
    await using folder = await TemporaryFolder.make();
    const common = { batch: 16, epochs: 2, precision: "f16" } as const;
    const straight = tinyModel(device);
    for await (const _ of train(straight, pairs, common));
    const first = tinyModel(device);
    for await (const _ of train(first, pairs, { ...common, epochs: 1, folder: folder.path }));
    const { model, state } = await loadCheckpoint(device, folder.path);
    assertEquals(state!.config.precision, "f16");
    for await (const _ of train(model, pairs, { ...common, resume: state! }));
    assertEquals(await fingerprint(model), await fingerprint(straight));
    for (const each of [straight, first, model]) each.close();
  },
);

testWithDevice("train() refuses a precision that is none, naming it", async (device) => {
  const model = tinyModel(device);
  const options = { precision: "f8" as "f16" };
  await assertRejects(
    () => train(model, pairs, options).next(),
    RangeError,
    "precision f8: it must be one of f32, f16",
  );
  model.close();
});
