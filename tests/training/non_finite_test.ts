// Steps whose gradients are not finite: found whatever is poisoned, left out bit for bit, and after ten in a row the end.

import { type Batch, batches } from "../../lib/data/batches.ts";
import type { Pair } from "../../lib/data/pair.ts";
import type { Device } from "../../lib/gpu/device.ts";
import type { NamedArray } from "../../lib/gpu/parameters.ts";
import { Seq2Seq, type Seq2SeqOptions } from "../../lib/models/seq2seq.ts";
import { initialControl } from "../../lib/ops/optimizer.ts";
import { loadCheckpoint } from "../../lib/training/checkpoint.ts";
import { NonFiniteGuard } from "../../lib/training/non_finite.ts";
import { Optimization } from "../../lib/training/optimization.ts";
import { completeTraining, type TrainOptions } from "../../lib/training/options.ts";
import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { testEachProfile } from "../device.ts";
import { tinyModel, tinyPairs } from "./tiny.ts";

/** Sentences without the word "seven", and some in which it is every second word. */
const clean = tinyPairs(200).filter(({ source }) => !source.includes("seven")).slice(0, 16);
const seven = clean.map((): Pair => ({ source: "seven one seven", target: "S O S" }));
const BUCKET = { sourceLength: 8, targetLength: 8, rows: 16 };

async function optimizationOf(model: Seq2Seq, options: TrainOptions = {}): Promise<Optimization> {
  const optimization = new Optimization(model, [BUCKET], completeTraining(options, model));
  await optimization.layout().allocate();
  return optimization;
}

function batchOf(model: Seq2Seq, pairs: readonly Pair[]): Batch {
  const [batch] = batches(model.encode(pairs), [BUCKET], { seed: 1, epoch: 0 });
  return batch!;
}

/** Puts a number in some places of a parameter. */
async function poison(model: Seq2Seq, name: string, value: number, places: readonly number[]): Promise<void> {
  const weights = await model.parameters.read();
  for (const place of places) weights.get(name)!.data[place] = value;
  model.parameters.load(weights);
}

/** The places of a source word's row in its embedding. */
function rowOf(model: Seq2Seq, word: string): number[] {
  const { columns } = model.parameters.tensors.get("encoder.embedding.weight")!;
  const [, id] = model.source.encode(word); // behind <sos>
  return Array.from({ length: columns }, (_, i) => id! * columns + i);
}

/** All that a step may change, bit for bit. */
async function bits(model: Seq2Seq, optimization: Optimization): Promise<string> {
  const { parameters } = model;
  const all: Iterable<[string, NamedArray]>[] = [
    await parameters.read(),
    await parameters.read("firstMoments"),
    await parameters.read("secondMoments"),
    await optimization.averages!.read(),
  ];
  return all.flatMap((map) =>
    [...map].map(([name, { data }]) =>
      `${name} ${new Uint32Array(data.buffer, data.byteOffset, data.length)}`
    )
  ).join("\n");
}

const models: Readonly<Record<string, Seq2SeqOptions>> = {
  "Bahdanau's with copies": { copy: true, coverage: true },
  "Luong's": { decoder: "luong", cell: "lstm", span: "local-p" },
  "Cho's": { decoder: "cho" },
};
const PLACES = 4; // one in each gate of an LSTM

Object.entries(models).forEach(([name, options], index) => {
  testEachProfile(`a step finds NaN in any element of any parameter of ${name} decoder`, async (device) => {
    const model = tinyModel(device, { dropout: 0, ...options });
    const optimization = await optimizationOf(model, index % 2 ? { clipValue: 1 } : { clipNorm: 1 });
    const batch = batchOf(model, tinyPairs(16));
    const weights = await model.parameters.read();
    const hidden: string[] = [];
    for (const [name, { shape, data }] of weights) {
      optimization.restore(new Uint32Array(initialControl().buffer), 0); // ten in a row would hide the next
      const used = name.includes("embedding") ? 5 * shape[1]! : undefined; // a row that occurs
      for (let place = 0; place < PLACES; place++) {
        const poisoned = data.slice();
        poisoned[used === undefined ? Math.floor((place + 0.5) / PLACES * data.length) : used + place] = NaN;
        model.parameters.load(new Map([...weights, [name, { shape, data: poisoned }]]));
        optimization.step([batch], 0);
      }
      const { skipped } = await optimization.sums();
      if (skipped !== PLACES) hidden.push(`${name}: ${skipped} of ${PLACES}`);
    }
    assertEquals(hidden, []);
    optimization.close();
    model.close();
  });
});

