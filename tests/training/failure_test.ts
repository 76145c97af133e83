// What a training that fails leaves behind, in its folder and in its model.

import { loadCheckpoint } from "../../lib/training/checkpoint.ts";
import { AveragedWeights } from "../../lib/training/averaged_weights.ts";
import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { tinyModel, tinyPairs } from "./tiny.ts";

const pairs = tinyPairs(60);

testWithDevice("a training that goes on knows how many steps were left out before", async (device) => {
  await using folder = await TemporaryFolder.make();
  const model = tinyModel(device);
  const options = { epochs: 9, batch: 8, labelSmoothing: 0.1, folder: folder.path };
  for await (const _ of train(model, pairs, { ...options, maxSteps: 3 }));
  const { model: saved, state } = await loadCheckpoint(device, folder.path);
  state!.control[5] = 4; // as if so many steps had been left out
  // Logits of which label smoothing asks for a mean that is no number, while all gradients are finite.
  const weights = await saved.parameters.read();
  weights.get("decoder.output.bias")!.data.fill(3e38);
  saved.parameters.load(weights);
  let reports = 0;
  await assertRejects(
    async () => {
      for await (const _ of train(saved, pairs, { ...options, resume: state! })) reports++;
    },
    Error,
    "although their gradients are finite",
  );
  assertEquals(reports, 0);
  for (const each of [model, saved]) each.close();
});

const averaged = { epochs: 2, batch: 8, averageDecay: 0.9 };

testWithDevice("a last checkpoint that fails does not cost the model its averages", async (device) => {
  await using folder = await TemporaryFolder.make();
  const [whole, failing] = [tinyModel(device), tinyModel(device)];
  for await (const _ of train(whole, pairs, averaged));
  const path = folder.at("run");
  await assertRejects(
    async () => {
      for await (const { step } of train(failing, pairs, { ...averaged, folder: path, saveEvery: 1e6 })) {
        if (step > 2) await Deno.remove(path, { recursive: true }).catch(() => {});
      }
    },
    Error,
    "the folder is gone",
  );
  assertEquals(await failing.parameters.read(), await whole.parameters.read());
  for (const each of [whole, failing]) each.close();
});

testWithDevice("what ended a training is thrown, not what fails after it", async (device) => {
  const model = tinyModel(device);
  const before = device.bufferCount;
  const { swap } = AveragedWeights.prototype;
  try {
    await assertRejects(
      async () => {
        for await (const _ of train(model, pairs, averaged)) {
          model.inputs = () => {
            throw new Error("the first one");
          };
          AveragedWeights.prototype.swap = () => {
            throw new Error("the second one");
          };
        }
      },
      Error,
      "the first one",
    );
  } finally {
    AveragedWeights.prototype.swap = swap;
  }
  assertEquals(device.bufferCount, before);
  model.close();
});
