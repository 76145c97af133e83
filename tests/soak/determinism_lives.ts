// Short trainings with what follows from them, as hashes: the checkpoint's bytes, translations by a beam search, and samples.

import type { Device } from "../../lib/gpu/device.ts";
import { translate } from "../../lib/inference/translate.ts";
import type { Seq2SeqOptions } from "../../lib/models/seq2seq_options.ts";
import { train } from "../../lib/training/trainer.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { checkpointHash, hashOf, tinyModel, tinyPairs } from "../training/tiny.ts";

const models = {
  // Wider than a tile, so that there is something to share out between threads.
  "a GRU with attention": { hidden: 40, embedding: 12, dropout: 0.2 },
  "an LSTM": { cell: "lstm", decoder: "sutskever", layers: 2, hidden: 33, embedding: 12 },
} as const satisfies Record<string, Seq2SeqOptions>;

/** What can be lived. */
export const lives = Object.keys(models) as (keyof typeof models)[];

/** Trains a model, translates with it, and hashes the checkpoint, the translations and their probabilities. */
export async function hashOfLife(device: Device, life: keyof typeof models, seed = 3): Promise<string> {
  await using folder = await TemporaryFolder.make();
  const model = tinyModel(device, { ...models[life], seed });
  const options = { epochs: 2, batch: 12, learningRate: 0.01, seed: 4, folder: folder.path };
  for await (const _ of train(model, tinyPairs(60), options));
  const sentences = ["one two three", "seven", "four five six zero one"];
  const beam = await translate(model, sentences, { beam: 4, nBest: 4, maxLength: 8 });
  const sampling = { temperature: 0.8, nucleus: 0.9, seed: 5 };
  const samples = await translate(model, sentences, { sampling, nBest: 3, maxLength: 8 });
  model.close();
  const spoken = new TextEncoder().encode(JSON.stringify([beam, samples]));
  return `${await checkpointHash(folder.path)} ${await hashOf(spoken)}`;
}
