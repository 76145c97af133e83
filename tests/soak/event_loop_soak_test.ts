// Timers, signals and input get their turn while a model is trained: measured with a timer that wants to run every 5 ms.

import { assert } from "../assert.ts";
import { testWithDevice } from "../adapter.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { loadCorpus, Seq2Seq, split, Tokenizer, train } from "../../mod.ts";
import { repetitions } from "./repetitions.ts";

/** The promise, on a machine that does nothing else; among all tests, which may share one, four times as much. */
const MILLISECONDS = repetitions(1_000, 250);

testWithDevice("a training of the demo's size never stops the event loop for long", async (device) => {
  await using folder = await TemporaryFolder.make();
  const data = split(await loadCorpus("cldr:en-de"), { valid: 200, test: 200, seed: 1 });
  const model = new Seq2Seq(device, {
    source: Tokenizer.words(data.train.map(({ source }) => source)),
    target: Tokenizer.words(data.train.map(({ target }) => target)),
    embedding: 64,
    hidden: 96,
  });
  const options = { batch: 64, learningRate: 0.005, valid: data.valid, folder: folder.path, saveEvery: 1 };
  const training = train(model, data.train, { ...options, epochs: repetitions(1, 12) });
  await training.next(); // by now the driver has compiled all kernels
  let longest = 0;
  let last = performance.now();
  const watch = () => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  };
  const timer = setInterval(watch, 5);
  for await (const _ of training);
  watch();
  clearInterval(timer);
  model.close();
  assert(longest < MILLISECONDS, `it stopped for ${longest.toFixed(0)} ms`);
});
