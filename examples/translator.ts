// Trains a small translator on the English and German names of emoji and symbols, uses it, and draws where it
// looked. With 2 epochs it has just begun to learn; 12 take two minutes on two CPU cores.
//
//   deno run --allow-write=attention.svg examples/translator.ts [epochs]

import { heatMap, loadCorpus, openDevice, Seq2Seq, split, Tokenizer, train, translate } from "../mod.ts";

const epochs = Number(Deno.args[0] ?? 2);

const pairs = await loadCorpus("cldr:en-de");
const data = split(pairs, { valid: 200, test: 200, seed: 1 });

const model = new Seq2Seq(await openDevice(), {
  source: Tokenizer.words(data.train.map((pair) => pair.source)),
  target: Tokenizer.words(data.train.map((pair) => pair.target)),
  embedding: 64,
  hidden: 96,
});

const options = { epochs, learningRate: 0.005, valid: data.valid };
for await (const { epoch, step, loss, validation } of train(model, data.train, options)) {
  console.log(`epoch ${epoch} step ${step} loss ${loss.toFixed(3)}`);
  if (validation) console.log(`validation: perplexity ${validation.perplexity.toFixed(1)}`);
}

const translation = await translate(model, "upwards black arrow");
console.log(translation.text);
await Deno.writeTextFile("attention.svg", heatMap(translation));
model.device.close();
