import { corpusBleu } from "../../lib/evaluation/bleu.ts";
import { exactMatch } from "../../lib/evaluation/exact_match.ts";
import { scoreByLength } from "../../lib/evaluation/score_by_length.ts";
import { assertEquals, assertThrows } from "../assert.ts";

/** A sentence of so many words, with punctuation, which does not count. */
const sentence = (length: number): string =>
  `${Array.from({ length }, (_, index) => `w${index}`).join(", ")}!`;
const sources = [10, 1, 11, 25, 10].map(sentence);

Deno.test("scoreByLength() parts sentences at multiples of the width, each bucket a corpus", () => {
  const hypotheses = ["a b c d e", "a", "a b x d e f", "no", "e d c b a"];
  const references = ["a b c d e", "b", "a b c d e f", "no", "e d x b a"];
  assertEquals(scoreByLength(sources, hypotheses, references, { width: 10 }), [
    {
      from: 1,
      to: 10,
      sentences: 3,
      meanLength: 7,
      score: corpusBleu([hypotheses[0]!, "a", hypotheses[4]!], [references[0]!, "b", references[4]!]).score,
    },
    {
      from: 11,
      to: 20,
      sentences: 1,
      meanLength: 11,
      score: corpusBleu([hypotheses[2]!], [references[2]!]).score,
    },
    { from: 21, to: 30, sentences: 1, meanLength: 25, score: 0 },
  ]);
});

Deno.test("scoreByLength() chooses a round width that gives at most ten buckets", () => {
  for (
    const [longest, width] of [[1, 1], [10, 1], [11, 2], [20, 2], [21, 5], [50, 5], [51, 10], [
      101,
      20,
    ]] as const
  ) {
    const [score] = scoreByLength([sentence(longest)], ["a"], ["a"], { score: exactMatch });
    assertEquals(score!.to, width * Math.ceil(longest / width), `longest ${longest}`);
    assertEquals(score!.from, score!.to - width + 1);
  }
});

Deno.test("scoreByLength() puts sentences without words into the first bucket", () => {
  const scores = scoreByLength(["?!", "one", "one two"], ["a", "b", "c"], ["a", "b", "d"], {
    score: exactMatch,
  });
  assertEquals(scores.map(({ from, to, sentences, score }) => [from, to, sentences, score]), [
    [0, 1, 2, 1],
    [2, 2, 1, 0],
  ]);
});

Deno.test("scoreByLength() refuses lists that do not fit, and widths that part nothing", () => {
  assertThrows(() => scoreByLength(["a"], ["a", "b"], ["a", "b"]), RangeError, "1 sources but 2 references");
  assertThrows(() => scoreByLength([], [], []), RangeError, "0 sentences");
  for (const width of [0, -1, 1.5, NaN]) {
    assertThrows(() => scoreByLength(["a"], ["a"], ["a"], { width }), RangeError, `got ${width}`);
  }
});
