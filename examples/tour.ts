// The four papers of the tour on the same sentences: a table of what each model reaches, and a chart of how its translations
// fare with the length of the sentence (Bahdanau et al. 2015, figure 2), where attention shows.
//
//   deno run --allow-write=chart.svg examples/tour.ts [corpus] [pairs] [epochs] [chart.svg]
//   deno run --allow-net=www.manythings.org --allow-read=data --allow-write=data,by_length.svg examples/tour.ts tatoeba:deu-eng 20000 4 by_length.svg

import {
  corpusBleu,
  heldOutLoss,
  lengthChart,
  loadCorpus,
  openDevice,
  perplexity,
  sample,
  scoreByLength,
  Seq2Seq,
  type Seq2SeqOptions,
  split,
  Tokenizer,
  train,
  translate,
} from "../mod.ts";

const papers: Readonly<Record<string, Seq2SeqOptions>> = {
  "Cho 2014": { decoder: "cho" },
  "Sutskever 2014": { decoder: "sutskever", cell: "lstm", layers: 2, reverseSource: true },
  "Bahdanau 2015": { decoder: "bahdanau" },
  "Luong 2015": { decoder: "luong", cell: "lstm" },
};

const [corpus = "cldr:en-de", pairs = "4000", epochs = "1", chart] = Deno.args;
const drawn = sample(await loadCorpus(corpus, { cacheFolder: "data" }), Number(pairs), { seed: 1 });
const data = split(drawn, { valid: 200, test: 1000, seed: 1 });
const sources = data.test.map(({ source }) => source);
const device = await openDevice();
console.log(`${data.train.length} pairs, ${epochs} epochs, ${device.description}`);

const rows = [];
const series = [];
for (const [paper, options] of Object.entries(papers)) {
  const model = new Seq2Seq(device, {
    source: Tokenizer.words(data.train.map((pair) => pair.source), { minFrequency: 2 }),
    target: Tokenizer.words(data.train.map((pair) => pair.target), { minFrequency: 2 }),
    ...{ ...options, embedding: 128, hidden: 128 },
  });
  const training = { epochs: Number(epochs), learningRate: 0.002, labelSmoothing: 0.1, valid: data.valid };
  const started = performance.now();
  for await (const { epoch, validation } of train(model, data.train, training)) {
    if (validation) console.log(`${paper}: epoch ${epoch}, perplexity ${validation.perplexity.toFixed(1)}`);
  }
  const minutes = (performance.now() - started) / 60_000;
  const hypotheses = (await translate(model, sources)).map(({ text }) => text);
  const references = data.test.map(({ target }) => model.target.normalize(target));
  const { loss } = await heldOutLoss(model, data.test);
  rows.push([
    paper,
    model.parameters.count.toLocaleString("en"),
    corpusBleu(hypotheses, references).score.toFixed(1),
    perplexity(loss).toFixed(1),
    `${minutes.toFixed(1)} min`,
  ]);
  series.push({ label: paper, scores: scoreByLength(sources, hypotheses, references) });
  model.close();
}

console.log("| model | parameters | BLEU | perplexity | training |\n|---|---|---|---|---|");
for (const row of rows) console.log(`| ${row.join(" | ")} |`);
if (chart) await Deno.writeTextFile(chart, lengthChart(series));
device.close();