for (const value of [NaN, Infinity]) {
  for (const accumulation of [1, 4]) {
    testWithDevice(
      `a step of ${accumulation} batches, one of which meets ${value}, changes no bit, and the next goes on`,
      async (device) => {
        const model = tinyModel(device);
        const optimization = await optimizationOf(model, { accumulation, averageDecay: 0.9 });
        await poison(model, "encoder.embedding.weight", value, rowOf(model, "seven"));
        const [good, bad] = [batchOf(model, clean), batchOf(model, seven)];
        const groups = [good, bad].map((batch) =>
          Array.from({ length: accumulation }, (_, i) => i === accumulation >> 1 ? batch : good)
        );
        optimization.step(groups[0]!, 0);
        const before = await bits(model, optimization);
        optimization.step(groups[1]!, 1);
        assertEquals(await bits(model, optimization), before);
        const { steps, skipped, skippedInARow } = await optimization.sums();
        assertEquals({ steps, skipped, skippedInARow }, { steps: 1, skipped: 1, skippedInARow: 1 });
        optimization.step(groups[0]!, 2);
        assert(await bits(model, optimization) !== before);
        const after = await optimization.sums();
        assertEquals([after.steps, after.skipped, after.skippedInARow], [2, 1, 0]);
        optimization.close();
        model.close();
      },
    );
  }
}

testWithDevice(
  "train() goes on after a step without finite gradients, and says that the epoch's loss is none",
  async (device) => {
    const model = tinyModel(device);
    await poison(model, "encoder.embedding.weight", NaN, rowOf(model, "seven"));
    const pairs = [...tinyPairs(300).filter(({ source }) => !source.includes("seven")), seven[0]!];
    const options = { epochs: 2, batch: 8, valid: clean, accumulation: 2 };
    const reports = [];
    for await (const report of train(model, pairs, options)) reports.push(report);
    assertEquals(reports.at(-1)!.skipped, 2); // one in each epoch
    for (const { trainingLoss, loss } of reports.flatMap(({ validation }) => validation ?? [])) {
      assert(Number.isNaN(trainingLoss) && Number.isFinite(loss));
    }
    model.close();
  },
);

/** A guard whose steps over `seven` meet NaN. */
async function guarded(device: Device) {
  const model = tinyModel(device);
  await poison(model, "encoder.embedding.weight", NaN, rowOf(model, "seven").slice(1, 2));
  const optimization = await optimizationOf(model, { averageDecay: 0.9 });
  const guard = new NonFiniteGuard(optimization);
  const [good, bad] = [batchOf(model, clean), batchOf(model, seven)];
  let number = 0;
  const take = async (count: number, batch: Batch) => {
    for (let i = 0; i < count; i++) await guard.step([batch], number++, 0.01);
  };
  return { model, optimization, guard, take, good, bad };
}

testWithDevice("training ends after ten bad steps in a row, not after nine", async (device) => {
  const { model, optimization, guard, take, good, bad } = await guarded(device);
  for (let round = 0; round < 3; round++) {
    await take(9, bad);
    await take(1, good);
  }
  const sums = await optimization.sums();
  assertEquals([sums.steps, sums.skipped], [3, 27]);
  await guard.look(sums);
  await take(9, bad);
  await guard.look(await optimization.sums());
  await take(1, bad);
  await assertRejects(async () => await guard.look(await optimization.sums()), Error, "In step 40 ");
  optimization.close();
  model.close();
});

