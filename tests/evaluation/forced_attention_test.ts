// Where a model looks while it is given a translation: the same places as when it writes that translation itself.

import { alignment, alignmentErrorRate } from "../../lib/evaluation/alignment.ts";
import { forcedAttention } from "../../lib/evaluation/forced_attention.ts";
import { translate } from "../../lib/inference/translate.ts";
import type { Seq2SeqOptions } from "../../lib/models/seq2seq.ts";
import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { tinyModel, tinyPairs } from "../training/tiny.ts";
import { SUMS } from "../tolerances.ts";

const pairs = tinyPairs(9).map(({ source }, index, all) => ({ source, target: all.at(-1 - index)!.target }));

const models: Seq2SeqOptions[] = [
  {},
  { reverseSource: true, cell: "lstm", layers: 2 },
  { decoder: "luong", attention: "location", locations: 4 },
  { span: "local-p", window: 2, attention: "scaled-dot" },
  { span: "local-m", window: 1 },
  { coverage: true, copy: true },
  { decoder: "luong", inputFeeding: false, tied: "output", readoutWidth: 4 },
];

for (const options of models) {
  testWithDevice(
    `forcedAttention() looks where translate() must: ${JSON.stringify(options)}`,
    async (device) => {
      const model = tinyModel(device, { seed: 3, ...options });
      const prefix = pairs.map(({ target }) => target.toLowerCase());
      const written = await translate(model, pairs.map(({ source }) => source), { prefix });
      const before = device.bufferCount;
      const forced = await forcedAttention(model, pairs, { batch: 4 });
      assertEquals(device.bufferCount, before);
      for (const [index, { source, target, attention }] of forced.entries()) {
        assertEquals(source, written[index]!.source);
        assertEquals(target, [...prefix[index]!.split(" "), "<eos>"]);
        assertEquals(attention.length, target.length);
        for (const [t, row] of attention.entries()) {
          const expected = written[index]!.attention[t]!;
          assertEquals(row.length, expected.length);
          // The same sums of 32-bit numbers, by kernels for one step or for all: a few dozen roundings of 2^-24.
          row.forEach((weight, s) => assert(Math.abs(weight - expected[s]!) < SUMS, `${index} ${t} ${s}`));
        }
      }
      model.close();
    },
  );
}

testWithDevice("forcedAttention() takes sides without words, and words that nobody knows", async (device) => {
  const model = tinyModel(device, { copy: true });
  const [empty, unknown] = await forcedAttention(model, [
    { source: "", target: "" },
    { source: "eleven one", target: "eleven twelve" },
  ]);
  assertEquals([empty!.source, empty!.target], [["<sos>", "<eos>"], ["<eos>"]]);
  assertEquals(unknown!.target, ["eleven", "twelve", "<eos>"]);
  assertEquals(alignment(empty!), []);
  model.close();
});

testWithDevice("forcedAttention() refuses what cannot be forced, and says why", async (device) => {
  const blind = tinyModel(device, { decoder: "cho" });
  const pair = { source: "one", target: "O" };
  await assertRejects(
    () => forcedAttention(blind, [pair]),
    RangeError,
    'a model with the decoder "cho" looks: it has no attention',
  );
  blind.close();
  const model = tinyModel(device);
  for (const batch of [0, 1.5]) {
    await assertRejects(
      () => forcedAttention(model, [pair], { batch }),
      RangeError,
      `batch ${batch}: it must`,
    );
  }
  await assertRejects(
    () => forcedAttention(model, [pair, { source: "two", target: "T ".repeat(600) }]),
    RangeError,
    'Cannot force the translation of "two"',
  );
  assertEquals(await forcedAttention(model, []), []);
  model.close();
});

testWithDevice("a trained model aligns references, and the alignment error rate falls", async (device) => {
  const pairs = tinyPairs(400);
  const gold = pairs.map(({ source }) => ({
    sure: source.split(" ").map((_, position) => [position, position] as const),
    possible: [],
  }));
  const model = tinyModel(device, { embedding: 12, hidden: 24, dropout: 0 });
  const links = async () => (await forcedAttention(model, pairs)).map((attended) => alignment(attended));
  const before = alignmentErrorRate(await links(), gold);
  for await (const _ of train(model, pairs, { epochs: 6, batch: 16, learningRate: 0.01 }));
  const after = alignmentErrorRate(await links(), gold);
  // Links at random are right one time in four or so; a model that has learned which word is which misses few.
  assert(before > 0.5 && after < 0.25, `alignment error rate ${before} before and ${after} after training`);
  model.close();
});
