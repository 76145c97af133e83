// The classifier against the same one in PyTorch: losses, every gradient, ten optimizer steps, answers; written by
// tests/oracle/classifier_fixture.py.

import type { Batch } from "../../lib/data/batches.ts";
import { SOS } from "../../lib/data/vocabulary.ts";
import type { Device } from "../../lib/gpu/device.ts";
import type { NamedArray } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { SequenceClassifier, type SequenceClassifierOptions } from "../../lib/models/sequence_classifier.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { decodeSafetensors } from "../training/safetensors.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";
import { inventedWords } from "./invented_words.ts";
import { assertNear, assertTensors, type Hyperparameters, OneBatchTraining } from "./one_batch.ts";

interface Case {
  readonly options: SequenceClassifierOptions;
  readonly smoothing: number;
  readonly loss_without_smoothing: number;
  readonly losses: readonly number[];
  readonly gradient_norms: readonly number[];
  readonly logits: { readonly before: readonly number[]; readonly after: readonly number[] };
}

interface Oracle {
  readonly vocabulary: number;
  readonly training: Hyperparameters & { readonly steps: number };
  readonly texts: { readonly ids: readonly (readonly number[])[]; readonly lengths: readonly number[] };
  readonly labels: readonly number[];
  readonly cases: Readonly<Record<string, Case>>;
}

const fixtures = new URL("../fixtures/", import.meta.url);
const oracle: Oracle = JSON.parse(await Deno.readTextFile(new URL("classifier.json", fixtures)));
const { tensors } = decodeSafetensors(await Deno.readFile(new URL("classifier.safetensors", fixtures)));
const { training } = oracle;

/** A case's tensors whose names begin with a prefix: `grad.`, `after.`, or none for the initial weights. */
function fixtureTensors(name: string, prefix: "" | "grad." | "after."): Map<string, NamedArray> {
  const start = `${name}/${prefix}`;
  const chosen = [...tensors].filter(([key]) => {
    return key.startsWith(start) && (prefix !== "" || !/\/(grad|after)\./.test(key));
  });
  return new Map(chosen.map(([key, { shape, data }]) => {
    return [key.slice(start.length), { shape, data: data as Float32Array<ArrayBuffer> }];
  }));
}

/** The fixture's batch, with `more` empty rows and padding after every text. */
function fixtureBatch(more = 0): Batch {
  const { texts: { ids, lengths }, labels } = oracle;
  const size = lengths.length;
  const rows = size + more;
  const bucket = { sourceLength: ids.length + more, targetLength: 2, rows };
  const source = Uint32Array.from({ length: bucket.sourceLength * rows }, (_, i) => {
    return ids[Math.floor(i / rows)]?.[i % rows] ?? 0;
  });
  const each = (value: (row: number) => number) =>
    Uint32Array.from({ length: rows }, (_, i) => i < size ? value(i) : 0);
  return {
    bucket,
    size,
    source,
    sourceLengths: each((row) => lengths[row]!),
    target: Uint32Array.from([...each(() => SOS), ...each((row) => labels[row]!)]),
    targetLengths: each(() => 2),
    tokens: size,
    indices: Uint32Array.from({ length: size }, (_, i) => i),
  };
}

function createModel(device: Device, name: string, more: SequenceClassifierOptions = {}): SequenceClassifier {
  const text = inventedWords(oracle.vocabulary);
  return new SequenceClassifier(device, { text, ...oracle.cases[name]!.options, dropout: 0, ...more });
}

/** A model with the weights that PyTorch began with. */
function loadedModel(device: Device, name: string): SequenceClassifier {
  const model = createModel(device, name);
  model.parameters.load(fixtureTensors(name, ""));
  return model;
}

async function logitsOf(model: SequenceClassifier): Promise<number[]> {
  const { bucket: { sourceLength: length, rows }, source, sourceLengths: lengths } = fixtureBatch();
  const tape = new Tape(model.device, { training: false });
  const logits = model.logits(tape, { length, rows });
  const kept = tape.kept(logits.shape, "kept");
  copyInto(tape, logits, kept);
  const plan = await Plan.compile(tape);
  plan.run({ words: model.words(source), lengths });
  const [values] = await plan.read(kept);
  plan.close();
  return [...values!];
}

