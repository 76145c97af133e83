// Ours against sacreBLEU's own figures, which tests/oracle/sacrebleu_fixtures.py stored.

import { corpusChrf } from "../../lib/evaluation/chrf.ts";
import { assertEquals, assertMatch, assertThrows } from "../assert.ts";
import { assertClose, fixture, withoutVersion } from "./sacrebleu_fixture.ts";

for (const { name, pairs, chrf } of fixture.cases) {
  Deno.test(`corpusChrf() equals sacreBLEU ${fixture.sacrebleu}: ${name}`, () => {
    const hypotheses = pairs.map(([hypothesis]) => hypothesis);
    const references = pairs.map(([, reference]) => reference);
    for (const { wordOrder, lowerCase, score, printed, signature } of chrf) {
      const setting = `word order ${wordOrder}${lowerCase ? ", lower case" : ""}`;
      const actual = corpusChrf(hypotheses, references, { wordOrder, lowerCase });
      assertClose(actual.score, score, setting);
      assertEquals(`${actual}`, printed, setting);
      assertEquals(withoutVersion(actual.signature), withoutVersion(signature), setting);
    }
  });
}

Deno.test("corpusChrf() compares characters alone and keeps case by default", () => {
  const chrf = corpusChrf(["Abc"], ["Abc"]);
  assertEquals([chrf.score, `${chrf}`], [100, "chrF2 = 100.00"]);
  assertMatch(
    chrf.signature,
    /^nrefs:1\|case:mixed\|eff:yes\|nc:6\|nw:0\|space:no\|version:attend-\d+\.\d+\.\d+$/,
  );
});

Deno.test("corpusChrf() refuses lists that are empty or of different length", () => {
  assertThrows(() => corpusChrf(["a", "b"], ["a"]), RangeError, "2 hypotheses but 1 references");
  assertThrows(() => corpusChrf([], []), RangeError, "0 sentences");
});
