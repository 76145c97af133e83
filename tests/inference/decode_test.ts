// Decoding on the GPU against plain loops, word for word: batches of mixed lengths, all rules, n-best lists and scores.

import type { Device } from "../../lib/gpu/device.ts";
import { decode, type Decoding } from "../../lib/inference/decode.ts";
import type { Hypothesis } from "../../lib/inference/hypotheses.ts";
import type { Mean } from "../../lib/ops/mixture.ts";
import { Random } from "../../lib/random.ts";
import { assert, assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import {
  referenceBeam,
  type ReferenceHypothesis,
  type ReferenceModel,
  type ReferenceRules,
} from "./reference_beam.ts";
import { ToyDecoder } from "./toy_decoder.ts";
import { SUMS } from "../tolerances.ts";

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
    const close = (a: number, b: number) => Math.abs(a - b) <= SUMS * Math.max(1, Math.abs(b));
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
      return {
        ids: source,
        limit,
        prefix: prefixes[index % Math.max(1, prefixes.length)] ?? [],
        number: index,
      };
    });
    const { lengthPenalty, coveragePenalty, minLength, noRepeatNgram } = options;
    const found = await decode([model], batch, options);
    batch.forEach(({ ids: source, limit, prefix }, index) => {
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

testEachProfile("decode() with several models equals plain loops over their mean", async (device) => {
  for (const mean of ["probabilities", "logarithms"] as const) {
    const models = [new ToyDecoder(device, CLASSES, 4, 2), new ToyDecoder(device, CLASSES, 5, 2)];
    const batch = sources(5).map((ids, number) => ({ ids, limit: 15, prefix: [], number }));
    const options = { ...DEFAULTS, copies: 4, coveragePenalty: 0.3, mean, limitOf: () => 15 };
    const found = await decode(models, batch, options);
    batch.forEach(({ ids }, index) => {
      const { beam, limit, coveragePenalty } = { ...options, beam: options.copies, limit: 15 };
      const reference = meanOf(models.map((model) => model.reference(ids)), mean);
      assertSame(
        found[index]!,
        referenceBeam(reference, { beam, limit, coveragePenalty }),
        `sentence ${index}`,
      );
    });
    for (const model of models) model.close();
  }
});

/** Several models as one, by the definition. */
function meanOf<State>(models: readonly ReferenceModel<State>[], mean: Mean): ReferenceModel<State[]> {
  const average = (rows: readonly (readonly number[])[]) =>
    rows[0]!.map((_, i) => rows.reduce((sum, row) => sum + row[i]! / rows.length, 0));
  return {
    initial: models.map(({ initial }) => initial),
    step(word, state, t) {
      const steps = models.map((model, index) => model.step(word, state[index]!, t));
      const logs = steps.map(({ logits }) => {
        const normalizer = Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0));
        return logits.map((x) => x - normalizer);
      });
      return {
        logits: mean === "logarithms"
          ? average(logs)
          : average(logs.map((row) => row.map(Math.exp))).map(Math.log),
        attention: average(steps.map(({ attention }) => attention)),
        state: steps.map((step) => step.state),
      };
    },
  };
}

