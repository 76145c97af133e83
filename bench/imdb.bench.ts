// A training step of the IMDB recurrent benchmark: 100 reviews of 300 words as numbers, LSTM(50) and LSTM(1), or GRUs,
// sigmoid, binary cross-entropy; forward, backward, clipping and Adam. Fused (lib/models) against the layers operation
// by operation (unfused.ts); loss, clipping and Adam are the same.
// Run: deno bench -A bench/imdb.bench.ts

import {
  type Batch,
  openDevice,
  Plan,
  Random,
  SequenceClassifier,
  Tape,
  type Tensor,
  Tokenizer,
} from "../mod.ts";
import { persistent } from "../lib/gpu/tensor.ts";
import { adam, CONTROL_SIZE } from "../lib/ops/adam.ts";
import { unfusedLoss } from "./unfused.ts";

const [length, rows, vocabulary] = [300, 100, 10_000];
const random = new Random(1);
const ids = (count: number, below: number) =>
  Uint32Array.from({ length: count }, () => random.integer(below));
const bucket = { sourceLength: length, targetLength: 2, rows };
const batch: Batch = {
  bucket,
  size: rows,
  source: ids(length * rows, vocabulary),
  sourceLengths: new Uint32Array(rows).fill(length),
  target: ids(2 * rows, 2),
  targetLengths: new Uint32Array(rows).fill(2),
  tokens: rows,
  indices: Uint32Array.from({ length: rows }, (_, index) => index),
};

const device = await openDevice();
console.log(`adapter ${device.description}, profile ${device.profile}, deno ${Deno.version.deno}`);
console.log(`shape   [samples ${rows}, steps ${length}, features 1]`);

/** Steps between two waits for the GPU, so that the wait of some 10 ms hardly counts. */
const STEPS = 2;

for (const cell of ["lstm", "gru"] as const) {
  const model = new SequenceClassifier(device, {
    ...{ text: Tokenizer.words([]), cell, embedding: null, layers: [50, 1], output: "state", length },
  });
  const totals = persistent(device, [3], "losses");
  const control = persistent(device, [CONTROL_SIZE], "state of Adam");
  const inputs = { ...model.inputs(batch), learning_rate: Float32Array.of(0.001) };
  const compile = async (record: (tape: Tape, totals: Tensor) => void) => {
    const tape = new Tape(device, { training: true });
    record(tape, totals);
    tape.backward(model.parameters.tensors.values());
    adam(tape, model.parameters.flat, control, { maxNorm: 1 });
    return await Plan.compile(tape);
  };
  const ways = {
    fused: await compile((tape, totals) => model.loss(tape, bucket, { totals })),
    unfused: await compile((tape, totals) => unfusedLoss(tape, model, { length, rows }, totals)),
  };
  for (const [name, plan] of Object.entries(ways)) {
    console.log(`${cell}     ${name}: ${plan.dispatches} dispatches`);
    Deno.bench({
      name: `${cell} ${name}: ${STEPS} training steps`,
      group: `IMDB ${cell.toUpperCase()} step`,
      baseline: name === "fused",
      ...(name === "unfused" ? { n: 5, warmup: 1 } : {}), // seconds each
      fn: async () => {
        for (let i = 0; i < STEPS; i++) plan.run(inputs);
        await plan.read(totals);
      },
    });
  }
}
