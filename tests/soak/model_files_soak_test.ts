// Many damaged config.json and tokenizers' files: a model is loaded, or an error names the file and says what is wrong.

import { Tokenizer } from "../../lib/data/tokenizer.ts";
import type { Device } from "../../lib/gpu/device.ts";
import type { Model } from "../../lib/models/model.ts";
import { SequenceClassifier } from "../../lib/models/sequence_classifier.ts";
import { Random } from "../../lib/random.ts";
import { loadModel } from "../../lib/training/checkpoint.ts";
import type { ModelClass } from "../../lib/training/kinds.ts";
import { train } from "../../lib/training/trainer.ts";
import { Seq2Seq } from "../../lib/models/seq2seq.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { tinyClassifier, tinyModel, tinyPairs, tinyTexts } from "../training/tiny.ts";
import { mutateJson } from "./mutate.ts";
import { repetitions } from "./repetitions.ts";

const SEED = 1;
const ROUNDS = repetitions(300, 20_000);
/** What the runtime says when code trusted a value that it should not have. */
const CRASH =
  /Cannot (read|set) propert|Cannot (convert|destructure|use 'in')|is not (a function|iterable|a constructor|defined)|Invalid array|Maximum call stack|out of bounds|allocation failed|BigInt/;

interface Target {
  readonly folder: string;
  readonly file: string;
  readonly of: ModelClass<Model<never>>;
}

/** Trains a translator of words, one of byte pairs and characters, and a classifier; returns their files. */
async function prepare(device: Device, folder: TemporaryFolder): Promise<Target[]> {
  const texts = tinyPairs(10).map(({ source }) => source);
  const others = { source: Tokenizer.bpe(texts, { merges: 20 }), target: Tokenizer.characters(texts) };
  const [words, parts, classifier] = ["words", "parts", "classifier"].map((name) => folder.at(name)) as [
    string,
    string,
    string,
  ];
  const translators = [[words, tinyModel(device)], [parts, tinyModel(device, others as never)]] as const;
  for (const [folder, model] of translators) {
    for await (const _ of train(model, tinyPairs(10), { epochs: 1, batch: 10, folder }));
    model.close();
  }
  const model = tinyClassifier(device);
  for await (const _ of train(model, tinyTexts(10), { epochs: 1, batch: 10, folder: classifier }));
  model.close();
  return [
    ...["config.json", "source.tokenizer.json"].map((file) => ({ folder: words, file, of: Seq2Seq })),
    ...["source.tokenizer.json", "target.tokenizer.json"].map((file) => ({
      folder: parts,
      file,
      of: Seq2Seq,
    })),
    ...["config.json"].map((file) => ({ folder: classifier, file, of: SequenceClassifier })),
  ];
}

testWithDevice(
  `${ROUNDS} damaged files of models are refused by name, or a model is loaded`,
  async (device) => {
    await using folder = await TemporaryFolder.make();
    const targets = await prepare(device, folder);
    const before = device.bufferCount;
    let loaded = 0;
    for (const [index, { folder, file, of }] of targets.entries()) {
      const path = `${folder}/${file}`;
      const good = await Deno.readTextFile(path);
      for (let round = index; round < ROUNDS; round += targets.length) {
        const text = mutateJson(good, new Random(SEED, round));
        await Deno.writeTextFile(path, text);
        try {
          (await loadModel(device, folder, "last", of)).close();
          loaded++;
        } catch (error) {
          const failure = new Error(`seed ${SEED}, mutation ${round} of ${file}: ${text}`, { cause: error });
          if (
            !(error instanceof Error) || !error.message.startsWith(`Cannot load a model from "${folder}`)
          ) throw failure;
          for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
            if (CRASH.test(cause.message)) throw failure;
          }
        }
      }
      await Deno.writeTextFile(path, good);
    }
    assertEquals(device.bufferCount, before);
    assert(loaded > ROUNDS / 50 && loaded < ROUNDS, `${loaded} of ${ROUNDS} were loaded`);
  },
);
