// The whole model against the same one in PyTorch: losses, every gradient, ten optimizer steps, translations.

import { EOS, SOS } from "../../lib/data/vocabulary.ts";
import type { Device } from "../../lib/gpu/device.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { persistent } from "../../lib/gpu/tensor.ts";
import { Seq2Seq } from "../../lib/models/seq2seq.ts";
import { assert, assertEquals } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";
import { fixtureBatch, fixtureTensors, oracle } from "./fixture.ts";
import { greedy } from "./greedy.ts";
import { inventedWords } from "./invented_words.ts";
import { assertNear, assertTensors, OneBatchTraining } from "./one_batch.ts";
import { SUMS } from "../tolerances.ts";

const { sizes, training } = oracle;

/** A model of the fixture's sizes. */
function createModel(device: Device, options: { seed?: number; dropout?: number } = {}): Seq2Seq {
  return new Seq2Seq(device, {
    source: inventedWords(sizes.source_vocabulary),
    target: inventedWords(sizes.target_vocabulary),
    embedding: sizes.embedding,
    hidden: sizes.hidden,
    attentionWidth: sizes.attention,
    readoutWidth: sizes.readout,
    dropout: 0,
    ...options,
  });
}

/** Training of a model on the fixture's batch, with `more` padding. */
function create(model: Seq2Seq, more = 0): Promise<OneBatchTraining> {
  return OneBatchTraining.create(model, fixtureBatch(more), training, training.label_smoothing);
}

Deno.test("a Seq2Seq has the parameters of the same model in PyTorch, by name and shape", () => {
  const model = createModel(device);
  const shapes = (tensors: Iterable<[string, { readonly shape: readonly number[] }]>) =>
    Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]));
  assertEquals(shapes(model.parameters.tensors), shapes(fixtureTensors("")));
  model.close();
});

testEachProfile(
  "a Seq2Seq has PyTorch's loss and gradients, and after ten steps its parameters",
  async (device) => {
    const model = createModel(device);
    model.parameters.load(fixtureTensors(""));
    const run = await create(model);
    for (let step = 0; step < training.steps; step++) {
      const { loss, unsmoothed, norm } = await run.step();
      assertNear(loss, oracle.losses[step]!, `the loss of step ${step}`);
      assertNear(norm, oracle.gradient_norms[step]!, `the gradient's norm in step ${step}`);
      if (step > 0) continue;
      assertNear(unsmoothed, oracle.loss_without_smoothing, "the loss without smoothing");
      assertTensors(await model.parameters.read("gradients"), fixtureTensors("grad."));
    }
    assertTensors(await model.parameters.read(), fixtureTensors("after."));
    run.close();
    model.close();
  },
);

testEachProfile("empty rows and more padding change neither the loss nor a gradient", async (device) => {
  const model = createModel(device);
  model.parameters.load(fixtureTensors(""));
  const run = await create(model, 3);
  const { loss, unsmoothed } = await run.step();
  assertNear(loss, oracle.losses[0]!, "the loss");
  assertNear(unsmoothed, oracle.loss_without_smoothing, "the loss without smoothing");
  assertTensors(await model.parameters.read("gradients"), fixtureTensors("grad."));
  run.close();
  model.close();
});

for (const [which, prefix] of [["before", ""], ["after", "after."]] as const) {
  testEachProfile(
    `a Seq2Seq translates as PyTorch does, with its attention, ${which} training`,
    async (device) => {
      const model = createModel(device);
      model.parameters.load(fixtureTensors(prefix));
      const { bucket: { sourceLength, rows }, source, sourceLengths } = fixtureBatch();
      const steps = oracle.greedy.maximum_length;
      const tape = new Tape(device, { training: false });
      const { words, attention } = greedy(model, tape, { sourceLength, rows, steps });
      const plan = await Plan.compile(tape);
      plan.run({
        source,
        source_lengths: sourceLengths,
        first: new Uint32Array(rows).fill(SOS),
      });
      const [ids, weights] = await plan.read(words, attention!);
      const expected = oracle.greedy[which];
      for (let row = 0; row < rows; row++) {
        const length = expected.ids.findIndex((step) => step[row] === EOS) + 1 || steps;
        for (let t = 0; t < length; t++) {
          const name = `row ${row}, word ${t}`;
          assertEquals(ids![t * rows + row]!, expected.ids[t]![row]!, name);
          const start = (t * rows + row) * sourceLength;
          expected.attention[t]![row]!.forEach((weight, s) => {
            assert(Math.abs(weights![start + s]! - weight) <= SUMS, `the attention of ${name} to ${s}`);
          });
        }
      }
      plan.close();
      model.close();
    },
  );
}

testEachProfile("training with dropout is settled by its seed, bit for bit", async (device) => {
  const results = [];
  for (const seed of [1, 1, 2]) {
    const model = createModel(device, { seed, dropout: 0.3 });
    const run = await create(model);
    for (let step = 0; step < 5; step++) await run.step();
    results.push(await model.parameters.read());
    run.close();
    model.close();
  }
  const [first, second, other] = results;
  assertEquals(second, first);
  for (const [name, { data }] of first!) {
    const different = data.filter((value, i) => value !== other!.get(name)!.data[i]).length;
    assert(different > data.length / 2, `${name} hardly depends on the seed`);
  }
});

Deno.test("each dropout of a Seq2Seq draws from a stream of its own", () => {
  const model = createModel(device, { dropout: 0.3 });
  const totals = persistent(device, [2], "totals");
  const tape = new Tape(device, { training: true });
  model.loss(tape, fixtureBatch().bucket, { totals });
  const streams = tape.dispatches.filter(({ kernel }) => kernel.name === "dropout").map(
    ({ kernel, params }) => {
      return new Uint32Array(params)[Object.keys(kernel.params).indexOf("stream")]!;
    },
  );
  assertEquals(streams.length, 3);
  assertEquals(new Set(streams).size, 3);
  device.destroyBuffer(totals.storage.buffer!);
  model.close();
});
