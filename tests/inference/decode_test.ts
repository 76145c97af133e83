// Decoding on the GPU against plain loops, word for word: batches of mixed lengths, all rules, n-best lists and scores.

import type { Device } from "../../lib/gpu/device.ts";
import { decode, type Decoding } from "../../lib/inference/decode.ts";
import type { Hypothesis } from "../../lib/inference/hypotheses.ts";
import { Random } from "../../lib/random.ts";
import { assert, assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import { referenceBeam, type ReferenceHypothesis, type ReferenceRules } from "./reference_beam.ts";
import { ToyDecoder } from "./toy_decoder.ts";

const CLASSES = 23;

const DEFAULTS: Decoding = {
  lengthPenalty: 0,
  coveragePenalty: 0,
  minLength: 0,
  noRepeatNgram: 0,
  avoidUnknown: false,
  sampling: undefined,
  copies: 1,
  seed: 1,
  mean: "probabilities",
  limitOf: (length) => 2 * length + 10,
};

/** Sources of 2 to 12 words. */
function sources(count: number): Uint32Array[] {
  const random = new Random(count);
  return Array.from(
    { length: count },
    () => Uint32Array.from({ length: 2 + random.integer(11) }, () => 4 + random.integer(CLASSES - 4)),
  );
}

/** Fails unless the hypotheses are the same in the same order, with the same scores and attention. */
function assertSame(
  actual: readonly Hypothesis[],
  expected: readonly ReferenceHypothesis[],
  what: string,
): void {
  assertEquals(actual.map(({ ids }) => ids), expected.map(({ ids }) => ids), what);
  expected.forEach(({ logProbability, normalized, attention }, rank) => {
    const found = actual[rank]!;
    // Sums of up to 34 logarithms, each from logits that are good to some units in the last place.
    const close = (a: number, b: number) => Math.abs(a - b) <= 1e-5 * Math.max(1, Math.abs(b));
    assert(
      close(found.logProbability, logProbability),
      `${what}: ${found.logProbability}, expected ${logProbability}`,
    );
    assert(close(found.normalized, normalized), `${what}: score ${found.normalized}, expected ${normalized}`);
    assertEquals(found.attention.length, attention.length);
    attention.forEach((row, t) =>
      row.forEach((x, s) => assert(close(found.attention[t]![s]!, x), `${what}: attention`))
    );
  });
}

interface Case {
  readonly name: string;
  readonly decoding?: Partial<Decoding>;
  readonly rules?: Partial<ReferenceRules>;
  readonly prefixes?: readonly (readonly number[])[];
}

async function check(
  device: Device,
  { name, decoding = {}, rules = {}, prefixes = [] }: Case,
): Promise<void> {
  const options = { ...DEFAULTS, ...decoding };
  let [ended, cut] = [0, 0];
  for (const seed of [1, 2, 3]) {
    const model = new ToyDecoder(device, CLASSES, seed, 2.5);
    const batch = sources(7).map((source, index) => {
      const limit = options.limitOf(source.length);
      return { source, limit, prefix: prefixes[index % Math.max(1, prefixes.length)] ?? [], number: index };
    });
    const { lengthPenalty, coveragePenalty, minLength, noRepeatNgram } = options;
    const found = await decode([model], batch, options);
    batch.forEach(({ source, limit, prefix }, index) => {
      const expected = referenceBeam(model.reference(source), {
        ...{ beam: options.copies, limit, prefix, lengthPenalty, coveragePenalty, minLength, noRepeatNgram },
        ...rules,
      });
      assertSame(found[index]!, expected, `${name}, model ${seed}, sentence ${index}`);
      for (const { ids } of expected) ids.at(-1) === 3 ? ended++ : cut++;
    });
    model.close();
  }
  const shares = `${name}: of ${ended + cut} hypotheses ${cut} were cut off`;
  assert(ended > 0 && ended > cut / 8, shares);
}

const cases: readonly Case[] = [
  { name: "greedily" },
  { name: "with a beam of 2", decoding: { copies: 2 } },
  { name: "with a beam of 5", decoding: { copies: 5 } },
  { name: "with a beam larger than the vocabulary", decoding: { copies: 31, limitOf: () => 6 } },
  { name: "with a length penalty", decoding: { copies: 5, lengthPenalty: 1 } },
  { name: "with a coverage penalty", decoding: { copies: 5, lengthPenalty: 0.6, coveragePenalty: 0.4 } },
  { name: "greedily of a least length", decoding: { minLength: 9 } },
  { name: "of a least length", decoding: { copies: 4, minLength: 9 } },
  { name: "of one word", decoding: { copies: 3, limitOf: () => 1 } },
  { name: "of mixed limits", decoding: { copies: 3, limitOf: (length) => length } },
  { name: "greedily without repeated words", decoding: { noRepeatNgram: 1 } },
  { name: "without repeated words", decoding: { copies: 4, noRepeatNgram: 1 } },
  { name: "without repeated pairs", decoding: { copies: 4, noRepeatNgram: 2, minLength: 12 } },
  { name: "without repeated triples", decoding: { copies: 3, noRepeatNgram: 3, minLength: 20 } },
  { name: "with a forced prefix", decoding: { copies: 4 }, prefixes: [[7, 8, 7], [], [9]] },
  { name: "greedily with a forced prefix", prefixes: [[7, 8, 7], [], [9]] },
  {
    name: "with a forced prefix that repeats a pair",
    decoding: { copies: 4, noRepeatNgram: 2, minLength: 8 },
    prefixes: [[7, 8, 7, 8], [5], []],
  },
  { name: "without <unk>", decoding: { copies: 4, avoidUnknown: true }, rules: { never: [0, 1, 2] } },
];
for (const row of cases) {
  testEachProfile(`decode() ${row.name} equals plain loops, word for word`, (device) => check(device, row));
}
