// Ours against sacreBLEU's own figures, which tests/oracle/sacrebleu_fixtures.py stored.

import { corpusBleu } from "../../lib/evaluation/bleu.ts";
import { BLEU_TOKENIZERS, bleuTokens } from "../../lib/evaluation/bleu_tokenizer.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { assertClose, fixture, withoutVersion } from "./sacrebleu_fixture.ts";

for (const { name, pairs, results } of fixture.cases) {
  Deno.test(`corpusBleu() equals sacreBLEU ${fixture.sacrebleu}: ${name}`, () => {
    const hypotheses = pairs.map(([hypothesis]) => hypothesis);
    const references = pairs.map(([, reference]) => reference);
    for (const expected of results) {
      const { tokenize, lowerCase } = expected;
      const setting = `${tokenize}${lowerCase ? ", lower case" : ""}`;
      const actual = corpusBleu(hypotheses, references, { tokenize, lowerCase });
      assertClose(actual.score, expected.score, `score (${setting})`);
      assertClose(actual.brevityPenalty, expected.brevityPenalty, `brevity penalty (${setting})`);
      expected.precisions.forEach((precision, index) =>
        assertClose(actual.precisions[index]!, precision, `precision ${index + 1} (${setting})`)
      );
      assertEquals([...actual.counts], expected.counts, setting);
      assertEquals([...actual.totals], expected.totals, setting);
      assertEquals(actual.hypothesisLength, expected.hypothesisLength, setting);
      assertEquals(actual.referenceLength, expected.referenceLength, setting);
      assertEquals(`${actual}`, expected.printed, setting);
      assertEquals(withoutVersion(actual.signature), withoutVersion(expected.signature));
    }
  });

  Deno.test(`bleuTokens() cuts as sacreBLEU does: ${name}`, () => {
    for (const { tokenize, lowerCase, tokens } of results) {
      pairs.forEach((pair, index) => {
        const lines = pair.map((line) => lowerCase ? line.toLowerCase() : line);
        assertEquals(lines.map((line) => bleuTokens(line, tokenize)), tokens[index]!);
      });
    }
  });
}

Deno.test("corpusBleu() tokenizes with 13a and keeps case by default", () => {
  const bleu = corpusBleu(["A b, c d."], ["A b, c d."]);
  assertEquals(bleu.hypothesisLength, 6);
  assert(
    /^nrefs:1\|case:mixed\|eff:no\|tok:13a\|smooth:exp\|version:attend-\d+\.\d+\.\d+$/.test(bleu.signature),
  );
});

Deno.test("each tokenizer is compared with sacreBLEU, in both cases", () => {
  for (const { results } of fixture.cases) {
    assertEquals(
      results.map(({ tokenize, lowerCase }) => `${tokenize} ${lowerCase}`),
      BLEU_TOKENIZERS.flatMap((name) => [`${name} false`, `${name} true`]),
    );
  }
});

Deno.test("corpusBleu() refuses lists that are empty or of different length", () => {
  assertThrows(() => corpusBleu(["a", "b"], ["a"]), RangeError, "2 hypotheses but 1 references");
  assertThrows(() => corpusBleu([], []), RangeError, "0 sentences");
});
