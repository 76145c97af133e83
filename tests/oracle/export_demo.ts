// Writes comparison.json into a model folder: what tests/oracle/compare_demo.py needs to train the same model on the
// same pairs in PyTorch. Run after the demo, from the project's folder:
//
//   deno run -A tests/oracle/export_demo.ts runs/demo examples/demo.json && python tests/oracle/compare_demo.py runs/demo

import { parse } from "npm:deno-std@1.4.0/jsonc/parse.js";
import { loadCorpus, type Pair, split, Tokenizer } from "../../mod.ts";

const [folder = "runs/demo", demo = "examples/demo.json"] = Deno.args;
const config = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
const { corpus } = parse(await Deno.readTextFile(demo)) as { corpus: string };
const [source, target] = await Promise.all(
  ["source", "target"].map(async (side) =>
    Tokenizer.fromJSON(JSON.parse(await Deno.readTextFile(`${folder}/${side}.tokenizer.json`)))
  ),
) as [Tokenizer, Tokenizer];

// The sizes of the held-out parts are those of the files that training left.
const count = async (name: string) =>
  (await Deno.readTextFile(`${folder}/${name}.tsv`)).trimEnd().split("\n").length;
const sizes = { valid: await count("valid"), test: await count("test") };
const parts = split(await loadCorpus(corpus), { ...sizes, seed: config.training.seed });

const encode = (pair: Pair) => [
  source.encode(pair.source),
  target.encode(pair.target),
  pair.source,
  target.normalize(pair.target),
];
const { model, training } = config;
const comparison = {
  hyper: {
    embedding: model.embedding,
    hidden: model.hidden,
    attention: model.attentionWidth,
    readout: model.readoutWidth,
    dropout: model.dropout,
    label_smoothing: training.labelSmoothing,
    learning_rate: training.learningRate,
    clip_norm: training.clipNorm,
    batch: training.batch,
    epochs: training.epochs,
    seed: training.seed,
  },
  source_vocabulary: source.vocabulary.tokens,
  target_vocabulary: target.vocabulary.tokens,
  train: parts.train.map(encode),
  valid: parts.valid.map(encode),
  test: parts.test.map(encode),
};
await Deno.writeTextFile(`${folder}/comparison.json`, JSON.stringify(comparison));
