// A training step of the translation model, without dropout: forward, backward, clipping and Adam.

import { type Batch, Seq2Seq, Tokenizer } from "../mod.ts";
import { Bench } from "./harness.ts";
import { integers, trainingSteps } from "./operands.ts";
import type { Translation } from "./work.ts";

const work: Translation = {
  kind: "translation",
  batch: 64,
  source: 10,
  target: 10,
  embedding: 128,
  hidden: 256,
  sourceVocabulary: 5_000,
  targetVocabulary: 8_000,
};
const { batch: rows, source: sourceLength, target: predicted, sourceVocabulary, targetVocabulary } = work;
const targetLength = predicted + 1; // `<sos>` is given, not predicted
const SPECIAL = 4;

const bench = await Bench.open("translation_step");
const words = (count: number) =>
  Tokenizer.words(Array.from({ length: count - SPECIAL }, (_, index) => `word${index}`));
const ids = (length: number, vocabulary: number) =>
  integers(length, vocabulary - SPECIAL).map((id) => id + SPECIAL);
const { embedding, hidden } = work;
const model = new Seq2Seq(bench.device, {
  source: words(sourceVocabulary),
  target: words(targetVocabulary),
  embedding,
  hidden,
  dropout: 0,
});
const batch: Batch = {
  bucket: { sourceLength, targetLength, rows },
  size: rows,
  source: ids(sourceLength * rows, sourceVocabulary),
  sourceLengths: new Uint32Array(rows).fill(sourceLength),
  target: ids(targetLength * rows, targetVocabulary),
  targetLengths: new Uint32Array(rows).fill(targetLength),
  tokens: rows * predicted,
  indices: Uint32Array.from({ length: rows }, (_, index) => index),
};

const steps = await trainingSteps(
  model,
  (tape, totals) => model.loss(tape, batch.bucket, { totals }),
  model.inputs(batch),
);
await bench.compare(work, steps);
