// Resuming in the middle of an epoch, for every kind of model and every way to train it: the checkpoint at the end has the
// same bits as that of the unbroken run, losses included.

import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { type Device, openDevice } from "../../lib/gpu/device.ts";
import type { Seq2Seq } from "../../lib/models/seq2seq.ts";
import { SEQ2SEQ_CHOICES, type Seq2SeqOptions } from "../../lib/models/seq2seq_options.ts";
import { loadCheckpoint } from "../../lib/training/checkpoint.ts";
import type { TrainOptions } from "../../lib/training/options.ts";
import { train } from "../../lib/training/trainer.ts";
import { testInHalfPrecision, testWithDevice } from "../adapter.ts";
import { assert, assertEquals } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { checkpointHash, tinyModel, tinyPairs } from "./tiny.ts";

/** Of one length, so that there is one plan. */
const pairs = tinyPairs(200).filter(({ source }) => source.split(" ").length === 4);
/** The first checkpoint is that after two of at least three steps. */
const common: TrainOptions = { epochs: 2, batch: 8, learningRate: 0.02, saveEvery: 0, checkpoints: 100 };
const FIRST = "step-00000002.safetensors";

/** Trains, goes on from the checkpoint in the middle of the first epoch; returns both folders' last checkpoints. */
async function both(
  device: Device,
  model: Seq2Seq,
  options: TrainOptions,
  other = device,
): Promise<[string, string]> {
  await using whole = await TemporaryFolder.make();
  await using parts = await TemporaryFolder.make();
  const given = { ...common, ...options };
  for await (const _ of train(model, pairs, { ...given, folder: whole.path }));
  model.close();
  for (const name of await whole.files()) {
    if (name === FIRST || name.endsWith(".json")) await Deno.copyFile(whole.at(name), parts.at(name));
  }
  const { model: resumed, state } = await loadCheckpoint(other, parts.path);
  assertEquals([state!.position.step, state!.position.epoch], [2, 0]);
  assert(state!.position.stepsPerEpoch > 2, "it is at the end of the epoch");
  for await (const _ of train(resumed, pairs, { ...given, folder: parts.path, resume: state! }));
  resumed.close();
  return [await checkpointHash(parts.path), await checkpointHash(whole.path)];
}

const models: Record<string, Seq2SeqOptions> = {
  "Cho": { decoder: "cho", wordDropout: 0.2 },
  "Sutskever, LSTM, variational dropout": {
    ...{ decoder: "sutskever", cell: "lstm", layers: 2, reverseSource: true, variational: true },
  },
  "Bahdanau, LSTM, a moving window": { cell: "lstm", span: "local-m", window: 2 },
  "Bahdanau, coverage and copying": { coverage: true, copy: true },
  "Luong, general, around a predicted place": { decoder: "luong", span: "local-p", window: 2 },
  "Luong, dot, LSTM": { decoder: "luong", attention: "dot", cell: "lstm" },
  "Luong, scaled dot, tied": { decoder: "luong", attention: "scaled-dot", embedding: 6, tied: "output" },
  "Luong, by location, frozen source": { decoder: "luong", attention: "location", frozen: "source" },
};

for (const [name, options] of Object.entries(models)) {
  testWithDevice(`resuming in an epoch changes no bit: ${name}`, async (device) => {
    const [resumed, unbroken] = await both(device, tinyModel(device, options), {});
    assertEquals(resumed, unbroken);
  });
}

Deno.test("every cell, decoder, score and span is among these models", () => {
  const defaults = { cell: "gru", decoder: "bahdanau", attention: undefined, span: "global" };
  for (const name of ["cell", "decoder", "attention", "span"] as const) {
    const seen = new Set(
      Object.values(models).map((options) => ({ ...defaults, ...options })).map((options) => {
        const { decoder, attention } = options;
        const usual = { bahdanau: "additive", luong: "general", cho: "none", sutskever: "none" };
        return name === "attention" ? attention ?? usual[decoder as keyof typeof usual] : options[name];
      }),
    );
    assertEquals([...seen].sort(), [...SEQ2SEQ_CHOICES[name]].sort(), name);
  }
});

const ways: Record<string, TrainOptions> = {
  "accumulation, averages and validation": {
    ...{ accumulation: 2, batch: 4, averageDecay: 0.9, valid: pairs.slice(0, 4), samples: 0 },
  },
  "scheduled sampling, label smoothing": {
    ...{ teacherForcing: "linear", teacherSteps: 4, labelSmoothing: 0.1 },
  },
};

for (const [name, options] of Object.entries(ways)) {
  testWithDevice(`resuming in an epoch changes no bit: ${name}`, async (device) => {
    const [resumed, unbroken] = await both(device, tinyModel(device), options);
    assertEquals(resumed, unbroken);
  });
}

testWithDevice("resuming in an epoch changes no bit: merge dropout", async (device) => {
  const tokenizer = Tokenizer.bpe(pairs.flatMap(({ source, target }) => [source, target]), { merges: 20 });
  const model = tinyModel(device, { source: tokenizer, target: tokenizer } as Seq2SeqOptions);
  const [resumed, unbroken] = await both(device, model, { mergeDropout: 0.3 });
  assertEquals(resumed, unbroken);
});

testInHalfPrecision("resuming in an epoch changes no bit: half precision", async (device) => {
  const [resumed, unbroken] = await both(device, tinyModel(device), { precision: "f16" });
  assertEquals(resumed, unbroken);
});

testWithDevice("resuming on another adapter's kernels goes on alike", async (device) => {
  if (device.profile !== "cpu8") return; // there is no other profile
  const other = await openDevice({ profile: "gpu" });
  const losses: number[][] = [];
  for (const second of [device, other]) {
    await using folder = await TemporaryFolder.make();
    const options = { ...common, learningRate: 0.001, folder: folder.path };
    const model = tinyModel(device);
    for await (const _ of train(model, pairs, { ...options, maxSteps: 2 }));
    const { model: resumed, state } = await loadCheckpoint(second, folder.path);
    for await (const _ of train(resumed, pairs, { ...options, resume: state! }));
    const { state: end } = await loadCheckpoint(device, folder.path);
    losses.push(end!.position.losses.map(({ training }) => training!));
    for (const each of [model, resumed]) each.close();
  }
  other.close();
  // The profiles add in other orders, and exp and tanh may differ by some 1e-5: losses of about 2 agree to 1e-4.
  const [same, changed] = losses as [number[], number[]];
  assertEquals(changed.length, 2);
  changed.forEach((loss, i) => assert(Math.abs(loss - same[i]!) < 1e-4, `${loss}, not ${same[i]}`));
});
