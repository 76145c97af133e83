// What translate() can be asked for, with a model whose words are known beforehand, and what it refuses.

import { Tokenizer } from "../../lib/data/tokenizer.ts";
import type { Device } from "../../lib/gpu/device.ts";
import type { TranslateOptions } from "../../lib/inference/decoding_options.ts";
import { translate } from "../../lib/inference/translate.ts";
import { Seq2Seq, type Seq2SeqOptions } from "../../lib/models/seq2seq.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { tinyModel, tinyPairs } from "../training/tiny.ts";
import { FEW_ROUNDINGS } from "../tolerances.ts";

const sentences = tinyPairs(9).map(({ source }) => source);

/** Makes some words likelier, by so much. */
async function favour(model: Seq2Seq, words: Readonly<Record<string, number>>): Promise<void> {
  const weights = await model.parameters.read();
  const { shape, data } = weights.get("decoder.output.bias")!;
  for (const [word, more] of Object.entries(words)) {
    data[model.target.vocabulary.tokens.indexOf(word)]! += more;
  }
  weights.set("decoder.output.bias", { shape, data });
  model.parameters.load(weights);
}

testWithDevice("translate() by beam search gives the same for a batch as one by one", async (device) => {
  for (
    const options of [{}, { decoder: "luong", cell: "lstm", layers: 2 }, { copy: true }] as Seq2SeqOptions[]
  ) {
    const model = tinyModel(device, { seed: 3, ...options });
    await favour(model, { "<eos>": 1 });
    const decoding = { beam: 4, nBest: 3, coveragePenalty: 0.2, noRepeatNgram: 2 };
    const together = await translate(model, sentences, decoding);
    const byTwos = await translate(model, sentences, { ...decoding, batch: 2 });
    for (const [index, sentence] of sentences.entries()) {
      const alone = await translate(model, sentence, decoding);
      assertEquals(alone.alternatives.length, 2);
      const all = [alone, ...alone.alternatives];
      const scores = all.filter(({ target }) => target.at(-1) === "<eos>").map(({ score }) =>
        score.normalized
      );
      assertEquals(scores.toSorted((a, b) => b - a), scores);
      for (const other of [together[index]!, byTwos[index]!]) {
        assertEquals(
          [other, ...other.alternatives].map(({ target }) => target),
          all.map(({ target }) => target),
        );
      }
    }
    model.close();
  }
});

testWithDevice("translate() keeps to lengths, prefixes and other rules", async (device) => {
  const model = tinyModel(device, { seed: 1 });
  await favour(model, { "<eos>": 3 });
  for (const beam of [1, 3]) {
    const long = await translate(model, sentences, { beam, minLength: 8, maxLength: 9 });
    assert(long.every(({ target }) => target.length === 8 || target.length === 9));
    assert(long.some(({ target }) => target.at(-1) === "<eos>"));
    const [one, all] = [{ beam, prefix: "F s" }, {
      beam,
      prefix: sentences.map((_, index) => index % 2 ? "T" : ""),
    }];
    assert((await translate(model, sentences, one)).every(({ text }) => text.startsWith("f s")));
    const some = await translate(model, sentences, all);
    const plain = await translate(model, sentences, { beam });
    some.forEach(({ text }, index) => {
      if (index % 2) assert(text.startsWith("t"), text);
      else assertEquals(text, plain[index]!.text);
    });
    const varied = await translate(model, sentences, { beam, minLength: 6, maxLength: 6, noRepeatNgram: 1 });
    for (const { target } of varied) assertEquals(new Set(target).size, target.length);
  }
  model.close();
});

testWithDevice(
  "translate() replaces <unk> by the word looked at most, or never writes it",
  async (device) => {
    for (const reverseSource of [false, true]) {
      const model = tinyModel(device, { seed: 4, reverseSource });
      await favour(model, { "<unk>": 9 });
      const options = { maxLength: 5 };
      const plain = await translate(model, "one eleven two twelve", options);
      assertEquals(plain.text, new Array(5).fill("<unk>").join(" "));
      const replaced = await translate(model, "one eleven two twelve", { ...options, replaceUnknown: true });
      assertEquals(replaced.target, plain.target);
      const words = replaced.attention.map((row) => {
        const inner = row.slice(1, -1);
        return replaced.source[1 + inner.indexOf(Math.max(...inner))]!;
      });
      assertEquals(replaced.text, words.join(" "));
      const avoided = await translate(model, "one eleven two twelve", { ...options, avoidUnknown: true });
      assert(!avoided.target.includes("<unk>"));
      model.close();
    }
  },
);

