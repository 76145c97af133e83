import { lengthChart, type LengthPoint } from "../../lib/report/length_chart.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../assert.ts";
import { attribute, checkXml } from "./xml.ts";

const point = (from: number, to: number, score: number): LengthPoint => ({
  from,
  to,
  sentences: 12,
  meanLength: (from + to) / 2,
  score,
});
const scores = [point(1, 10, 28), point(11, 20, 27.5), point(21, 30, 26)];

Deno.test("lengthChart() draws a line a system, with legend, axes and counts", () => {
  const svg = lengthChart([
    { label: "attention & <more>", scores },
    { label: "plain", scores: [point(1, 10, 25), point(11, 20, 14)] },
  ], { title: "Newstest" });
  checkXml(svg);
  for (
    const label of ["source words", "BLEU", "attention &amp; &lt;more&gt;", "plain", "Newstest", "0", "20"]
  ) {
    assertStringIncludes(svg, `>${label}<`);
  }
  assertEquals(svg.match(/aria-label="line"/g)?.length, 2);
  assertStringIncludes(svg, "<title>BLEU 27.50 for 11 to 20 words (12 sentences)</title>");
  assertStringIncludes(
    svg,
    "<title>Newstest</title><desc>attention &amp; &lt;more&gt;: BLEU 28.00 for 1 to 10 words",
  );
});

Deno.test("lengthChart() takes scores in any order and leaves out what is not finite", () => {
  const shuffled = [scores[2]!, { ...scores[1]!, score: NaN }, scores[0]!, scores[1]!];
  assertEquals(lengthChart([{ label: "a", scores: shuffled }]), lengthChart([{ label: "a", scores }]));
});

Deno.test("lengthChart() names another measure, and draws a single score, or nothing but zeros", () => {
  const svg = lengthChart([{ label: "a", scores: [point(3, 3, 61.25)] }], { measure: "chrF" });
  checkXml(svg);
  assertStringIncludes(svg, "chrF 61.25 for 3 words");
  assertStringIncludes(svg, "<title>chrF by length of the source</title>");
  const full = lengthChart([{ label: "a", scores: [point(1, 2, 20), point(3, 4, 100.00000000000004)] }]);
  assert(full.includes(">100<") && !full.includes(">110<"));
  const flat = lengthChart([{ label: "a", scores: scores.map((score) => ({ ...score, score: 0 })) }]);
  assert(!flat.includes("NaN"));
});

Deno.test("lengthChart() gives systems with long names rows of their own, and has the asked size", () => {
  const series = Array.from(
    { length: 8 },
    (_, index) => ({ label: `a system of some kind, number ${index}`, scores }),
  );
  const svg = lengthChart(series, { width: 600, height: 500 });
  checkXml(svg);
  assertEquals([attribute(svg, "width"), attribute(svg, "height")], [600, 500]);
  for (const { label } of series) assertStringIncludes(svg, `>${label}<`);
  // Six colours, then dashes.
  assertEquals(svg.match(/stroke-dasharray="7 4"/g)?.length, 2);
});

Deno.test("lengthChart() refuses to draw nothing", () => {
  assertThrows(() => lengthChart([]), RangeError, "none of the 0 systems");
  assertThrows(() => lengthChart([{ label: "a", scores: [] }]), RangeError, "none of the 1 systems");
});
