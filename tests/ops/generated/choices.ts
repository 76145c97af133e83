// Properties of operations of decoding, which have no gradient: what is likely, and what is chosen.

import fc from "npm:fast-check@4.10.2";
import { Plan } from "../../../lib/gpu/plan.ts";
import { Tape } from "../../../lib/gpu/tape.ts";
import { argmax } from "../../../lib/ops/argmax.ts";
import { extendHistory, forceWords, noRepeat } from "../../../lib/ops/constraints.ts";
import { coveragePenalty } from "../../../lib/ops/coverage_penalty.ts";
import { likeliestWords } from "../../../lib/ops/likeliest_words.ts";
import { logNormalizer } from "../../../lib/ops/log_normalizer.ts";
import { mixture } from "../../../lib/ops/mixture.ts";
import { scheduledSampling } from "../../../lib/ops/scheduled_sampling.ts";
import { Random } from "../../../lib/random.ts";
import { assertEquals } from "../../assert.ts";
import { checkRandom as checkBeam } from "../beam_step_check.ts";
import { assertWithin } from "../check.ts";
import { reference as likeliestReference } from "../likeliest_words_reference.ts";
import { floats, integers, runOnce } from "../run_once.ts";
import { CASES, draw, reference as sampledReference } from "../sampled_words_check.ts";
import { threefry } from "../threefry.ts";
import { HALF_ULP, logError, logNormalizerError } from "./bounds.ts";
import { length, lengthsOf, property, seed } from "./property.ts";

const IMPOSSIBLE = Math.fround(-1e30);

/** Rows of numbers; of every second row few different ones, so that ties are common. */
function rowsOf(rows: number, columns: number, seed: number): number[][] {
  const random = new Random(seed);
  return Array.from(
    { length: rows },
    (_, row) =>
      Array.from(
        { length: columns },
        () => row % 2 ? random.integer(9) / 4 - 1 : Math.fround(2 * random.normal()),
      ),
  );
}

/** log(sum of exp(x)) in 64 bits. */
function normalizerOf(logits: readonly number[]): number {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  return largest + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - largest), 0));
}

const matrix = fc.record({ rows: length(9), columns: length(129), seed });

