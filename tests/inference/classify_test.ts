import { classify } from "../../lib/inference/classify.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { tinyClassifier, tinyTexts } from "../training/tiny.ts";
import { FEW_ROUNDINGS } from "../tolerances.ts";

const texts = tinyTexts(37).map(({ text }) => text);

testWithDevice(
  "classify() answers in order, whatever the batch, with one text as with many",
  async (device) => {
    for (const options of [{}, { embedding: null, layers: [3, 1], output: "state" }] as const) {
      const model = tinyClassifier(device, options);
      const expected = await classify(model, texts);
      assertEquals(expected.length, texts.length);
      assert(new Set(expected.map(({ probability }) => probability)).size > 10);
      for (const batch of [1, 5, 37]) {
        for (const [i, { probability, label }] of (await classify(model, texts, { batch })).entries()) {
          assert(Math.abs(probability - expected[i]!.probability) < FEW_ROUNDINGS);
          assertEquals(label, probability > 0.5 ? 1 : 0);
        }
      }
      const { probability } = await classify(model, texts[3]!);
      assert(Math.abs(probability - expected[3]!.probability) < FEW_ROUNDINGS);
      model.close();
    }
  },
);

testWithDevice(
  "classify() reads the last words, knows empty texts, and leaves no buffers",
  async (device) => {
    const before = device.bufferCount;
    const model = tinyClassifier(device, { length: 4 });
    const [long, short, empty] = await classify(model, [
      "one two three four five six",
      "zero four five six",
      "",
    ]);
    assertEquals(long, short);
    assert(empty!.probability > 0 && empty!.probability < 1);
    assertEquals(await classify(model, []), []);
    await assertRejects(
      () => classify(model, texts, { batch: 0 }),
      RangeError,
      "Cannot classify with batch 0",
    );
    model.close();
    assertEquals(device.bufferCount, before);
  },
);
