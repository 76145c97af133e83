import {
  alignment,
  alignmentErrorRate,
  type AlignmentLink,
  formatAlignment,
  parseAlignment,
} from "../../lib/evaluation/alignment.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

const translation = {
  source: ["<sos>", "the", "red", "wine", "<eos>"],
  target: ["le", "vin", "rouge", "euh", "<eos>"],
  attention: [
    [0.1, 0.5, 0.1, 0.3, 0],
    [0, 0.1, 0.4, 0.5, 0],
    [0, 0.25, 0.5, 0.25, 0],
    [0.2, 0.1, 0.1, 0.1, 0.5],
    [0, 0, 0, 0, 1],
  ],
};

Deno.test("alignment() links each word to the one it looked at most, the ends left out", () => {
  assertEquals(formatAlignment(alignment(translation)), "0-0 2-1 1-2");
});

Deno.test("alignment() with a threshold links to all words, or to none", () => {
  assertEquals(formatAlignment(alignment(translation, { threshold: 0.25 })), "0-0 2-0 1-1 2-1 0-2 1-2 2-2");
  assertEquals(formatAlignment(alignment(translation, { threshold: 0.51 })), "");
});

Deno.test("alignment() takes the first of equal weights, text without ends, and no words", () => {
  const even = { source: ["a", "b"], target: ["c"], attention: [[0.5, 0.5]] };
  assertEquals(alignment(even), [[0, 0]]);
  assertEquals(alignment({ source: ["<sos>", "<eos>"], target: [], attention: [] }), []);
});

Deno.test("alignment() refuses attention of another shape, and thresholds that mean nothing", () => {
  const { source, target, attention } = translation;
  assertThrows(() => alignment({ source, target, attention: attention.slice(1) }), RangeError, "4 rows");
  const bare = attention.map(() => []);
  assertThrows(() => alignment({ source, target, attention: bare }), RangeError, "without attention");
  for (const threshold of [0, -1, 1.1, NaN]) {
    assertThrows(() => alignment(translation, { threshold }), RangeError, `got ${threshold}`);
  }
});

Deno.test("parseAlignment() reads what formatAlignment() writes, and links that are only possible", () => {
  const links: AlignmentLink[] = [[0, 0], [12, 3], [4, 10]];
  assertEquals(parseAlignment(formatAlignment(links)), { sure: links, possible: [] });
  assertEquals(parseAlignment(" 0-1\t2p3 4?5\n"), { sure: [[0, 1]], possible: [[2, 3], [4, 5]] });
  assertEquals(parseAlignment(""), { sure: [], possible: [] });
  for (const wrong of ["1", "1-", "-1-2", "a-b", "1-2-3", "1.5-2"]) {
    assertThrows(() => parseAlignment(`0-0 ${wrong}`), SyntaxError, `"${wrong}" is no link`);
  }
});

Deno.test("alignmentErrorRate() is Och and Ney's, summed over the corpus", () => {
  const references = ["0-0 1-1 2p1", "0-0 1p0"].map(parseAlignment);
  const perfect: AlignmentLink[][] = [[[0, 0], [1, 1]], [[0, 0]]];
  assertEquals(alignmentErrorRate(perfect, references), 0);
  // Possible links harm nothing, and a link that stands twice counts once.
  assertEquals(alignmentErrorRate([[...perfect[0]!, [2, 1], [2, 1]], perfect[1]!], references), 0);
  // |A| = 2 + 2, |S| = 2 + 1; A and S share 1 + 0, A and P share 2 + 1.
  const rate = alignmentErrorRate([[[0, 0], [2, 1]], [[1, 0], [5, 5]]], references);
  assert(Math.abs(rate - (1 - (1 + 3) / (4 + 3))) < 1e-15, `${rate}`); // one rounding of each operation
  assertEquals(alignmentErrorRate([[], []], references), 1);
  assertEquals(alignmentErrorRate([[]], [parseAlignment("")]), 0);
  assertThrows(() => alignmentErrorRate([[]], []), RangeError, "1 alignments but 0 references");
});
