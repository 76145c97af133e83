// The translation step: batch 64, 10 source and 10 target words, embedding 128, GRU 256, additive attention,
// vocabularies of 5,000 and 8,000 words; forward, backward, clipping and Adam. About 14 GFLOP.

import { type Batch, openDevice, Plan, Random, Seq2Seq, Tape, Tokenizer } from "../mod.ts";
import { persistent } from "../lib/gpu/tensor.ts";
import { adam, CONTROL_SIZE } from "../lib/ops/adam.ts";

const [rows, sourceLength, targetLength] = [64, 10, 11];
const random = new Random(1);
const words = (count: number) =>
  Tokenizer.words(Array.from({ length: count - 4 }, (_, index) => `word${index}`));
const ids = (length: number, vocabulary: number) =>
  Uint32Array.from({ length }, () => 4 + random.integer(vocabulary - 4));

const device = await openDevice();
const model = new Seq2Seq(device, {
  source: words(5_000),
  target: words(8_000),
  embedding: 128,
  hidden: 256,
});
const bucket = { sourceLength, targetLength, rows };
const totals = persistent(device, [2], "losses");
const control = persistent(device, [CONTROL_SIZE], "state of Adam");

const training = new Tape(device, { training: true });
model.loss(training, bucket, { totals });
training.backward(model.parameters.tensors.values());
adam(training, model.parameters.flat, control, { maxNorm: 1 });
const step = await Plan.compile(training);

const measuring = new Tape(device, { training: false });
model.loss(measuring, bucket, { totals });
const forward = await Plan.compile(measuring);

const batch: Batch = {
  bucket,
  size: rows,
  source: ids(sourceLength * rows, 5_000),
  sourceLengths: new Uint32Array(rows).fill(sourceLength),
  target: ids(targetLength * rows, 8_000),
  targetLengths: new Uint32Array(rows).fill(targetLength),
  tokens: rows * (targetLength - 1),
  indices: Uint32Array.from({ length: rows }, (_, index) => index),
};
const inputs = model.inputs(batch);
const trainingInputs = { ...inputs, step: Uint32Array.of(1), learning_rate: Float32Array.of(0.001) };

console.log(`adapter     ${device.description}, profile ${device.profile}, deno ${Deno.version.deno}`);
console.log(`training    ${step.dispatches} dispatches a step; forward ${forward.dispatches}`);

/** Steps between two waits for the GPU, so that the wait of some 10 ms does not count. */
const STEPS = 3;

Deno.bench(
  `translation: ${STEPS} training steps`,
  { group: "translation step", baseline: true },
  async () => {
    for (let i = 0; i < STEPS; i++) step.run(trainingInputs);
    await step.read(totals);
  },
);

Deno.bench(`translation: ${STEPS} forward passes`, { group: "translation step" }, async () => {
  for (let i = 0; i < STEPS; i++) forward.run(inputs);
  await forward.read(totals);
});
