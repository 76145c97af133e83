// A training step of the IMDB recurrent benchmark: 100 reviews of 300 words as numbers, LSTM(50) and LSTM(1), or GRUs,
// sigmoid, binary cross-entropy, clipping and Adam. Ours also with its layers operation by operation (unfused.ts).

import { type Batch, SequenceClassifier, Tokenizer } from "../mod.ts";
import { Bench } from "./harness.ts";
import { integers, trainingSteps } from "./operands.ts";
import { unfusedLoss } from "./unfused.ts";

const [length, rows, hidden, vocabulary] = [300, 100, 50, 10_000];
const bucket = { sourceLength: length, targetLength: 2, rows };
const batch: Batch = {
  bucket,
  size: rows,
  source: integers(length * rows, vocabulary),
  sourceLengths: new Uint32Array(rows).fill(length),
  target: integers(2 * rows, 2),
  targetLengths: new Uint32Array(rows).fill(2),
  tokens: rows,
  indices: Uint32Array.from({ length: rows }, (_, index) => index),
};

const bench = await Bench.open("imdb");
for (const cell of ["lstm", "gru"] as const) {
  const layers = [hidden, 1];
  const text = Tokenizer.words([]);
  const model = new SequenceClassifier(bench.device, {
    text,
    cell,
    embedding: null,
    layers,
    output: "state",
    length,
  });
  const inputs = model.inputs(batch);
  const fused = await trainingSteps(model, (tape, totals) => model.loss(tape, bucket, { totals }), inputs);
  const unfused = await trainingSteps(
    model,
    (tape, totals) => unfusedLoss(tape, model, { length, rows }, totals),
    inputs,
  );
  const work = { kind: "imdb", cell, steps: length, batch: rows, hidden } as const;
  await bench.compare(work, fused, { "operation by operation": unfused });
}
