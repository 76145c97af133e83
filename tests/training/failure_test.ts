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

for (const place of ["decoder.readout.weight", "second moments"]) {
  testWithDevice(`anomaly mode saves nothing after NaN in the ${place}`, async (device) => {
    await using folder = await TemporaryFolder.make();
    const model = tinyModel(device);
    const saved: number[] = [];
    const onSave = ({ step }: { step: number }) => void saved.push(step);
    const options = { epochs: 3, batch: 8, anomaly: true, folder: folder.path, saveEvery: 1e6, onSave };
    await assertRejects(
      async () => {
        for await (const { step } of train(model, pairs, options)) {
          if (step === saved[0] || saved.length === 0) continue;
          const { parameters } = model;
          const poisoned = await parameters.read(place === "second moments" ? "secondMoments" : "values");
          for (const [name, { data }] of poisoned) {
            if (place === name || place === "second moments") data.fill(NaN);
          }
          if (place === "second moments") parameters.loadMoments("secondMoments", poisoned);
          else parameters.load(poisoned);
        }
      },
      Error,
      place === "second moments" ? "in the optimizer, wrote" : "in the forward pass, wrote",
    );
    assertEquals(saved.length, 1);
    const { model: last, state } = await loadCheckpoint(device, folder.path);
    assertEquals(state!.position.step, saved[0]);
    for (const each of [model, last]) each.close();
  });
}

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
