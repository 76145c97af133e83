// Drawn words: exactly those that sorting would draw, how often each comes, and on what it depends.

import { Random } from "../../lib/random.ts";
import { assert, assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import { assertClose } from "./check.ts";
import { CASES, draw, reference } from "./sampled_words_check.ts";
import { FEW_ROUNDINGS } from "../tolerances.ts";

testEachProfile("sampledWords() draws what sorting would draw", async (device) => {
  for (const classes of [2, 9, 65, 1001]) {
    for (const options of CASES) {
      const random = new Random(classes);
      const rows = Array.from({ length: 10 }, (_, row) => {
        // Every second row has few different numbers, and with them ties where words are cut off.
        return Array.from(
          { length: classes },
          () => row % 2 ? random.integer(9) / 4 - 1 : Math.fround(2 * random.normal()),
        );
      });
      if (options.banned && classes === 2) continue; // nothing would be left
      const { words, scores } = await draw(device, rows, options);
      const what = `${classes} classes, ${JSON.stringify(options)}`;
      assertEquals(words, rows.map((row, index) => reference(row, index, options)), what);
      const expected = rows.map((row, index) => {
        const sum = row.reduce((sum, x) => sum + Math.exp(x), 0);
        return -index + row[words[index]!]! - Math.log(sum);
      });
      assertClose(scores, expected, FEW_ROUNDINGS, what);
    }
  }
});

testEachProfile("sampledWords() of 50,000", async (device) => {
  const random = new Random(3);
  const rows = Array.from(
    { length: 4 },
    () => Array.from({ length: 50_000 }, () => Math.fround(2 * random.normal())),
  );
  for (const options of [{}, { nucleus: 0.5 }, { top: 50, nucleus: 0.9 }]) {
    const { words } = await draw(device, rows, options);
    assertEquals(words, rows.map((row, index) => reference(row, index, options)));
  }
});

testEachProfile("sampledWords() draws each word as often as it should", async (device) => {
  const logits = [0, Math.log(2), Math.log(3), -1, Math.log(4)];
  const size = 2_000;
  const rows = new Array(size).fill(logits);
  for (
    const [options, shares] of [
      [{ top: 4 }, [0.1, 0.2, 0.3, 0, 0.4]],
      [{ top: 4, nucleus: 0.69 }, [0, 0, 3 / 7, 0, 4 / 7]],
      [{ temperature: 0.5, top: 3 }, [0, 4 / 29, 9 / 29, 0, 16 / 29]],
    ] as const
  ) {
    const { words } = await draw(device, rows, options);
    shares.forEach((share, word) => {
      const found = words.filter((drawn) => drawn === word).length / size;
      // Four standard deviations of the mean of so many Bernoulli variables.
      const margin = 4 * Math.sqrt(share * (1 - share) / size);
      assert(Math.abs(found - share) <= margin, `word ${word}: ${found} of the draws, expected ${share}`);
    });
  }
});

testEachProfile(
  "sampledWords() depends on its row, its numbers and the step, not on other rows",
  async (device) => {
    const random = new Random(1);
    const rows = Array.from({ length: 50 }, () => Array.from({ length: 30 }, () => random.normal()));
    const { words } = await draw(device, rows, {});
    assertEquals((await draw(device, rows.slice(0, 7), {})).words, words.slice(0, 7));
    const { words: others } = await draw(device, rows, {}, 4);
    assert(others.filter((word, row) => word !== words[row]).length > 25, "another step draws the same");
  },
);

testEachProfile("sampledWords() says so where no word can be drawn", async (device) => {
  const { words, scores } = await draw(device, [[3, 1, 2], [-Infinity, -1e30, 9]], { banned: 0b100 });
  assertEquals(words[1], 0);
  assertEquals(scores[1], Math.fround(-1e30));
  assert(words[0]! < 2);
});