for (const [name, expected] of Object.entries(oracle.cases)) {
  Deno.test(`a SequenceClassifier (${name}) has the parameters of the same model in PyTorch`, () => {
    const model = createModel(device, name);
    const shapes = (tensors: Iterable<[string, { readonly shape: readonly number[] }]>) =>
      Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]));
    assertEquals(shapes(model.parameters.tensors), shapes(fixtureTensors(name, "")));
    model.close();
  });

  testEachProfile(
    `a SequenceClassifier (${name}) has PyTorch's loss and gradients, and after ten steps its parameters`,
    async (device) => {
      const model = loadedModel(device, name);
      const compareLogits = async (when: "before" | "after") =>
        (await logitsOf(model)).forEach((logit, row) =>
          assertNear(logit, expected.logits[when][row]!, `the logit of text ${row} ${when} training`)
        );
      await compareLogits("before");
      const run = await OneBatchTraining.create(model, fixtureBatch(), training, expected.smoothing);
      for (let step = 0; step < training.steps; step++) {
        const { loss, unsmoothed, right, norm } = await run.step();
        assertNear(loss, expected.losses[step]!, `the loss of step ${step}`);
        assertNear(norm, expected.gradient_norms[step]!, `the gradient's norm in step ${step}`);
        if (step > 0) continue;
        assertNear(unsmoothed, expected.loss_without_smoothing, "the loss without smoothing");
        assertEquals(
          right,
          oracle.labels.filter((y, i) => y === Number(expected.logits.before[i]! > 0)).length,
        );
        assertTensors(await model.parameters.read("gradients"), fixtureTensors(name, "grad."));
      }
      assertTensors(await model.parameters.read(), fixtureTensors(name, "after."));
      await compareLogits("after");
      run.close();
      model.close();
    },
  );

  testEachProfile(
    `empty rows and more padding change nothing for a SequenceClassifier (${name})`,
    async (device) => {
      const model = loadedModel(device, name);
      const run = await OneBatchTraining.create(model, fixtureBatch(3), training, expected.smoothing);
      const { loss, unsmoothed } = await run.step();
      assertNear(loss, expected.losses[0]!, "the loss");
      assertNear(unsmoothed, expected.loss_without_smoothing, "the loss without smoothing");
      assertTensors(await model.parameters.read("gradients"), fixtureTensors(name, "grad."));
      run.close();
      model.close();
    },
  );
}

testEachProfile(
  "training a SequenceClassifier with dropout is settled by its seed, bit for bit",
  async (device) => {
    const results = [];
    for (const seed of [1, 1, 2]) {
      const model = createModel(device, "gru bidirectional", { seed, dropout: 0.3 });
      const run = await OneBatchTraining.create(model, fixtureBatch(), training, 0);
      for (let step = 0; step < 5; step++) await run.step();
      results.push(await model.parameters.read());
      run.close();
      model.close();
    }
    const [first, second, other] = results;
    assertEquals(second, first);
    assert(
      first!.get("output.weight")!.data.some((value, i) => value !== other!.get("output.weight")!.data[i]),
    );
  },
);

Deno.test("a SequenceClassifier reads the last words of a text, and no text is empty", () => {
  const model = createModel(device, "lstm benchmark", { length: 3 });
  const id = (word: string) => model.text.vocabulary.id(word);
  assertEquals([...model.encodeText("word1 word2 word3")], [id("word2"), id("word3"), 3]);
  assertEquals([...model.encodeText("word1")], [2, id("word1"), 3]);
  assertEquals([...model.encodeText("")], [2, 3]);
  const wrong = [{ text: "word1 ".repeat(20), label: 2 as 0 }];
  assertThrows(() => model.encode(wrong), RangeError, 'Cannot learn the label 2 of "word1 word1');
  model.close();
});

Deno.test("the IMDB benchmark has 10,812 parameters with LSTMs and 8,109 with GRUs", () => {
  // PyTorch's two biases a gate; Keras has one in an LSTM: 10,608.
  for (const [cell, count] of [["lstm", 10_812], ["gru", 8_109]] as const) {
    const benchmark = { cell, embedding: null, layers: [50, 1], output: "state" } as const;
    const model = new SequenceClassifier(device, { text: inventedWords(5), ...benchmark });
    assertEquals(model.parameters.count, count);
    model.close();
  }
});

Deno.test("a SequenceClassifier refuses options that cannot be, by name", () => {
  const create = (options: object) => () =>
    new SequenceClassifier(device, { text: inventedWords(5), ...options });
  const before = device.bufferCount;
  assertThrows(create({ embedding: 0 }), RangeError, "embedding 0: it must be a positive integer");
  assertThrows(create({ layers: [4, 2.5] }), RangeError, "layers 2.5: it must be a positive integer");
  assertThrows(create({ layers: [] }), RangeError, "no layers: there must be at least one");
  assertThrows(create({ length: -1 }), RangeError, "length -1: it must be a positive integer");
  assertThrows(create({ dropout: 1 }), RangeError, "dropout 1: it must be in [0, 1)");
  assertThrows(create({ cell: "rnn" }), RangeError, '"rnn" cells: known are "gru" and "lstm"');
  assertThrows(create({ output: "mean" }), RangeError, 'output "mean": known are "linear" and "state"');
  assertThrows(
    create({ output: "state" }),
    RangeError,
    "the last layer must have one unit and one direction",
  );
  const both = { output: "state", layers: [1], bidirectional: true };
  assertThrows(create(both), RangeError, "the last layer must have one unit and one direction");
  assertEquals(device.bufferCount, before);
});