testWithDevice(
  "steps after the tenth change nothing, even good ones, and the tenth is told",
  async (device) => {
    const { model, optimization, guard, take, good, bad } = await guarded(device);
    await take(2, good);
    const before = await bits(model, optimization);
    await take(10, bad);
    await take(3, good);
    assertEquals(await bits(model, optimization), before);
    const sums = await optimization.sums();
    assertEquals([sums.steps, sums.skipped, sums.skippedInARow], [2, 13, 13]);
    for (const [, { data }] of await optimization.gradients()) {
      assert(data.every(Number.isFinite), "the gradients in memory are those of the last step");
    }
    const { message } = await assertRejects(() => guard.look(sums), Error);
    assertStringIncludes(message, "the gradients of 10 steps in a row were not finite");
    // Of the decoder's embedding five words of the batch have a gradient: S, O, <sos>, <eos> and padding.
    assertStringIncludes(
      message,
      'In step 12 the first is that of "decoder.embedding.weight" [9,4]: of 36 elements 20 are NaN and 0 infinite; ' +
        "its values are finite. Lower the learning rate",
    );
    assertEquals(await bits(model, optimization), before);
    // Whoever goes on from here may try again.
    assertEquals((await optimization.sums()).skippedInARow, 0);
    optimization.close();
    model.close();
  },
);

testWithDevice("a parameter that is not finite itself is told", async (device) => {
  const model = tinyModel(device);
  await poison(model, "decoder.embedding.weight", NaN, [4 * 5, 4 * 6 + 1]);
  const { message } = await assertRejects(async () => {
    for await (const _ of train(model, tinyPairs(60), { epochs: 50, batch: 30 }));
  }, Error);
  assertMatch(
    message,
    /of "decoder\.embedding\.weight" .*; of its values 2 are not finite either, so go back to/,
  );
  model.close();
});

testWithDevice(
  "a training that gave up saves what it had, and can be resumed",
  async (device) => {
    await using folder = await TemporaryFolder.make();
    const model = tinyModel(device);
    await poison(model, "encoder.embedding.weight", NaN, rowOf(model, "one"));
    const options = { batch: 4, folder: folder.path };
    await assertRejects(
      async () => {
        for await (const _ of train(model, seven, { ...options, epochs: 9 }));
      },
      Error,
      "10 steps in a row",
    );
    const weights = await model.parameters.read();
    const { model: saved, state } = await loadCheckpoint(device, folder.path);
    assertEquals(await saved.parameters.read(), weights);
    await poison(saved, "encoder.embedding.weight", 0, rowOf(model, "one"));
    const { stepsPerEpoch, epoch } = state!.position;
    assertEquals(stepsPerEpoch, 4);
    let skipped = 0;
    const resumed = { ...options, epochs: epoch + 2, resume: state! };
    for await (const report of train(saved, seven, resumed)) skipped = report.skipped;
    assert(skipped >= 10, `${skipped} steps were skipped`);
    model.close();
    saved.close();
  },
);

testWithDevice("an older checkpoint's shorter control record is taken", async (device) => {
  const model = tinyModel(device);
  const optimization = await optimizationOf(model);
  const control = new Uint32Array(initialControl().buffer).slice(0, 10);
  control[4] = 7;
  optimization.restore(control, 0);
  const { steps, skippedInARow } = await optimization.sums();
  assertEquals([steps, skippedInARow], [7, 0]);
  optimization.close();
  model.close();
});

testWithDevice("training ends when the loss is not finite although all gradients are", async (device) => {
  const model = tinyModel(device);
  // The mean of such logits, which label smoothing asks for, is no number of 32 bits; their differences are 0.
  const { size } = model.parameters.tensors.get("decoder.output.bias")!;
  await poison(model, "decoder.output.bias", 3e38, Array.from({ length: size }, (_, i) => i));
  await assertRejects(
    async () => {
      for await (const _ of train(model, clean, { epochs: 5, batch: 8, labelSmoothing: 0.1 }));
    },
    Error,
    "although their gradients are finite",
  );
  model.close();
});