testWithDevice(
  "translate() gives attention to words as they stand, though they are read backwards",
  async (device) => {
    const source = Tokenizer.words(["one two three four"]);
    const create = (reverseSource: boolean) =>
      new Seq2Seq(device, { source, target: source, embedding: 4, hidden: 5, reverseSource });
    const [forward, backward] = [create(false), create(true)];
    backward.parameters.load(await forward.parameters.read());
    const a = await translate(forward, "four one three two");
    const b = await translate(backward, "two three one four");
    assertEquals(a.target, b.target);
    a.attention.forEach((row, t) => {
      const other = b.attention[t]!;
      const turned = [other[0]!, ...other.slice(1, -1).reverse(), other.at(-1)!];
      row.forEach((weight, s) => assert(Math.abs(weight - turned[s]!) < FEW_ROUNDINGS));
    });
    for (const model of [forward, backward]) model.close();
  },
);

testWithDevice("translate() writes words that were copied from the source", async (device) => {
  const model = tinyModel(device, { copy: true });
  // Never generate: the gate's bias is far below 0.
  const weights = await model.parameters.read();
  weights.set("decoder.copy.bias", { shape: [1], data: Float32Array.of(-30) });
  model.parameters.load(weights);
  for (const options of [{}, { beam: 3 }] as TranslateOptions[]) {
    const { target } = await translate(model, "eleven two eleven", { ...options, maxLength: 4 });
    assert(
      target.length > 0 && target.every((word) => ["eleven", "two", "<eos>"].includes(word)),
      target.join(" "),
    );
  }
  model.close();
});

testWithDevice(
  "translate() with several models agrees with one, and needs them to be alike",
  async (device) => {
    const [model, other] = [tinyModel(device, { seed: 1 }), tinyModel(device, { seed: 2 })];
    for (const options of [{}, { beam: 3 }, { mean: "logarithms" }] as TranslateOptions[]) {
      const alone = await translate(model, sentences, { ...options, mean: undefined });
      const twice = await translate([model, model], sentences, options);
      assertEquals(twice.map(({ target }) => target), alone.map(({ target }) => target));
      const both = await translate([model, other], sentences, options);
      assert(both.some(({ text }, index) => text !== alone[index]!.text));
    }
    const strangers = [
      new Seq2Seq(device, {
        source: model.source,
        target: Tokenizer.words(["another"]),
        embedding: 4,
        hidden: 6,
      }),
      tinyModel(device, { reverseSource: true }),
    ];
    for (const stranger of strangers) {
      await assertRejects(
        () => translate([model, stranger], "one"),
        RangeError,
        "same tokenizers, reverseSource and copy",
      );
      stranger.close();
    }
    await assertRejects(() => translate([], "one"), RangeError, "Cannot translate without a model.");
    const before = device.bufferCount.buffers;
    other.close();
    assert(device.bufferCount.buffers < before, "the plans of both are still there");
    model.close();
  },
);

testWithDevice("translate() draws the same words for a sentence whatever the batch", async (device) => {
  const model = tinyModel(device, { seed: 1 });
  const options = { sampling: { temperature: 1.5, topK: 6, topP: 0.95, seed: 11 }, nBest: 3 };
  const together = await translate(model, sentences, options);
  const byTwos = await translate(model, sentences, { ...options, batch: 2 });
  assertEquals(byTwos.map(({ text }) => text), together.map(({ text }) => text));
  assert(together.every(({ alternatives }) => alternatives.length === 2));
  const other = await translate(model, sentences, {
    ...options,
    sampling: { ...options.sampling, seed: 12 },
  });
  assert(other.some(({ text }, index) => text !== together[index]!.text));
  model.close();
});

async function refuses(model: Seq2Seq, options: TranslateOptions, message: string): Promise<void> {
  await assertRejects(() => translate(model, ["one two", "two"], options), RangeError, message);
}

