// Which words a decoder is given in training: the right ones, its own, or now one and now the other.

import type { Batch } from "../../lib/data/batches.ts";
import { PAD } from "../../lib/data/vocabulary.ts";
import type { Device } from "../../lib/gpu/device.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { persistent } from "../../lib/gpu/tensor.ts";
import type { GivenWords } from "../../lib/models/model.ts";
import { Seq2Seq, type Seq2SeqOptions } from "../../lib/models/seq2seq.ts";
import { argmax } from "../../lib/ops/argmax.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { assert, assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import { assertClose } from "../ops/check.ts";
import { fixtureBatch as batchOf } from "./fixture.ts";
import { inventedWords } from "./invented_words.ts";
import { SUMS } from "../tolerances.ts";

const cases: Seq2SeqOptions[] = [
  {},
  { decoder: "luong", cell: "lstm", layers: 2 },
  { decoder: "luong", inputFeeding: false, tied: "output" },
  { copy: true },
  { decoder: "cho", dropout: 0.3 },
  { decoder: "sutskever", cell: "lstm", dropout: 0.3, wordDropout: 0.2 },
];

function create(device: Device, options: Seq2SeqOptions): Seq2Seq {
  const [source, target] = [inventedWords(13), inventedWords(17)];
  return new Seq2Seq(device, { source, target, embedding: 5, hidden: 6, dropout: 0, ...options });
}

/** The fixture's batch, with a source word that the target vocabulary of 17 lacks, for models that copy. */
function fixtureBatch(): Batch {
  const batch = batchOf();
  return { ...batch, copies: batch.source.map((id) => id === 9 ? 17 : id) };
}

/** The loss of the fixture's batch, and its gradients. */
async function train(model: Seq2Seq, given: GivenWords, share: number) {
  const { device, parameters } = model;
  const totals = persistent(device, [2], "totals");
  const tape = new Tape(device, { training: true });
  model.loss(tape, fixtureBatch().bucket, { totals, given });
  tape.backward(parameters.tensors.values());
  const plan = await Plan.compile(tape);
  const inputs = {
    ...model.inputs(fixtureBatch()),
    ...{ step: Uint32Array.of(3), teacher_share: Float32Array.of(share) },
  };
  plan.run(Object.fromEntries(Object.entries(inputs).filter(([name]) => tape.inputs.has(name))));
  const [losses] = await plan.read(totals);
  const gradients = await parameters.read("gradients");
  plan.close();
  device.destroyBuffer(totals.storage.buffer!);
  return { loss: losses![0]!, gradients };
}

/** The sum of -log p(right word) where each step is given the likeliest word after the step before. */
async function freeRunning(model: Seq2Seq): Promise<number> {
  const { bucket: { sourceLength, targetLength, rows }, ...batch } = fixtureBatch();
  const steps = targetLength - 1;
  const tape = new Tape(model.device, { training: false });
  const decoder = model.wordByWord(tape, { sourceLength, sentences: rows, copies: 1 });
  const logits = tape.kept([steps, rows, decoder.classes], "logits");
  let words = tape.input("first", [rows], "u32");
  let state = decoder.initial;
  for (let t = 0; t < steps; t++) {
    const step = decoder.step(words, state, t);
    copyInto(tape, step.logits, logits.at(t));
    words = argmax(tape, step.logits);
    state = step.state;
  }
  const plan = await Plan.compile(tape);
  plan.run({
    ...{ source: batch.source, source_lengths: batch.sourceLengths, first: batch.target.slice(0, rows) },
    ...(model.config.copy ? { copies: batch.copies! } : {}),
  });
  const [values] = await plan.read(logits);
  let sum = 0;
  for (let i = 0; i < steps * rows; i++) {
    const right = batch.target[rows + i]!;
    if (right === PAD) continue;
    const scores = values!.subarray(i * decoder.classes, (i + 1) * decoder.classes);
    sum += Math.log(Array.from(scores).reduce((sum, score) => sum + Math.exp(score), 0)) - scores[right]!;
  }
  plan.close();
  return sum;
}

for (const options of cases) {
  const name = JSON.stringify(options);
  testEachProfile(
    `always the right words is teacher forcing, forward and back, dropout included: ${name}`,
    async (device) => {
      const model = create(device, options);
      const forced = await train(model, "right", 0);
      const chosen = await train(model, "either", 1);
      assertClose([chosen.loss], [forced.loss], SUMS, "loss");
      for (const [name, { data }] of forced.gradients) {
        assertClose(chosen.gradients.get(name)!.data, data, SUMS, `gradient of ${name}`);
      }
      model.close();
    },
  );
}

for (const options of cases.slice(0, 4)) {
  testEachProfile(`never the right words is running free: ${JSON.stringify(options)}`, async (device) => {
    const model = create(device, options);
    const expected = await freeRunning(model);
    for (const [given, share] of [["own", 1], ["either", 0]] as const) {
      assertClose([(await train(model, given, share)).loss], [expected], SUMS, given);
    }
    const forced = (await train(model, "right", 0)).loss;
    assert(Math.abs(forced - expected) > 0.01, "the model's own words are the right ones");
    model.close();
  });
}

testEachProfile("now and then the right words is the same again for the same step", async (device) => {
  const model = create(device, {});
  const [first, again] = [await train(model, "either", 0.5), await train(model, "either", 0.5)];
  assertEquals(first, again);
  assert(first.loss !== (await train(model, "either", 1)).loss);
  model.close();
});
