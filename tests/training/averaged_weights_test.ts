// Running averages of the weights: who gets them, and that training itself does not notice.

import { heldOutLoss } from "../../lib/evaluation/held_out.ts";
import { loadCheckpoint, loadModel } from "../../lib/training/checkpoint.ts";
import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { fingerprint, tinyModel, tinyPairs } from "./tiny.ts";

const pairs = tinyPairs(60);
const common = { epochs: 3, batch: 8, learningRate: 0.03, valid: pairs.slice(0, 12) };

testWithDevice(
  "validation, the best checkpoint and the model in the end have averages, training goes on without",
  async (device) => {
    await using folder = await TemporaryFolder.make();
    const [model, plain] = [tinyModel(device), tinyModel(device)];
    const losses: number[] = [];
    for await (
      const { validation } of train(model, pairs, { ...common, averageDecay: 0.9, folder: folder.path })
    ) {
      if (validation) losses.push(validation.loss);
    }
    const others: number[] = [];
    for await (const { validation } of train(plain, pairs, common)) {
      if (validation) others.push(validation.loss);
    }
    assert(losses.every((loss, epoch) => loss !== others[epoch]), "averages make no difference");

    const { model: last, state } = await loadCheckpoint(device, folder.path);
    for (const which of ["firstMoments", "secondMoments"] as const) {
      last.parameters.loadMoments(which, state![which]);
    }
    assertEquals(await fingerprint(last), await fingerprint(plain), "averages change the training");
    assertEquals(await model.parameters.read(), state!.averages, "the model does not end with the averages");
    const best = await loadModel(device, folder.path);
    assertEquals((await heldOutLoss(best, common.valid, { batch: 8 })).loss, Math.min(...losses));
    for (const each of [model, plain, last, best]) each.close();
  },
);

testWithDevice("without validation, a folder gives the averages too", async (device) => {
  await using folder = await TemporaryFolder.make();
  const model = tinyModel(device);
  const options = { ...common, valid: [], averageDecay: 0.9, folder: folder.path };
  for await (const _ of train(model, pairs, options));
  const loaded = await loadModel(device, folder.path);
  assertEquals(await loaded.parameters.read(), await model.parameters.read());
  for (const each of [model, loaded]) each.close();
});

testWithDevice("a training that does not begin leaves the model as it was, and no buffer", async (device) => {
  const model = tinyModel(device);
  const before = { weights: await model.parameters.read(), buffers: device.bufferCount };
  const failing = train(model, pairs, {
    ...common,
    averageDecay: 0.9,
    accumulation: 2,
    onReport: () => {
      throw new Error("no");
    },
  });
  await failing.next().catch(() => {});
  assertEquals({ weights: await model.parameters.read(), buffers: device.bufferCount }, before);
  model.close();
});
