// The other half of compare_demo.py: trains the demo's model here with several seeds, on the demo's split, and prints
// the same table, so that two distributions are compared and not two draws. Run from the project's folder, after
// export_demo.ts:
//
//   deno run -A tests/oracle/demo_seeds.ts runs/demo 1 2 3

import {
  corpusBleu,
  exactMatch,
  heldOutLoss,
  loadModel,
  openDevice,
  type Pair,
  Seq2Seq,
  Tokenizer,
  train,
  translate,
} from "../../mod.ts";

const [folder = "runs/demo", ...seeds] = Deno.args;
const json = async (name: string) => JSON.parse(await Deno.readTextFile(`${folder}/${name}`));
const { hyper, ...parts } = await json("comparison.json");
const pairs = (part: string): Pair[] =>
  parts[part].map(([, , source, target]: [number[], number[], string, string]) => ({ source, target }));
const [training, valid, test] = [pairs("train"), pairs("valid"), pairs("test")];
const source = Tokenizer.fromJSON(await json("source.tokenizer.json"));
const target = Tokenizer.fromJSON(await json("target.tokenizer.json"));
const device = await openDevice();

console.log(device.description);
console.log("| seed | test loss | BLEU | exact match % |\n| ---- | --------- | ---- | ------------- |");
for (const seed of seeds.map(Number)) {
  const { embedding, hidden, attention: attentionWidth, readout: readoutWidth, dropout } = hyper;
  const sizes = { embedding, hidden, attentionWidth, readoutWidth, dropout, seed };
  const model = new Seq2Seq(device, { source, target, ...sizes });
  const best = await Deno.makeTempDir();
  const progress = train(model, training, {
    epochs: hyper.epochs,
    batch: hyper.batch,
    learningRate: hyper.learning_rate,
    clipNorm: hyper.clip_norm,
    labelSmoothing: hyper.label_smoothing,
    valid,
    samples: 0,
    folder: best,
  });
  for await (const { validation, epoch } of progress) {
    if (validation) console.error(`seed ${seed} epoch ${epoch}: validation ${validation.loss.toFixed(4)}`);
  }
  const chosen = await loadModel(device, best);
  const { loss } = await heldOutLoss(chosen, test);
  const texts = (await translate(chosen, test.map((pair) => pair.source))).map(({ text }) => text);
  const references = test.map((pair) => target.normalize(pair.target));
  const bleu = corpusBleu(texts, references).score;
  const exact = 100 * exactMatch(texts, references);
  console.log(`| ${seed} | ${loss.toFixed(4)} | ${bleu.toFixed(2)} | ${exact.toFixed(2)} |`);
  model.close();
  chosen.close();
  await Deno.remove(best, { recursive: true });
}
device.close();
