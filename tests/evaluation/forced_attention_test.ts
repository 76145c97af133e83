// Where a model looks while it is given a translation: the same places as when it writes that translation itself.

import { alignment, alignmentErrorRate } from "../../lib/evaluation/alignment.ts";
import { forcedAttention } from "../../lib/evaluation/forced_attention.ts";
import { translate } from "../../lib/inference/translate.ts";
import type { Seq2SeqOptions } from "../../lib/models/seq2seq.ts";
import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { tinyModel, tinyPairs } from "../training/tiny.ts";

const sources = [...tinyPairs(9).map(({ source }) => source), "one eleven two twelve", ""];

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
    `forcedAttention() looks where translate() did: ${JSON.stringify(options)}`,
    async (device) => {
      const model = tinyModel(device, { seed: 3, ...options });
      const before = device.bufferCount;
      const written = await translate(model, sources, { maxLength: 7 });
      const pairs = written.map(({ text }, index) => ({ source: sources[index]!, target: text }));
      const alone = device.bufferCount;
      const forced = await forcedAttention(model, pairs, { batch: 4 });
      assertEquals(device.bufferCount, alone);
      assert(alone.buffers > before.buffers);
      for (const [index, { source, target, attention }] of forced.entries()) {
        assertEquals(source, written[index]!.source);
        assertEquals([attention.length, target.at(-1)], [target.length, "<eos>"]);
        assertEquals(target, model.target.tokens(pairs[index]!.target).slice(1));
        for (const [t, row] of written[index]!.attention.entries()) {
          // The same sums of 32-bit numbers, in steps of one plan or of another: 2^-24 each, a few dozen of them.
          row.forEach((weight, s) =>
            assert(Math.abs(weight - attention[t]![s]!) < 1e-5, `${index} ${t} ${s}`)
          );
        }
      }
      model.close();
    },
  );
}

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
