// The baseline of the headline comparison computes what the library does.

import { unfusedLayer, unfusedLoss } from "../../bench/unfused.ts";
import { gru } from "../../lib/ops/gru.ts";
import { lstm } from "../../lib/ops/lstm.ts";
import { Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { persistent, type Tensor } from "../../lib/gpu/tensor.ts";
import { SequenceClassifier } from "../../lib/models/sequence_classifier.ts";
import { Random } from "../../lib/random.ts";
import { assert } from "../assert.ts";
import { device } from "../device.ts";
import { inventedWords } from "../models/invented_words.ts";

for (const [cell, gates] of [["gru", 3], ["lstm", 4]] as const) {
  Deno.test(`the unfused ${cell} has the gradients of the fused one`, async () => {
    const [steps, batch, inputs, hidden] = [4, 3, 2, 5];
    const rows = gates * hidden;
    const parameters = new Parameters(device);
    const shapes = {
      x: [steps, batch, inputs],
      weightIh: [rows, inputs],
      weightHh: [rows, hidden],
      biasIh: [rows],
      biasHh: [rows],
    };
    for (const [name, shape] of Object.entries(shapes)) {
      parameters.declare(
        name,
        shape,
        (random, size) => Float32Array.from({ length: size }, () => random.normal()),
      );
    }
    parameters.allocate(new Random(1));
    const weights = Object.fromEntries(parameters.tensors) as Record<keyof typeof shapes, Tensor>;
    const gradients = async (record: (tape: Tape) => Tensor) => {
      const tape = new Tape(device, { training: true });
      tape.fill(record(tape).grad, 1);
      tape.backward(parameters.tensors.values());
      const plan = await Plan.compile(tape);
      plan.run(tape.inputs.has("lengths") ? { lengths: new Uint32Array(batch).fill(steps) } : {});
      const read = await plan.read(...[...parameters.tensors.values()].map((tensor) => tensor.grad));
      plan.close();
      return read.map((values) => Array.from(values));
    };
    const fused = await gradients((tape) => {
      const lengths = tape.input("lengths", [batch], "u32");
      return (cell === "gru" ? gru : lstm)(tape, weights.x, { ...weights, lengths }).final;
    });
    const unfused = await gradients((tape) => unfusedLayer(tape, cell, weights.x, weights).at(-1)!);
    fused.forEach((values, index) => {
      const largest = Math.max(...values.map(Math.abs));
      assert(largest > 0);
      values.forEach((value, at) => assert(Math.abs(value - unfused[index]![at]!) <= 1e-5 * largest));
    });
    parameters.close();
  });
}

for (const cell of ["gru", "lstm"] as const) {
  Deno.test(`the unfused ${cell} classifier has the loss and the gradients of the fused one`, async () => {
    const [length, rows] = [5, 4];
    const options = { cell, embedding: null, layers: [6, 1], output: "state" } as const;
    const model = new SequenceClassifier(device, { text: inventedWords(9), ...options });
    const run = async (record: (tape: Tape, totals: Tensor) => void) => {
      const totals = persistent(device, [3], "totals");
      const tape = new Tape(device, { training: true });
      record(tape, totals);
      tape.backward(model.parameters.tensors.values());
      const plan = await Plan.compile(tape);
      plan.run({
        words: Float32Array.from({ length: length * rows }, (_, i) => i % 9),
        lengths: new Uint32Array(rows).fill(length),
        labels: Uint32Array.of(1, 0, 0, 1),
        scale: Float32Array.of(1 / rows),
      });
      const read = await plan.read(totals, ...[...model.parameters.tensors.values()].map(({ grad }) => grad));
      plan.close();
      device.destroyBuffer(totals.storage.buffer!);
      return read.map((values) => Array.from(values));
    };
    const bucket = { sourceLength: length, targetLength: 2, rows };
    const fused = await run((tape, totals) => model.loss(tape, bucket, { totals }));
    const unfused = await run((tape, totals) => unfusedLoss(tape, model, { length, rows }, totals));
    fused.forEach((values, index) => {
      const largest = Math.max(...values.map(Math.abs));
      assert(largest > 0);
      values.forEach((value, at) => assert(Math.abs(value - unfused[index]![at]!) <= 1e-5 * largest));
    });
    model.close();
  });
}
