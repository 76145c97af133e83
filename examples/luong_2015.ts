// Effective attention, of Luong et al. 2015 (arXiv 1508.04025): LSTMs, the score general, and the attentional vector fed to the next
// step. Of its variants the one that learns fastest from short sentences; docs/models.md compares them.
//
//   deno run examples/luong_2015.ts [corpus] [pairs] [epochs]
//   deno run --allow-net=www.manythings.org --allow-read=data --allow-write=data examples/luong_2015.ts tatoeba:deu-eng 30000 4

import { loadCorpus, openDevice, sample, Seq2Seq, split, Tokenizer, train, translate } from "../mod.ts";

const [corpus = "cldr:en-de", pairs = "4000", epochs = "1"] = Deno.args;
const drawn = sample(await loadCorpus(corpus, { cacheFolder: "data" }), Number(pairs), { seed: 1 });
const data = split(drawn, { valid: 200, test: 200, seed: 1 });
const device = await openDevice();
const model = new Seq2Seq(device, {
  source: Tokenizer.words(data.train.map((pair) => pair.source), { minFrequency: 2 }),
  target: Tokenizer.words(data.train.map((pair) => pair.target), { minFrequency: 2 }),
  decoder: "luong",
  cell: "lstm",
  attention: "general",
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
