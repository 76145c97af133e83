import { Tokenizer } from "../../lib/data/tokenizer.ts";
import type { Device } from "../../lib/gpu/device.ts";
import { translate } from "../../lib/inference/translate.ts";
import { LONGEST_SENTENCE } from "../../lib/models/encoded_source.ts";
import type { Translation } from "../../lib/inference/translation.ts";
import { Seq2Seq } from "../../lib/models/seq2seq.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { tinyModel, tinyPairs } from "../training/tiny.ts";
import { SUMS } from "../tolerances.ts";

/** Checks what holds for every translation. */
function checkForm(translation: Translation, model: Seq2Seq): void {
  const { text, source, target, attention } = translation;
  assertEquals([source[0], source.at(-1)], ["<sos>", "<eos>"]);
  assertEquals(attention.length, target.length);
  assert(target.length <= 2 * source.length + 10);
  assert(!target.slice(0, -1).includes("<eos>"), "it goes on after <eos>");
  if (target.length < 2 * source.length + 10) assertEquals(target.at(-1), "<eos>");
  const ids = target.map((word) => model.target.vocabulary.tokens.indexOf(word));
  assertEquals(model.target.decode(ids), text);
  for (const row of attention) {
    assertEquals(row.length, source.length);
    assert(row.every((weight) => weight >= 0));
    const sum = row.reduce((total, weight) => total + weight, 0);
    assert(Math.abs(sum - 1) < SUMS, `the attention sums to ${sum}`);
  }
}

testWithDevice("translate() gives the same for a batch as one by one, in the order given", async (device) => {
  // An untrained model seldom writes <eos>; these seeds give translations of many lengths.
  for (const seed of [1, 2, 3]) {
    const model = tinyModel(device, { seed });
    const sentences = [...tinyPairs(13).map(({ source }) => source), "one ".repeat(25), "two", ""];
    const together = await translate(model, sentences);
    const bySevens = await translate(model, sentences, { batch: 7 });
    assertEquals(together.length, sentences.length);
    for (const [index, sentence] of sentences.entries()) {
      const alone = await translate(model, sentence);
      assertEquals(alone.source, model.source.tokens(sentence));
      for (const other of [together[index]!, bySevens[index]!]) {
        assertEquals({ ...other, attention: [] }, { ...alone, attention: [] });
        const pairs = other.attention.flat().map((weight, at) => [weight, alone.attention.flat()[at]!]);
        for (const [a, b] of pairs) assert(Math.abs(a! - b!) < SUMS, `attention ${a} and ${b}`);
      }
      if (sentence !== "") checkForm(alone, model);
    }
    model.close();
  }
});

testWithDevice("translate() leaves nothing on the GPU when the model is closed", async (device) => {
  const before = device.bufferCount;
  for (let round = 0; round < 2; round++) {
    const model = tinyModel(device);
    await translate(model, ["one two", "one ".repeat(20)]);
    model.close();
    assertEquals(device.bufferCount, before);
  }
});

testWithDevice("translate() takes one text or many, also none", async (device) => {
  const model = tinyModel(device);
  const one = await translate(model, "one two");
  assertEquals(await translate(model, ["one two"]), [one]);
  assertEquals(await translate(model, []), []);
  model.close();
});

testWithDevice("translate() ends at <eos> and not before", async (device) => {
  const model = tinyModel(device);
  const bias = (word: string) => {
    const weights = new Float32Array(model.target.vocabulary.size);
    weights[model.target.vocabulary.tokens.indexOf(word)] = 1_000;
    return weights;
  };
  await overwriteBias(model, bias("<eos>"));
  const silent = await translate(model, "one two");
  assertEquals([silent.text, silent.target, silent.attention.length], ["", ["<eos>"], 1]);
  await overwriteBias(model, bias("t"));
  const endless = await translate(model, "one two");
  assertEquals(endless.target, new Array(2 * 4 + 10).fill("t"));
  checkForm(endless, model);
  model.close();
});

async function overwriteBias(model: Seq2Seq, data: Float32Array<ArrayBuffer>): Promise<void> {
  const weights = await model.parameters.read();
  weights.set("decoder.output.bias", { shape: [data.length], data });
  model.parameters.load(weights);
}

testWithDevice("translate() gives the empty text for a sentence without words", async (device) => {
  const model = tinyModel(device);
  for (const sentence of ["", "  ", "?!"]) {
    const expected = {
      ...{ text: "", source: ["<sos>", "<eos>"], target: [], attention: [], unknown: [], alternatives: [] },
      score: { logProbability: 0, normalized: 0 },
    };
    assertEquals(await translate(model, sentence), expected);
  }
  model.close();
});

testWithDevice("translate() reads unknown words as <unk>, and lists them", async (device) => {
  const model = tinyModel(device);
  const translation = await translate(model, "One eleven two Twelve eleven");
  assertEquals(translation.source, ["<sos>", "one", "eleven", "two", "twelve", "eleven", "<eos>"]);
  assertEquals(translation.unknown, ["eleven", "twelve"]);
  const other = await translate(model, "one thirty two forty fifty");
  assertEquals(translation.target, other.target);
  assertEquals(translation.attention, other.attention);
  checkForm(translation, model);
  model.close();
});

testWithDevice(
  "translate() has one source token a number, punctuation and odd spaces included",
  async (device) => {
    const source = Tokenizer.words(["Hi, Tom! (No?)"], { punctuation: true, lowerCase: false });
    const model = new Seq2Seq(device, { source, target: source, embedding: 4, hidden: 4 });
    for (const sentence of ["Hi, Tom! (No?)", "Hi,  Tom!\t(No?)", " Hi\u00a0Tom …", "\n"]) {
      const translation = await translate(model, sentence);
      assertEquals(translation.source.length, source.encode(sentence).length, JSON.stringify(sentence));
      for (const row of translation.attention) assertEquals(row.length, translation.source.length);
    }
    model.close();
  },
);

testWithDevice(
  "translate() takes sentences of up to 510 words, and says so of longer ones",
  async (device) => {
    const model = tinyModel(device, { seed: 3 });
    for (const words of [500, LONGEST_SENTENCE - 2]) {
      const translation = await translate(model, "seven ".repeat(words));
      assertEquals(translation.source.length, words + 2);
      checkForm(translation, model);
    }
    await assertRejects(
      () => translate(model, ["one", "seven ".repeat(511)]),
      RangeError,
      'Cannot translate "seven seven seven seven seven seven seve…" of 511 words: the limit is 510. Split it at its full stops.',
    );
    model.close();
  },
);

testWithDevice("translate() refuses batches that cannot be", async (device) => {
  const model = tinyModel(device);
  for (const batch of [0, -1, 1.5, NaN]) {
    await assertRejects(
      () => translate(model, ["one"], { batch }),
      RangeError,
      `Cannot translate with batch ${batch}: it must be a positive integer.`,
    );
  }
  model.close();
});

testWithDevice("translate() does not take new buffers for shapes it has seen", async (device: Device) => {
  const model = tinyModel(device);
  const counts: number[] = [];
  for (const text of ["one two", "two one", "six"]) {
    await translate(model, [text, "seven six", text]);
    counts.push(device.bufferCount.buffers);
  }
  assertEquals(new Set(counts).size, 1);
  model.close();
});
