// The likeliest words of a row: in order, with ties, banned words and words that cannot be, up to a vocabulary of 50,000.

import { likeliestWords } from "../../lib/ops/likeliest_words.ts";
import { logNormalizer } from "../../lib/ops/log_normalizer.ts";
import { Random } from "../../lib/random.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { device, testEachProfile } from "../device.ts";
import { assertClose } from "./check.ts";
import { floats, runOnce } from "./run_once.ts";
import { reference } from "./likeliest_words_reference.ts";
import { FEW_ROUNDINGS } from "../tolerances.ts";

testEachProfile("likeliestWords() agrees with sorting, ties included", async (device) => {
  for (const [classes, count] of [[1, 1], [2, 2], [7, 6], [9, 9], [64, 3], [65, 6], [130, 33], [1001, 11]]) {
    const random = new Random(classes!);
    const rows = Array.from({ length: 4 }, (_, row) => {
      // The first two rows have few different numbers, so that ties between lanes are common.
      return Array.from(
        { length: classes! },
        () => row < 2 ? random.integer(5) / 4 : Math.fround(random.normal()),
      );
    });
    const totals = [0, -3.5, -1e30, -20];
    const banned = 0b1001;
    const given = { x: floats([4, classes!], rows.flat()), totals: floats([4], totals) };
    const results = await runOnce(device, given, (tape, { x, totals }) => {
      const free = likeliestWords(tape, x, { totals, count: count! });
      const some = likeliestWords(tape, x, { totals, count: count!, banned });
      return { ...free, someWords: some.words, someScores: some.scores };
    });
    const expected = rows.map((row, index) => reference(row, totals[index]!, count!));
    assertEquals(results.words, expected.flatMap(({ words }) => words), `${classes} classes`);
    const some = rows.map((row, index) => reference(row, totals[index]!, count!, banned));
    assertEquals(results.someWords, some.flatMap(({ words }) => words), `${classes} classes, some banned`);
    for (const row of [0, 1, 3]) {
      const part = (all: readonly number[]) => all.slice(row * count!, (row + 1) * count!);
      assertClose(part(results.scores), expected[row]!.scores, FEW_ROUNDINGS, `scores of row ${row}`);
      const possible = some[row]!.scores.filter((score) => score > -1e29);
      const own = part(results.someScores);
      assertClose(own.slice(0, possible.length), possible, FEW_ROUNDINGS, `scores of row ${row}`);
      assertEquals(own.slice(possible.length).every((score) => score < -1e29), true);
    }
    assertEquals(results.scores.slice(2 * count!, 3 * count!).every((score) => score < -1e29), true);
  }
});

testEachProfile("likeliestWords() of 50,000", async (device) => {
  const random = new Random(3);
  const rows = Array.from(
    { length: 3 },
    () => Array.from({ length: 50_000 }, () => Math.fround(3 * random.normal())),
  );
  const given = { x: floats([3, 50_000], rows.flat()), totals: floats([3], [-1, -2, -3]) };
  const { words, scores } = await runOnce(device, given, (tape, { x, totals }) => ({
    ...likeliestWords(tape, x, { totals, count: 6 }),
  }));
  const expected = rows.map((row, index) => reference(row, -1 - index, 6));
  assertEquals(words, expected.flatMap(({ words }) => words));
  assertClose(scores, expected.flatMap(({ scores }) => scores), FEW_ROUNDINGS, "scores");
});

testEachProfile(
  "likeliestWords() ranks words that cannot be last, and takes normalizers from before",
  async (device) => {
    const given = {
      before: floats([1, 4], [1, 2, 3, 4]),
      after: floats([1, 4], [-Infinity, 2, -1e30, 4]),
      totals: floats([1], [-1]),
    };
    const { words, scores } = await runOnce(device, given, (tape, { before, after, totals }) => {
      const normalizers = logNormalizer(tape, before);
      return { ...likeliestWords(tape, after, { totals, count: 3, normalizers }) };
    });
    assertEquals(words, [3, 1, 0]);
    const expected = reference([1, 2, 3, 4], -1, 3).scores;
    assertClose(scores.slice(0, 2), [expected[0]!, expected[2]!], FEW_ROUNDINGS, "scores");
    assertEquals(scores[2], Math.fround(-1e30));
  },
);

testEachProfile("likeliestWords() follows a view of logits", async (device) => {
  const given = { x: floats([2, 6], [9, 9, 1, 2, 3, 9, 9, 9, 6, 5, 4, 9]), totals: floats([2], [0, 0]) };
  const { words } = await runOnce(device, given, (tape, { x, totals }) => ({
    ...likeliestWords(tape, x.columnSlice(2, 5), { totals, count: 2 }),
  }));
  assertEquals(words, [2, 1, 0, 1]);
});

Deno.test("likeliestWords() refuses to take more words than there are", () => {
  const tape = new Tape(device, { training: false });
  const [x, totals] = [tape.input("x", [1, 3], "f32"), tape.input("totals", [1], "f32")];
  for (const count of [0, 4]) {
    assertThrows(
      () => likeliestWords(tape, x, { totals, count }),
      RangeError,
      `the ${count} likeliest words`,
    );
  }
});
