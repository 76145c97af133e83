// The course of a training: rates, early stopping, and the weights of its epochs.

import { corpusBleu } from "../../lib/evaluation/bleu.ts";
import { translate } from "../../lib/inference/translate.ts";
import { loadCheckpoint, loadModel } from "../../lib/training/checkpoint.ts";
import type { TrainOptions } from "../../lib/training/options.ts";
import { train, type TrainingProgress } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { fingerprint, tinyModel, tinyPairs } from "./tiny.ts";

const pairs = tinyPairs(60);
/** The right words here are those that training teaches to avoid: the better it learns, the worse this gets. */
const wrong = pairs.slice(0, 12).map(({ source, target }) => ({
  source,
  target: target.replaceAll(/\w/g, (letter) => letter === "Z" ? "O" : "Z"),
}));

async function finish(training: AsyncIterable<TrainingProgress>): Promise<TrainingProgress[]> {
  const reports: TrainingProgress[] = [];
  for await (const progress of training) reports.push(progress);
  return reports;
}

testWithDevice("train() steps at the rates of the schedule, and reports them", async (device) => {
  const rates = async (options: TrainOptions) => {
    const model = tinyModel(device);
    const reports = await finish(train(model, pairs, { batch: 8, learningRate: 0.02, ...options }));
    const bits = await fingerprint(model);
    model.close();
    return { bits, last: reports.at(-1)!.learningRate };
  };
  const constant = await rates({ maxSteps: 4 });
  const warm = await rates({ maxSteps: 4, warmup: 16 });
  assertEquals([constant.last, warm.last], [0.02, 0.02 * 4 / 16]);
  assert(constant.bits !== warm.bits, "the warm-up changes nothing");
  const halved = await rates({ epochs: 4, schedule: "halving", decayAfter: 2 });
  assertEquals(halved.last, 0.02 / 4);
});

testWithDevice("train() lowers the rate on a plateau", async (device) => {
  const model = tinyModel(device, { dropout: 0 });
  const options = { epochs: 6, batch: 8, learningRate: 0.05, valid: wrong, samples: 0 };
  const reports = await finish(train(model, pairs, { ...options, schedule: "plateau", decayPatience: 1 }));
  const epochs = reports.filter(({ validation }) => validation);
  let rate = 0.05;
  for (const { learningRate, validation } of epochs) {
    assertEquals(learningRate, rate);
    if (!validation!.best) rate /= 2;
  }
  assert(rate < 0.05, "the loss was lower in every epoch");
  model.close();
});

testWithDevice("train() stops when validations are no better any more, and not again", async (device) => {
  await using folder = await TemporaryFolder.make();
  const model = tinyModel(device, { dropout: 0 });
  const options = { epochs: 50, batch: 8, learningRate: 0.05, valid: wrong, samples: 0, patience: 3 };
  const reports = await finish(train(model, pairs, { ...options, folder: folder.path }));
  const validations = reports.flatMap(({ validation }) => validation ?? []);
  const best = validations.findLastIndex(({ best }) => best);
  assertEquals(validations.length, best + 1 + 3);
  assertEquals(validations.map(({ stops }) => stops), validations.map((_, i) => i === best + 3));
  assertEquals(validations.slice(best).map(({ sinceBest }) => sinceBest), [0, 1, 2, 3]);
  const { model: loaded, state } = await loadCheckpoint(device, folder.path);
  assertEquals(state!.position.sinceBest, 3);
  assertEquals(await finish(train(loaded, pairs, { ...options, resume: state! })), []);
  const patient = { ...options, patience: 4, resume: state! };
  assertEquals(
    (await finish(train(loaded, pairs, patient))).flatMap(({ validation }) => validation ?? []).length,
    1,
  );
  for (const each of [model, loaded]) each.close();
});

testWithDevice("train() keeps the best by BLEU", async (device) => {
  await using folder = await TemporaryFolder.make();
  const model = tinyModel(device, { dropout: 0, hidden: 16, embedding: 8 });
  const options = {
    epochs: 6,
    batch: 8,
    learningRate: 0.03,
    valid: pairs.slice(0, 30),
    bestBy: "bleu",
  } as const;
  const buffers = new Set<number>();
  const scores: number[] = [];
  for await (const { validation } of train(model, pairs, { ...options, folder: folder.path })) {
    if (!validation) continue;
    assertEquals(validation.best, validation.bleu! > Math.max(-1, ...scores));
    scores.push(validation.bleu!);
    buffers.add(device.bufferCount.buffers);
  }
  assertEquals([scores.length, buffers.size], [6, 1]);
  const highest = Math.max(...scores);
  assert(highest > 20, `BLEU is ${highest}`);
  const best = await loadModel(device, folder.path);
  const translations = await translate(best, options.valid.map(({ source }) => source));
  const references = options.valid.map(({ target }) => best.target.normalize(target));
  assertEquals(corpusBleu(translations.map(({ text }) => text), references).score, highest);
  for (const each of [model, best]) each.close();
});

testWithDevice(
  "train() keeps the weights of the last epochs, and those of no earlier run",
  async (device) => {
    await using folder = await TemporaryFolder.make();
    const run = async (epochs: number) => {
      const model = tinyModel(device);
      await finish(
        train(model, pairs, { epochs, batch: 30, keep: 2, folder: folder.path }),
      );
      model.close();
      return (await folder.files()).filter((name) => name.startsWith("epoch"));
    };
    assertEquals(await run(5), ["epoch-4.safetensors", "epoch-5.safetensors"]);
    assertEquals(await run(1), ["epoch-1.safetensors"]);
  },
);

testWithDevice("train() refuses a model of which nothing is learned", async (device) => {
  const model = tinyModel(device);
  Object.defineProperty(model.parameters, "trainableCount", { value: 0 });
  const message = "Cannot train: all parameters of the model are frozen.";
  await assertRejects(() => finish(train(model, pairs)), RangeError, message);
  model.close();
});