testEachProfile("decode() draws words whose scores are the model's, whatever the batch", async (device) => {
  const model = new ToyDecoder(device, CLASSES, 6, 2);
  const batch = sources(6).map((ids, number) => ({ ids, limit: 12, prefix: [], number }));
  const sampling = { temperature: 1.2, topK: 12, topP: 0.9 };
  const options = { ...DEFAULTS, sampling, copies: 3, seed: 7, limitOf: () => 12, minLength: 3 };
  const found = await decode([model], batch, options);
  batch.forEach(({ ids: source }, index) => {
    assertEquals(found[index]!.length, 3);
    for (const { ids, logProbability, attention } of found[index]!) {
      assert(ids.length >= 3 && !ids.includes(0) && !ids.includes(2), `drew ${ids}`);
      // The words that were drawn as a forced prefix: the same probability, the same attention.
      const ended = ids.at(-1) === 3;
      const prefix = ended ? ids.slice(0, -1) : ids;
      const rules = {
        beam: 1,
        limit: ids.length,
        prefix,
        never: Array.from({ length: CLASSES }, (_, v) => v).filter((v) => v !== 3),
      };
      const [forced] = referenceBeam(model.reference(source), rules);
      assertEquals(forced!.ids, ids);
      assert(Math.abs(forced!.logProbability - logProbability) <= SUMS * Math.abs(logProbability));
      attention.forEach((row, t) =>
        forced!.attention[t]!.forEach((x, s) => assert(Math.abs(row[s]! - x) < SUMS))
      );
    }
  });
  assert(new Set(found.flat().map(({ ids }) => ids.join())).size > 9, "samples are alike");
  const alone = await decode([model], [batch[4]!], options);
  assertEquals(alone[0]!.map(({ ids }) => ids), found[4]!.map(({ ids }) => ids));
  const others = await decode([model], batch, { ...options, seed: 8 });
  const same = others.flat().filter(({ ids }, index) => ids.join() === found.flat()[index]!.ids.join());
  assert(same.length < 9, `${same.length} of 18 samples are the same with another seed`);
  model.close();
});

testEachProfile("decode() of the likeliest word at random is greedy decoding", async (device) => {
  const model = new ToyDecoder(device, CLASSES, 6, 2);
  const batch = sources(6).map((ids, number) => ({ ids, limit: 12, prefix: [5], number }));
  const options = { ...DEFAULTS, limitOf: () => 12, noRepeatNgram: 2 };
  const sampling = { temperature: 1, topK: 1, topP: 1 };
  const [greedy, sampled] = [
    await decode([model], batch, options),
    await decode([model], batch, { ...options, sampling }),
  ];
  assertEquals(sampled.map(([best]) => best!.ids), greedy.map(([best]) => best!.ids));
  model.close();
});

testEachProfile("decode() finds nothing where the constraints leave no word", async (device) => {
  const model = new ToyDecoder(device, 5, 1);
  const batch = [{ ids: Uint32Array.of(2, 4, 3), limit: 20, prefix: [], number: 0 }];
  // Of the words 1, 3 and 4 the last two are left; once they have been there, <eos> may not come yet.
  for (const copies of [1, 3]) {
    const options = { ...DEFAULTS, copies, noRepeatNgram: 1, minLength: 9, limitOf: () => 20 };
    assertEquals(await decode([model], batch, options), [[]]);
  }
  model.close();
});

testEachProfile(
  "decode() waits a few times a batch, and stops when all sentences are over",
  async (device) => {
    const model = new ToyDecoder(device, CLASSES, 1, 9);
    const batch = sources(8).map((ids, number) => ({ ids, limit: 400, prefix: [], number }));
    const options = { ...DEFAULTS, copies: 3, limitOf: () => 400 };
    const before = device.created.buffers;
    const found = await decode([model], batch, options);
    const longest = Math.max(...found.flat().map(({ ids }) => ids.length));
    assert(longest < 30, `the longest translation has ${longest} words`);
    const made = device.created.buffers;
    await decode([model], batch, options);
    // A staging buffer a readback is all that a plan which is there already makes.
    assert(device.created.buffers - made <= 2 + longest / 4, `${device.created.buffers - made} readbacks`);
    assert(made > before);
    model.close();
  },
);

testEachProfile("decode() keeps calls that come at the same time apart", async (device) => {
  const model = new ToyDecoder(device, CLASSES, 1, 2);
  const batches = [3, 4, 5].map((count) =>
    sources(count).map((ids, number) => ({ ids, limit: 40, prefix: [], number }))
  );
  const options = { ...DEFAULTS, copies: 3, limitOf: () => 40 };
  const alone = [];
  for (const batch of batches) alone.push(await decode([model], batch, options));
  assertEquals(await Promise.all(batches.map((batch) => decode([model], batch, options))), alone);
  model.close();
});
