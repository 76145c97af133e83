// Decoding word by word is the same model as teacher forcing: given the right words, it gives them the same probability,
// whatever the decoder, and however many rows a sentence has.

import type { Batch } from "../../lib/data/batches.ts";
import { PAD, SOS } from "../../lib/data/vocabulary.ts";
import type { Device } from "../../lib/gpu/device.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { persistent } from "../../lib/gpu/tensor.ts";
import { Seq2Seq, type Seq2SeqOptions } from "../../lib/models/seq2seq.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { assert } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import { fixtureBatch } from "./fixture.ts";
import { inventedWords } from "./invented_words.ts";
import { FEW_ROUNDINGS, SUMS } from "../tolerances.ts";

const cases: readonly Seq2SeqOptions[] = [
  {},
  { cell: "lstm", layers: 2, readout: "maxout" },
  { layers: 3, residual: true, tied: "output" },
  { decoder: "luong", cell: "lstm" },
  { decoder: "luong", inputFeeding: false, layers: 2, attention: "additive" },
  { decoder: "cho" },
  { decoder: "cho", cell: "lstm", layers: 2, bidirectional: true, readout: "tanh" },
  { decoder: "sutskever", cell: "lstm", layers: 4, reverseSource: true },
  { decoder: "sutskever", bridge: "project", bidirectional: true, readout: "tanh" },
  { attention: "general", span: "local-p", window: 2 },
  { attention: "scaled-dot", span: "local-m", window: 1 },
  { decoder: "luong", attention: "dot", span: "local-p", window: 3 },
  { decoder: "luong", attention: "location", locations: 9 },
  { attention: "location", locations: 4 },
  { coverage: true, coverageLoss: 0 },
  { copy: true },
  { decoder: "luong", attention: "additive", copy: true, coverage: true, coverageLoss: 0, cell: "lstm" },
];

/** The batch with a source word that the target vocabulary of 17 lacks, and a target that copies it. */
function copying(batch: Batch): Batch {
  const unknown = (ids: Uint32Array, word: number) => ids.map((id) => id === word ? 17 : id);
  return { ...batch, copies: unknown(batch.source, 9), target: unknown(batch.target, 11) };
}

/** The mean of -log p of the batch's words by both ways, the second with `copies` rows a sentence. */
async function losses(device: Device, options: Seq2SeqOptions, copies: number): Promise<[number, number]> {
  const model = new Seq2Seq(device, {
    ...{ source: inventedWords(13), target: inventedWords(17), embedding: 5, hidden: 6, ...options },
  });
  const batch = options.copy ? copying(fixtureBatch()) : fixtureBatch();
  const { sourceLength, targetLength, rows: sentences } = batch.bucket;
  const totals = persistent(device, [2], "totals");
  const forced = new Tape(device, { training: false });
  model.loss(forced, batch.bucket, { totals });
  const plan = await Plan.compile(forced);
  plan.run(model.inputs(batch));
  const [sums] = await plan.read(totals);

  const tape = new Tape(device, { training: false });
  const decoder = model.wordByWord(tape, { sourceLength, sentences, copies });
  const steps = targetLength - 1;
  const logits = tape.kept([steps, decoder.rows, decoder.classes], "logits");
  let state = decoder.initial;
  for (let t = 0; t < steps; t++) {
    const step = decoder.step(tape.input(`words ${t}`, [decoder.rows], "u32"), state, t);
    copyInto(tape, step.logits, logits.at(t));
    state = step.state;
  }
  const decoding = await Plan.compile(tape);
  const word = (t: number, row: number) => batch.target[t * sentences + Math.floor(row / copies)]!;
  const words = Array.from({ length: steps }, (_, t) => {
    return [`words ${t}`, Uint32Array.from({ length: decoder.rows }, (_, row) => word(t, row))];
  });
  decoding.run({
    source: batch.source,
    source_lengths: batch.sourceLengths,
    ...(batch.copies ? { copies: batch.copies } : {}),
    ...Object.fromEntries(words),
  });
  const [values] = await decoding.read(logits);
  let sum = 0;
  for (let t = 0; t < steps; t++) {
    for (let row = 0; row < decoder.rows; row++) {
      const right = word(t + 1, row);
      if (right === PAD) continue;
      const start = (t * decoder.rows + row) * decoder.classes;
      const scores = Array.from(values!.subarray(start, start + decoder.classes));
      sum += Math.log(scores.reduce((sum, score) => sum + Math.exp(score), 0)) - scores[right]!;
    }
  }
  for (const each of [plan, decoding]) each.close();
  device.destroyBuffer(totals.storage.buffer!);
  model.close();
  assert(batch.target[0] === SOS);
  return [sums![0]! / batch.tokens, sum / batch.tokens / copies];
}

for (const options of cases) {
  for (const copies of [1, 3]) {
    testEachProfile(
      `word by word, ${copies} rows a sentence, as under teacher forcing: ${JSON.stringify(options)}`,
      async (device) => {
        const [forced, decoded] = await losses(device, options, copies);
        // Both add up some 17 logarithms of sums in 32 bits, by other kernels.
        assert(Math.abs(forced - decoded) < SUMS, `${forced} and ${decoded}`);
      },
    );
  }
}

testEachProfile("attention by location does not look at words beyond those it knows", async (device) => {
  const [source, target] = [inventedWords(13), inventedWords(17)];
  const options = { attention: "location", locations: 2, embedding: 5, hidden: 6 } as const;
  const model = new Seq2Seq(device, { source, target, ...options });
  const { bucket: { sourceLength, rows }, ...batch } = fixtureBatch();
  const tape = new Tape(device, { training: false });
  const decoder = model.wordByWord(tape, { sourceLength, sentences: rows, copies: 1 });
  const { attention } = decoder.step(tape.input("words", [rows], "u32"), decoder.initial, 0);
  const kept = tape.kept([rows, sourceLength], "attention");
  copyInto(tape, attention!, kept);
  const plan = await Plan.compile(tape);
  plan.run({
    source: batch.source,
    source_lengths: batch.sourceLengths,
    words: new Uint32Array(rows).fill(SOS),
  });
  const [weights] = await plan.read(kept);
  for (let row = 0; row < rows; row++) {
    const [first, second, ...later] = weights!.subarray(row * sourceLength, (row + 1) * sourceLength);
    assert(Math.abs(first! + second! - 1) < FEW_ROUNDINGS && later.every((weight) => weight === 0));
  }
  plan.close();
  model.close();
});
