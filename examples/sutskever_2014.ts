// Sequence to sequence learning of Sutskever et al. 2014 (arXiv 1409.3215): layers of LSTMs read the sentence from its end to its
// beginning, and layers of LSTMs that start from their final states write the translation. Nothing else is known of the source.
//
//   deno run examples/sutskever_2014.ts [corpus] [pairs] [epochs]
//   deno run --allow-net=www.manythings.org --allow-read=data --allow-write=data examples/sutskever_2014.ts tatoeba:deu-eng 30000 4

import { loadCorpus, openDevice, sample, Seq2Seq, split, Tokenizer, train, translate } from "../mod.ts";

const [corpus = "cldr:en-de", pairs = "4000", epochs = "1"] = Deno.args;
const drawn = sample(await loadCorpus(corpus, { cacheFolder: "data" }), Number(pairs), { seed: 1 });
const data = split(drawn, { valid: 200, test: 200, seed: 1 });
const device = await openDevice();
const model = new Seq2Seq(device, {
  source: Tokenizer.words(data.train.map((pair) => pair.source), { minFrequency: 2 }),
  target: Tokenizer.words(data.train.map((pair) => pair.target), { minFrequency: 2 }),
  decoder: "sutskever",
  cell: "lstm",
  layers: 2,
  reverseSource: true,
  embedding: 128,
  hidden: 128,
});
console.log(`${model.parameters.count} parameters, ${data.train.length} pairs, ${device.description}`);

const options = { epochs: Number(epochs), learningRate: 0.002, labelSmoothing: 0.1, valid: data.valid };
for await (const { epoch, loss, validation } of train(model, data.train, options)) {
  console.log(`epoch ${epoch} loss ${loss.toFixed(3)}`);
  if (validation) console.log(`validation: perplexity ${validation.perplexity.toFixed(1)}`);
}
const { source, target } = data.test[0]!;
console.log(`${source} → ${(await translate(model, source)).text}  [${target}]`);
device.close();
