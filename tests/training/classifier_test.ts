// Classifiers go through the same training as translators: progress, validation, checkpoints, resume, break.

import { heldOutLoss } from "../../lib/evaluation/held_out.ts";
import { classify } from "../../lib/inference/classify.ts";
import { Seq2Seq } from "../../lib/models/seq2seq.ts";
import { SequenceClassifier } from "../../lib/models/sequence_classifier.ts";
import { loadCheckpoint, loadModel } from "../../lib/training/checkpoint.ts";
import type { TrainingReport } from "../../lib/training/options.ts";
import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { checkpointHash, fingerprint, tinyClassifier, tinyModel, tinyPairs, tinyTexts } from "./tiny.ts";
import { SUMS } from "../tolerances.ts";

const texts = tinyTexts(120);
const valid = tinyTexts(200).slice(120);

for (const cell of ["lstm", "gru"] as const) {
  testWithDevice(`train() teaches a classifier of ${cell} cells which word came last`, async (device) => {
    const model = tinyClassifier(device, { cell, dropout: 0, layers: [8] });
    const untrained = (await heldOutLoss(model, valid)).accuracy!;
    let accuracy = 0;
    for await (
      const { validation } of train(model, texts, { epochs: 30, batch: 20, learningRate: 0.02, valid })
    ) {
      accuracy = validation?.accuracy ?? accuracy;
    }
    assert(untrained < 0.75 && accuracy > 0.95, `the accuracy was ${untrained}, and is ${accuracy}`);
    model.close();
  });
}

testWithDevice("train() validates a classifier, and keeps the best", async (device) => {
  await using folder = await TemporaryFolder.make();
  const model = tinyClassifier(device);
  const validations = [];
  const reports: TrainingReport[] = [];
  const options = {
    ...{ epochs: 4, batch: 20, learningRate: 0.1, valid, samples: 2, folder: folder.path },
    onReport: (report: TrainingReport) => void reports.push(report),
  };
  for await (const { validation, loss, tokensPerSecond } of train(model, texts, options)) {
    assert(loss > 0 && loss < 5 && tokensPerSecond > 0);
    if (validation) validations.push(validation);
  }
  assertEquals(reports.map(({ pairs, dropped }) => [pairs, dropped]), [[120, 0]]);
  assertEquals(validations.length, 4);
  for (const { accuracy, perplexity, loss, samples } of validations) {
    assert(accuracy! >= 0 && accuracy! <= 1);
    assertEquals(perplexity, Math.exp(loss));
    assertEquals(samples.map(({ text, label }) => ({ text, label })), valid.slice(0, 2));
  }
  const last = validations.at(-1)!;
  const answers = await classify(model, valid.map(({ text }) => text));
  assertEquals(last.samples[1]!.probability, answers[1]!.probability);
  const right = answers.filter(({ label }, i) => label === valid[i]!.label).length;
  assertEquals(last.accuracy, right / valid.length);
  const loss = answers.reduce((sum, { probability }, i) => {
    return sum - Math.log(valid[i]!.label === 1 ? probability : 1 - probability);
  }, 0);
  assert(Math.abs(last.loss - loss / valid.length) < SUMS);

  const best = await loadModel(device, folder.path, "best", SequenceClassifier);
  const lowest = Math.min(...validations.map(({ loss }) => loss));
  assertEquals((await heldOutLoss(best, valid)).loss, lowest);
  for (const each of [model, best]) each.close();
});

testWithDevice(
  "train() goes on with a classifier as if it had never stopped, after a break too",
  async (device) => {
    const common = { epochs: 2, batch: 12, learningRate: 0.02, valid: valid.slice(0, 5) };
    await using straight = await TemporaryFolder.make();
    await using parts = await TemporaryFolder.make();
    const model = tinyClassifier(device);
    for await (const _ of train(model, texts, { ...common, folder: straight.path }));
    const first = tinyClassifier(device);
    for await (const _ of train(first, texts, { ...common, folder: parts.path })) break;
    const { model: second, state } = await loadCheckpoint(device, parts.path, "last", SequenceClassifier);
    const { step, stepsPerEpoch } = state!.position;
    assert(step >= 1 && step < stepsPerEpoch, `it stopped after step ${step} of ${stepsPerEpoch}`);
    for await (const _ of train(second, texts, { ...common, folder: parts.path, resume: state! }));
    assertEquals(await checkpointHash(parts.path), await checkpointHash(straight.path));
    for (const each of [model, first, second]) each.close();
  },
);

