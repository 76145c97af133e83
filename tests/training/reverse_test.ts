// The learning task: whoever can reverse strings of digits has encoder, attention, decoder and optimizer in order.

import { exactMatch } from "../../lib/evaluation/exact_match.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { translate } from "../../lib/inference/translate.ts";
import { Seq2Seq } from "../../lib/models/seq2seq.ts";
import { Random } from "../../lib/random.ts";
import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assert } from "../assert.ts";

const UNSEEN = 400;
const SEEN = 5_000;

/** Different strings of 1 to 12 digits, with their reversals. */
function reversals(count: number): { source: string; target: string }[] {
  const random = new Random(1);
  const strings = new Set<string>();
  while (strings.size < count) {
    const length = 1 + random.integer(12);
    strings.add(Array.from({ length }, () => random.integer(10)).join(" "));
  }
  // Short strings are soon exhausted, so the late ones are long: shuffled, both parts have all lengths.
  return random.shuffle([...strings]).map((source) => ({
    source,
    target: source.split(" ").reverse().join(" "),
  }));
}

testWithDevice("train() learns to reverse digits, to 99 % on unseen strings", async (device) => {
  const pairs = reversals(UNSEEN + SEEN);
  const unseen = pairs.slice(0, UNSEEN);
  const seen = pairs.slice(UNSEEN);
  const digits = Tokenizer.words(["0 1 2 3 4 5 6 7 8 9"]);
  const model = new Seq2Seq(device, {
    source: digits,
    target: digits,
    embedding: 16,
    hidden: 48,
    dropout: 0,
    seed: 1,
  });
  for (
    const { epochs, learningRate } of [{ epochs: 3, learningRate: 0.006 }, {
      epochs: 1,
      learningRate: 0.001,
    }]
  ) {
    for await (const { loss } of train(model, seen, { epochs, learningRate, batch: 64 })) {
      assert(Number.isFinite(loss));
    }
  }
  const translations = await translate(model, unseen.map(({ source }) => source));
  const exact = exactMatch(translations.map(({ text }) => text), unseen.map(({ target }) => target));
  model.close();
  assert(exact >= 0.99, `${100 * exact} % of the unseen strings came out right`);
});