testWithDevice(
  "translate() refuses options that cannot be, or do not go together, and says why",
  async (device) => {
    const model = tinyModel(device);
    await refuses(model, { beam: 0 }, "Cannot translate with beam 0: it must be an integer from 1 to 32.");
    await refuses(model, { beam: 33 }, "Cannot translate with beam 33: it must be an integer from 1 to 32.");
    await refuses(
      model,
      { beam: 2, nBest: 3 },
      "Cannot translate with nBest 3 and beam 2: a beam finds as many",
    );
    await refuses(
      model,
      { lengthPenalty: -1 },
      "Cannot translate with lengthPenalty -1: it must be at least 0.",
    );
    const nothingToRank = "it ranks the translations of a sentence, and only one is looked for; set";
    for (
      const [options, message] of [
        [{ lengthPenalty: 0 }, `lengthPenalty 0: ${nothingToRank} beam above 1, or leave lengthPenalty out.`],
        [
          { coveragePenalty: 0.2 },
          `coveragePenalty 0.2: ${nothingToRank} beam above 1, or leave coveragePenalty`,
        ],
        [{ sampling: {}, lengthPenalty: 1 }, `lengthPenalty 1: ${nothingToRank} nBest above 1, or`],
        [
          { mean: "probabilities" },
          'mean "probabilities": there is one model, and nothing to take a mean of. Give',
        ],
      ] as const
    ) await refuses(model, options, message);
    await translate(model, "one two", { coveragePenalty: 0 });
    await translate(model, "one two", { sampling: {}, nBest: 2, lengthPenalty: 1 });
    await refuses(model, { coveragePenalty: NaN }, "coveragePenalty NaN: it must be at least 0.");
    await refuses(model, { minLength: 1.5 }, "minLength 1.5: it must be an integer of at least 0.");
    await refuses(model, { maxLength: 0 }, "maxLength 0: it must be a positive integer.");
    await refuses(
      model,
      { minLength: 5, maxLength: 4 },
      "minLength 5 and maxLength 4: no translation has both.",
    );
    await refuses(model, { noRepeatNgram: -1 }, "noRepeatNgram -1");
    await refuses(model, { avoidUnknown: true, replaceUnknown: true }, "there is no <unk> to replace");
    await refuses(
      model,
      { sampling: {}, beam: 2 },
      "sampling and beam 2: words are either drawn or searched for.",
    );
    await refuses(model, { sampling: { temperature: 0 } }, "temperature 0: it must be above 0");
    await refuses(model, { sampling: { topK: 0 } }, "topK 0");
    await refuses(model, { sampling: { topP: 1.1 } }, "topP 1.1: it must be above 0 and at most 1.");
    await refuses(model, { sampling: { seed: -1 } }, "seed -1");
    await refuses(
      model,
      { prefix: ["t"] },
      "Cannot translate 2 sentences with 1 prefixes: give one for each.",
    );
    await refuses(
      model,
      { prefix: "t hello you" },
      'with the prefix "t hello you": the model does not know "hello", "you".',
    );
    await refuses(
      model,
      { prefix: "t t t", maxLength: 3 },
      'Cannot translate "one two" with a prefix of 3 words',
    );
    model.close();
    const blind = tinyModel(device, { decoder: "cho" });
    await refuses(
      blind,
      { beam: 2, coveragePenalty: 1 },
      "with coveragePenalty: it goes by attention, and the model has none.",
    );
    await refuses(blind, { replaceUnknown: true }, "with replaceUnknown: it goes by attention");
    assertEquals((await translate(blind, "one two", { beam: 2 })).attention.flat(), []);
    blind.close();
  },
);

testWithDevice("translate() closes what several calls at a time have made", async (device: Device) => {
  const before = device.bufferCount;
  const model = tinyModel(device);
  const calls = [{ beam: 3 }, {}, { beam: 3, noRepeatNgram: 2 }] as TranslateOptions[];
  const together = await Promise.all(calls.map((options) => translate(model, sentences, options)));
  for (const [index, options] of calls.entries()) {
    const alone = await translate(model, sentences, options);
    assertEquals(together[index]!.map(({ target }) => target), alone.map(({ target }) => target));
  }
  model.close();
  assertEquals(device.bufferCount, before);
});