testWithDevice(
  "training a classifier leaves no buffers, and creates none after the first validation",
  async (device) => {
    const before = device.bufferCount;
    const model = tinyClassifier(device);
    const counts = new Set<number>();
    for await (const { validation } of train(model, texts, { epochs: 4, batch: 20, valid })) {
      if (validation) counts.add(device.bufferCount.buffers);
    }
    assertEquals(counts.size, 1);
    model.close();
    assertEquals(device.bufferCount, before);
  },
);

testWithDevice("a classifier's folder says what it holds, and is loaded as that", async (device) => {
  await using folder = await TemporaryFolder.make();
  const options = { layers: [5, 1], output: "state", embedding: null, cell: "gru" } as const;
  const model = tinyClassifier(device, options);
  for await (const _ of train(model, texts, { epochs: 1, batch: 30, folder: folder.path }));
  assertEquals(await folder.files(), [
    "config.json",
    "step-00000002.safetensors",
    "step-00000004.safetensors",
    "text.tokenizer.json",
    "tokenizer_config.json",
  ]);
  assertEquals(JSON.parse(await Deno.readTextFile(folder.at("config.json"))).kind, "SequenceClassifier");
  const { model: loaded, state } = await loadCheckpoint(device, folder.path, "last", SequenceClassifier);
  assertEquals(loaded.config, model.config);
  assertEquals(JSON.stringify(loaded.text), JSON.stringify(model.text));
  loaded.parameters.loadMoments("firstMoments", state!.firstMoments);
  loaded.parameters.loadMoments("secondMoments", state!.secondMoments);
  assertEquals(await fingerprint(loaded), await fingerprint(model));

  const before = device.bufferCount;
  await assertRejects(
    () => loadModel(device, folder.path),
    TypeError,
    `Cannot load a model from "${folder.path}" as a Seq2Seq: it is a SequenceClassifier.`,
  );
  const config = JSON.parse(await Deno.readTextFile(folder.at("config.json")));
  config.model.layers = [];
  await folder.write("config.json", JSON.stringify(config));
  const load = () => loadModel(device, folder.path, "last", SequenceClassifier);
  assertStringIncludes((await assertRejects(load, SyntaxError)).message, 'at "model.layers"');
  class Other extends Map {}
  await assertRejects(
    () => loadModel(device, folder.path, "last", Other as never),
    TypeError,
    'Cannot train, save or load a "Other": known are Seq2Seq and SequenceClassifier.',
  );
  assertEquals(device.bufferCount, before);
  for (const each of [model, loaded]) each.close();
});

testWithDevice("a folder of the first format is refused, saying why", async (device) => {
  await using folder = await TemporaryFolder.make();
  const model = tinyModel(device);
  for await (const _ of train(model, tinyPairs(20), { epochs: 1, folder: folder.path }));
  const config = JSON.parse(await Deno.readTextFile(folder.at("config.json")));
  await folder.write("config.json", JSON.stringify({ ...config, format: "attend 1" }));
  await assertRejects(
    () => loadModel(device, folder.path),
    SyntaxError,
    "the model was saved by an earlier version, whose parts had other names; train it again",
  );
  await folder.write("config.json", JSON.stringify(config));
  const loaded = await loadModel(device, folder.path);
  assert(loaded instanceof Seq2Seq);
  await assertRejects(
    () => loadModel(device, folder.path, "last", SequenceClassifier),
    TypeError,
    "as a SequenceClassifier: it is a Seq2Seq.",
  );
  for (const each of [model, loaded]) each.close();
});
