// BPE-dropout in training: words are cut otherwise in each epoch, the same ones again on the same seed.

import { Tokenizer } from "../../lib/data/tokenizer.ts";
import type { Device } from "../../lib/gpu/device.ts";
import { Seq2Seq, type Seq2SeqOptions } from "../../lib/models/seq2seq.ts";
import { loadCheckpoint } from "../../lib/training/checkpoint.ts";
import { train } from "../../lib/training/trainer.ts";
import { Random } from "../../lib/random.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { fingerprint, tinyModel } from "./tiny.ts";

const words = ["lower", "lowest", "newer", "newest", "wider", "widest"];
const random = new Random(4);
const pairs = Array.from({ length: 60 }, () => {
  const text = Array.from({ length: 1 + random.integer(3) }, () => words[random.integer(6)]).join(" ");
  return { source: text, target: text };
});

function create(device: Device, options: Seq2SeqOptions = {}): Seq2Seq {
  const tokenizer = Tokenizer.bpe(pairs.map(({ source }) => source), { merges: 20 });
  const sizes = { embedding: 4, hidden: 6, dropout: 0 };
  return new Seq2Seq(device, { source: tokenizer, target: tokenizer, ...sizes, ...options });
}

testWithDevice("a model encodes with merges left out, the same ones for the same draws", (device) => {
  const model = create(device);
  const encode = (seed: number) => model.encode(pairs, { dropout: 0.5, random: new Random(seed) });
  assertEquals(encode(1), encode(1));
  assert(String(encode(1).map(({ source }) => source)) !== String(encode(2).map(({ source }) => source)));
  for (const [index, { source, target }] of encode(3).entries()) {
    assertEquals(model.source.decode(source), pairs[index]!.source);
    assertEquals(model.target.decode(target), pairs[index]!.target);
  }
  model.close();
});

testWithDevice(
  "train() with merge dropout is settled by its seed, and resumes bit for bit",
  async (device) => {
    await using folder = await TemporaryFolder.make();
    const common = { batch: 16, epochs: 3, mergeDropout: 0.3 } as const;
    const trained = async (options: object) => {
      const model = create(device);
      for await (const _ of train(model, pairs, { ...common, ...options }));
      const bits = await fingerprint(model);
      model.close();
      return bits;
    };
    const straight = await trained({});
    assertEquals(await trained({}), straight);
    assert(await trained({ mergeDropout: 0 }) !== straight);
    await trained({ folder: folder.path, maxSteps: 6 }); // in the middle of an epoch
    const { model, state } = await loadCheckpoint(device, folder.path);
    assertEquals(state!.config.mergeDropout, 0.3);
    for await (const _ of train(model, pairs, { ...common, resume: state! }));
    assertEquals(await fingerprint(model), straight);
    model.close();
  },
);

testWithDevice("train() refuses merge dropout where there is nothing to leave out", async (device) => {
  const [wordly, copying] = [tinyModel(device), create(device, { copy: true })];
  const run = (model: Seq2Seq, mergeDropout: number) => train(model, pairs, { mergeDropout }).next();
  await assertRejects(
    () => run(wordly, 0.1),
    RangeError,
    "no tokenizer of the model has merges to leave out",
  );
  await assertRejects(() => run(copying, 0.1), RangeError, "needs the same parts of words on both sides");
  await assertRejects(() => run(copying, 1), RangeError, "mergeDropout 1: it must be in [0, 1)");
  for (const model of [wordly, copying]) model.close();
});
