// Words that are forced, and words that would repeat an n-gram, against a scan of each history.

import { extendHistory, forceWords, noRepeat } from "../../lib/ops/constraints.ts";
import { Random } from "../../lib/random.ts";
import { assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import { floats, integers, runOnce } from "./run_once.ts";

const IMPOSSIBLE = Math.fround(-1e30);

testEachProfile("forceWords() leaves only the forced word, in the rows of its sentence", async (device) => {
  const given = { logits: floats([6, 11], new Array(66).fill(1)), forced: integers([3], [0, 1, 11]) };
  const { logits } = await runOnce(device, given, (tape, { logits, forced }) => {
    forceWords(tape, logits, forced);
    return { logits };
  });
  const only = (word: number) => Array.from({ length: 11 }, (_, v) => v === word ? 1 : IMPOSSIBLE);
  const all = new Array(11).fill(1);
  assertEquals(logits, [all, all, only(0), only(0), only(10), only(10)].flat());
});

testEachProfile("noRepeat() agrees with a scan of the history", async (device) => {
  const classes = 5;
  for (const [length, size] of [[1, 1], [1, 2], [2, 2], [3, 2], [20, 1], [20, 2], [80, 3], [80, 4], [9, 9]]) {
    const random = new Random(100 * length! + size!);
    const rows = 6;
    const histories = Array.from(
      { length: rows },
      () => Array.from({ length: length! }, () => random.integer(classes)),
    );
    const given = {
      logits: floats([rows, classes], new Array(rows * classes).fill(2)),
      history: integers([rows, length!], histories.flat()),
      forced: integers([3], [0, 4, 0]),
    };
    const { logits } = await runOnce(device, given, (tape, { logits, history, forced }) => {
      noRepeat(tape, logits, history, forced, size!);
      return { logits };
    });
    const expected = histories.flatMap((history, row) => {
      const seen = new Set<string>();
      for (let i = 0; i + size! <= length!; i++) seen.add(history.slice(i, i + size!).join());
      return Array.from({ length: classes }, (_, word) => {
        const repeats = seen.has([...history.slice(length! + 1 - size!), word].join());
        return repeats && Math.floor(row / 2) !== 1 ? IMPOSSIBLE : 2;
      });
    });
    assertEquals(logits, expected, `${length} words, n-grams of ${size}`);
  }
});

testEachProfile("extendHistory() follows hypotheses", async (device) => {
  const given = {
    links: integers([2, 2, 3], [[0, 1, 2], [5, 6, 7], [2, 2, 0], [8, 9, 4_000_000_000]].flat()),
  };
  const { history } = await runOnce(device, given, (tape, { links }) => {
    return { history: extendHistory(tape, extendHistory(tape, undefined, links.at(0)), links.at(1)) };
  });
  assertEquals(history, [7, 8, 7, 9, 5, 4_000_000_000]);
});