/** By the operation's file in lib/ops/. */
export const choices = {
  argmax: property(matrix, async (device, { rows, columns, seed }) => {
    const logits = rowsOf(rows, columns, seed);
    const given = { x: floats([rows, columns], logits.flat()) };
    const { y } = await runOnce(device, given, (tape, { x }) => ({ y: argmax(tape, x) }));
    assertEquals(y, logits.map((row) => row.indexOf(Math.max(...row))));
  }),
  beam_step: property(
    fc.record({
      sentences: length(5),
      beam: length(9),
      more: fc.integer({ min: 0, max: 3 }),
      steps: length(7),
      few: fc.boolean(),
    }),
    (device, { more, few, ...sizes }) =>
      checkBeam(device, { ...sizes, count: sizes.beam === 1 && more === 0 ? 1 : sizes.beam + 1 + more }, few),
  ),
  constraints: property(
    fc.record({
      rows: length(5),
      classes: length(33),
      length: length(17),
      size: fc.integer({ min: 1, max: 4 }),
      seed,
    }),
    async (device, { rows, classes, length, size, seed }) => {
      const random = new Random(seed);
      const draw = (count: number, most: number) => Array.from({ length: count }, () => random.integer(most));
      const histories = Array.from({ length: rows }, () => draw(length, Math.min(classes, 4)));
      const forced = draw(rows, 2).map((forced) => forced && 1 + random.integer(classes));
      const parents = draw(rows, rows);
      const given = {
        logits: floats([rows, classes], new Array(rows * classes).fill(2)),
        history: integers([rows, length], histories.flat()),
        none: integers([rows], new Array(rows).fill(0)),
        forced: integers([rows], forced),
        links: integers([2, rows], [...parents, ...draw(rows, classes)]),
      };
      const results = await runOnce(device, given, (tape, { logits, history, none, forced, links }) => {
        noRepeat(tape, logits, history, none, size);
        forceWords(tape, logits, forced);
        return { logits, extended: extendHistory(tape, history, links) };
      });
      const expected = histories.flatMap((history, row) => {
        const seen = new Set<string>();
        for (let i = 0; i + size <= length; i++) seen.add(history.slice(i, i + size).join());
        return Array.from({ length: classes }, (_, word) => {
          const last = size === 1 ? [] : history.slice(-(size - 1));
          if (forced[row]! > 0 && forced[row] !== word + 1) return IMPOSSIBLE;
          return seen.has([...last, word].join()) ? IMPOSSIBLE : 2;
        });
      });
      assertEquals(results.logits, expected);
      const words = given.links.values.subarray(rows);
      assertEquals(results.extended, parents.flatMap((parent, row) => [...histories[parent]!, words[row]!]));
    },
  ),
  coverage_penalty: property(
    fc.tuple(length(), fc.integer({ min: 1, max: 3 }), seed).chain(([source, copies, seed]) =>
      fc.tuple(fc.constant({ source, copies, seed }), lengthsOf(3, source))
    ),
    async (device, [{ source, copies, seed }, lengths]) => {
      const rows = 3 * copies;
      const random = new Random(seed);
      const uniform = () => Array.from({ length: rows * source }, () => Math.fround(random.uniform()));
      const [before, attention] = [uniform(), uniform()];
      const given = {
        before: floats([rows, source], before),
        attention: floats([rows, source], attention),
        lengths: integers([3], lengths),
      };
      const results = await runOnce(device, given, (tape, tensors) => ({
        ...coveragePenalty(tape, { ...tensors, weight: 0.3 }),
      }));
      const sums = before.map((x, i) => x + attention[i]!);
      assertWithin(results.sums, sums, sums.map((sum) => HALF_ULP * sum), "sums");
      const penalties = Array.from({ length: rows }, (_, row) => {
        const own = sums.slice(row * source, row * source + lengths[Math.floor(row / copies)]!);
        const logs = own.map((sum) => Math.min(Math.max(sum, 1e-10), 1));
        const total = logs.reduce((total, x) => total + Math.log(x), 0);
        const error = logs.reduce(
          (error, x) => error + logError(x, HALF_ULP),
          (own.length + 2) * HALF_ULP * -total,
        );
        return [0.3 * total, 0.3 * error] as const;
      });
      assertWithin(
        results.penalties,
        penalties.map(([x]) => x),
        penalties.map(([, error]) => error),
        "penalties",
      );
    },
  ),
  likeliest_words: property(
    fc.record({
      rows: length(5),
      columns: length(129),
      seed,
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    async (device, { rows, columns, seed, share }) => {
      const count = 1 + Math.floor(share * Math.min(columns - 1, 32));
      const logits = rowsOf(rows, columns, seed);
      const totals = logits.map((_, row) => -row);
      const given = { x: floats([rows, columns], logits.flat()), totals: floats([rows], totals) };
      const results = await runOnce(device, given, (tape, { x, totals }) => ({
        ...likeliestWords(tape, x, { totals, count }),
      }));
      const expected = logits.map((row, index) => likeliestReference(row, totals[index]!, count));
      assertEquals(results.words, expected.flatMap(({ words }) => words));
      const bounds = logits.flatMap((row, index) => {
        const bound = logNormalizerError(row) + 4 * HALF_ULP * (index + Math.max(...row.map(Math.abs)) + 8);
        return new Array<number>(count).fill(bound);
      });
      assertWithin(results.scores, expected.flatMap(({ scores }) => scores), bounds, "scores");
    },
  ),
  log_normalizer: property(matrix, async (device, { rows, columns, seed }) => {
    const logits = rowsOf(rows, columns, seed).map((row, index) =>
      row.map((x) => Math.fround(10 ** (index - 1) * x))
    );
    const given = { x: floats([rows, columns], logits.flat()) };
    const { y } = await runOnce(device, given, (tape, { x }) => ({ y: logNormalizer(tape, x) }));
    assertWithin(y, logits.map(normalizerOf), logits.map(logNormalizerError), "y");
  }),
  mixture: property(fc.tuple(matrix, length(3)), async (device, [{ rows, columns, seed }, models]) => {
    const logits = Array.from({ length: models }, (_, model) => rowsOf(rows, columns, seed + model));
    const given = Object.fromEntries(
      logits.map((all, model) => [`m${model}`, floats([rows, columns], all.flat())]),
    );
    const results = await runOnce(device, given, (tape, tensors) => {
      const all = Object.values(tensors);
      const y = mixture(tape, all);
      return { y, normalizers: logNormalizer(tape, y) };
    });
    const row = (all: readonly number[], index: number) => all.slice(index * columns, (index + 1) * columns);
    for (let index = 0; index < rows; index++) {
      const own = logits.map((all) => all[index]!);
      const expected = own[0]!.map((_, v) => {
        return own.reduce((sum, logits) => sum + Math.exp(logits[v]! - normalizerOf(logits)), 0) / models;
      });
      const mean = row(results.y, index);
      const actual = mean.map((x) => Math.exp(x - results.normalizers[index]!));
      // Twice normalized: by each model, and here; and each logarithm and its exponential.
      const error = Math.max(...own.map(logNormalizerError)) + logNormalizerError(mean) + 100 * HALF_ULP;
      assertWithin(actual, expected, expected.map((p) => p * error), `row ${index}`);
    }
  }),
  sampled_words: property(
    fc.record({ rows: length(9), columns: length(129), seed, options: fc.constantFrom(...CASES) })
      .filter(({ columns, options }) => columns > 1 && !(options.banned && columns < 5)),
    async (device, { rows, columns, seed, options }) => {
      const logits = rowsOf(rows, columns, seed);
      const { words } = await draw(device, logits, options);
      assertEquals(words, logits.map((row, index) => sampledReference(row, index, options)));
    },
  ),
  scheduled_sampling: property(
    fc.tuple(length(129), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 0, max: 64 }), seed),
    async (device, [batch, time, share, seed]) => {
      const tape = new Tape(device, { training: true });
      const [right, predicted] = [
        tape.input("right", [batch], "u32"),
        tape.input("predicted", [batch], "u32"),
      ];
      const chosen = tape.kept([batch], "chosen", "u32");
      scheduledSampling(tape, { right, predicted, chosen, time, seed, stream: 3 });
      const plan = await Plan.compile(tape);
      const words = Uint32Array.from({ length: batch }, (_, b) => b);
      const inputs = { right: words, predicted: words.map((b) => 1000 + b) };
      plan.run({ ...inputs, teacher_share: Float32Array.of(share / 64), step: Uint32Array.of(9) });
      const [actual] = await plan.read(chosen);
      plan.close();
      const bits = (b: number) => threefry([seed, 3], [9, time * batch + b]) >>> 8;
      assertEquals([...actual!], [...words].map((b) => bits(b) / 2 ** 24 < share / 64 ? b : 1000 + b));
    },
  ),
};
