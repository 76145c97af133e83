// Learning tasks: whoever can copy, reverse and sort strings of digits has encoder, attention, decoder and optimizer in
// order, and whoever can copy words it has never seen, the pointer.

import { exactMatch } from "../../lib/evaluation/exact_match.ts";
import type { Pair } from "../../lib/data/pair.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { translate } from "../../lib/inference/translate.ts";
import { Seq2Seq, type Seq2SeqOptions } from "../../lib/models/seq2seq.ts";
import { Random } from "../../lib/random.ts";
import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals } from "../assert.ts";

const UNSEEN = 400;
const SEEN = 5_000;

/** Different strings of 1 to 12 digits, and what each task makes of them. */
function strings(count: number, answer: (digits: string[]) => string[]): Pair[] {
  const random = new Random(1);
  const strings = new Set<string>();
  while (strings.size < count) {
    const length = 1 + random.integer(12);
    strings.add(Array.from({ length }, () => random.integer(10)).join(" "));
  }
  // Short strings are soon exhausted, so the late ones are long: shuffled, both parts have all lengths.
  return random.shuffle([...strings]).map((source) => ({
    source,
    target: answer(source.split(" ")).join(" "),
  }));
}

/** The tasks, and a model of each kind of attention for one of them. */
const tasks: readonly {
  readonly name: string;
  readonly answer: (digits: string[]) => string[];
  readonly options: Seq2SeqOptions;
  readonly epochs: number;
}[] = [
  { name: "reverse", answer: (digits) => digits.toReversed(), options: {}, epochs: 3 },
  { name: "copy", answer: (digits) => digits, options: { decoder: "luong", cell: "lstm" }, epochs: 3 },
  { name: "sort", answer: (digits) => digits.toSorted(), options: {}, epochs: 6 },
];

/** Trains a model, fails unless it then has 99 % of the unseen strings right, and closes it. */
async function checkLearning(
  model: Seq2Seq,
  seen: readonly Pair[],
  unseen: readonly Pair[],
  epochs: number,
): Promise<void> {
  for (const schedule of [{ epochs, learningRate: 0.006 }, { epochs: 1, learningRate: 0.001 }]) {
    for await (const { loss } of train(model, seen, { ...schedule, batch: 64 })) {
      assert(Number.isFinite(loss));
    }
  }
  const translations = await translate(model, unseen.map(({ source }) => source));
  const exact = exactMatch(translations.map(({ text }) => text), unseen.map(({ target }) => target));
  model.close();
  assert(exact >= 0.99, `${100 * exact} % of the unseen strings came out right`);
}

for (const { name, answer, options, epochs } of tasks) {
  const made = JSON.stringify(options);
  testWithDevice(`a Seq2Seq ${made} learns to ${name} digits, to 99 % on unseen strings`, async (device) => {
    const pairs = strings(UNSEEN + SEEN, answer);
    const unseen = pairs.slice(0, UNSEEN);
    const seen = pairs.slice(UNSEEN);
    const digits = Tokenizer.words(["0 1 2 3 4 5 6 7 8 9"]);
    const sizes = { embedding: 16, hidden: 48, dropout: 0 };
    const model = new Seq2Seq(device, { source: digits, target: digits, ...sizes, ...options });
    await checkLearning(model, seen, unseen, epochs);
  });
}

/** Strings of digits and of invented words, each of which comes once. */
function withNewWords(count: number): Pair[] {
  const random = new Random(2);
  const invent = () => Array.from({ length: 8 }, () => "bcdfghjklm"[random.integer(10)]).join("");
  const token = () => random.uniform() < 0.3 ? invent() : String(random.integer(10));
  return Array.from({ length: count }, () => {
    const text = Array.from({ length: 1 + random.integer(6) }, token).join(" ");
    return { source: text, target: text };
  });
}

testWithDevice("a pointer copies words that it has never seen, to 99 % on unseen strings", async (device) => {
  const pairs = withNewWords(UNSEEN + SEEN);
  const [unseen, seen] = [pairs.slice(0, UNSEEN), pairs.slice(UNSEEN)];
  const tokenizer = Tokenizer.words(seen.map(({ source }) => source), { minFrequency: 2 });
  assertEquals(tokenizer.vocabulary.size, 14, "the digits, and four special words");
  const sizes = { embedding: 16, hidden: 48, dropout: 0, copy: true };
  const model = new Seq2Seq(device, { source: tokenizer, target: tokenizer, ...sizes });
  await checkLearning(model, seen, unseen, 3);
});
