// Effective attention, of Luong et al. 2015 (arXiv 1508.04025), in its best variant: LSTMs, attention around a predicted position
// (local-p) with the score general, and the attentional vector fed to the next step.
//
//   deno run -A examples/luong_2015.ts [corpus] [pairs] [epochs]
//   deno run -A examples/luong_2015.ts tatoeba:deu-eng 30000 4

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
  decoder: "luong",
  cell: "lstm",
  attention: "general",
  span: "local-p",
  window: 10,
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
