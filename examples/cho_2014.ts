// The RNN encoder-decoder of Cho et al. 2014 (arXiv 1406.1078): a GRU sums a sentence up in one vector c, and c enters every step of
// another GRU, h_t = f(h_{t-1}, y_{t-1}, c), and its output, which is a maxout layer.
//
//   deno run -A examples/cho_2014.ts [corpus] [pairs] [epochs]
//   deno run -A examples/cho_2014.ts tatoeba:deu-eng 30000 4

import {
  corpusBleu,
  heldOutLoss,
  loadCorpus,
  openDevice,
  perplexity,
  sample,
  Seq2Seq,
  split,
  Tokenizer,
  train,
  translate,
} from "../mod.ts";

const [corpus = "cldr:en-de", pairs = "4000", epochs = "1"] = Deno.args;
const data = split(sample(await loadCorpus(corpus), Number(pairs), { seed: 1 }), {
  valid: 200,
  test: 500,
  seed: 1,
});
const device = await openDevice();
const model = new Seq2Seq(device, {
  source: Tokenizer.words(data.train.map((pair) => pair.source), { minFrequency: 2 }),
  target: Tokenizer.words(data.train.map((pair) => pair.target), { minFrequency: 2 }),
  decoder: "cho",
  cell: "gru",
  embedding: 128,
  hidden: 128,
});
console.log(`${model.parameters.count} parameters, ${data.train.length} pairs, ${device.description}`);

const started = performance.now();
const options = {
  epochs: Number(epochs),
  learningRate: 0.002,
  labelSmoothing: 0.1,
  valid: data.valid,
  samples: 1,
};
for await (const { epoch, loss, secondsLeft, validation } of train(model, data.train, options)) {
  console.log(`epoch ${epoch} loss ${loss.toFixed(3)}, ${secondsLeft.toFixed(0)} s left`);
  if (validation) {
    console.log(`validation: perplexity ${validation.perplexity.toFixed(1)}`, ...validation.samples);
  }
}

const translations = await translate(model, data.test.map(({ source }) => source));
const references = data.test.map(({ target }) => model.target.normalize(target));
const { score } = corpusBleu(translations.map(({ text }) => text), references);
const { loss } = await heldOutLoss(model, data.test);
const minutes = (performance.now() - started) / 60_000;
console.log(
  `test: BLEU ${score.toFixed(1)}, perplexity ${perplexity(loss).toFixed(1)}, ${minutes.toFixed(1)} minutes`,
);
device.close();
