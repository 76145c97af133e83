import { heatMap, type HeatMapInput } from "../../lib/report/heat_map.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "../assert.ts";
import { attribute, checkXml } from "./xml.ts";

const example: HeatMapInput = {
  source: ["der", "rote", "Apfel", "<eos>"],
  target: ["red", "apple", "<eos>"],
  attention: [[0.2, 0.7, 0.1, 0], [0.1, 0.1, 0.8, 0], [0, 0, 0.123, 0.877]],
};

function uniform(target: readonly string[], source: readonly string[]): HeatMapInput {
  return { source, target, attention: target.map(() => source.map(() => 1 / source.length)) };
}

Deno.test("heatMap() labels rows and columns and tells every weight", () => {
  const svg = heatMap(example, { title: "An apple" });
  checkXml(svg);
  for (
    const label of ["der", "rote", "Apfel", "&lt;eos&gt;", "red", "apple", "An apple", "source →", "target ↓"]
  ) {
    assertStringIncludes(svg, `>${label}</text>`);
  }
  assertEquals(svg.match(/<title>/g)?.length, 12);
  assertStringIncludes(svg, "<title>\u2068red\u2069 ← \u2068rote\u2069 0.700</title>");
  assertStringIncludes(svg, "<title>\u2068&lt;eos&gt;\u2069 ← \u2068Apfel\u2069 0.123</title>");
  assertStringIncludes(svg, ">0.88</text>");
});

Deno.test("heatMap() puts target rows below each other and source columns beside each other", () => {
  const at = (svg: string, target: string, source: string): [number, number] => {
    const tip = `<title>\u2068${target}\u2069 ← \u2068${source}\u2069`;
    const rect = svg.slice(0, svg.indexOf(tip)).split("<rect").at(-1)!;
    return [attribute(rect, "x"), attribute(rect, "y")];
  };
  const svg = heatMap(example, { cell: 30 });
  const [x, y] = at(svg, "red", "der");
  assertEquals(at(svg, "red", "Apfel"), [x + 60, y]);
  assertEquals(at(svg, "apple", "der"), [x, y + 30]);
});

Deno.test("heatMap() prints a scale up to the largest weight, rounded up", () => {
  const svg = heatMap(example);
  assertStringIncludes(svg, ">0.9</text>");
  assertStringIncludes(svg, ">0.45</text>");
  assertStringIncludes(heatMap(uniform(["a"], ["b"])), ">1</text>");
  assertStringIncludes(heatMap(uniform(["a"], "abcdefghijklmnopqrst".split(""))), ">0.1</text>");
});

Deno.test("heatMap() says in words what it shows", () => {
  const svg = heatMap(example, { title: "An apple" });
  assertMatch(svg, /^<svg [^>]*role="img"/);
  assertMatch(svg, /aria-label="An apple: attention of 3 target tokens to 4 source tokens\./);
  assertStringIncludes(svg, "\u2068apple\u2069 ← \u2068Apfel\u2069 0.800");
});

Deno.test("heatMap() sets right-to-left labels in their direction, on the same side", () => {
  const svg = heatMap(uniform(["איפה", "?", "x"], ["أين", "؟", "y"]));
  checkXml(svg);
  // Rows end at their right edge, columns begin at their left edge, whatever the script.
  assertMatch(svg, /text-anchor="start" direction="rtl" unicode-bidi="embed">איפה</);
  assertMatch(svg, /text-anchor="end" direction="rtl" unicode-bidi="embed">أين</);
  assertMatch(svg, /text-anchor="end">x</);
  assertMatch(svg, /text-anchor="start">y</);
});

Deno.test("heatMap() leaves twice the room for Chinese and cuts long labels", () => {
  const width = (token: string): number =>
    attribute(heatMap(uniform([token], ["a", "b", "c", "d", "e", "f"])), "width");
  assertEquals(width("钥匙钥匙钥匙钥匙钥匙"), width("keykeykeykeykeykeyke"));
  assertEquals(width("a".repeat(28)), width("a".repeat(500)));
  assertStringIncludes(heatMap(uniform(["a".repeat(500)], ["b"])), `>${"a".repeat(27)}…</text>`);
});

Deno.test("heatMap() keeps 50 by 50 words apart, and everything within the picture", () => {
  const words = Array.from({ length: 50 }, (_, index) => "w".repeat(1 + index % 14));
  const svg = heatMap(uniform(words, words));
  checkXml(svg);
  const font = attribute(svg, "font-size");
  assert(font >= 11, `font of ${font} pixels`);
  const feet = [...svg.matchAll(/translate\(([\d.]+) ([\d.]+)\) rotate\(-90\)/g)];
  assertEquals(feet.length, 50);
  assert(Number(feet[1]![1]) - Number(feet[0]![1]) >= font, "column labels overlap");
  assert(Number(feet[0]![2]) > 14 * 0.6 * font, "column labels are cut at the top");
  assert(Number(feet[49]![1]) < attribute(svg, "width"), "column labels are cut at the right");
});

Deno.test("heatMap() escapes whatever a token holds", () => {
  const odd = ["</text>", "&amp;", `"'`, "\u0000\u001b", "\ud800", "]]>"];
  const svg = heatMap(uniform(odd, odd), { title: `<script>"&` });
  checkXml(svg);
  assertStringIncludes(svg, ">&lt;/text&gt;</text>");
  assertStringIncludes(svg, ">&amp;amp;</text>");
});

Deno.test("heatMap() refuses sizes that do not fit, naming them", () => {
  const draw = (change: Partial<HeatMapInput>, cell?: number) => () =>
    heatMap({ ...example, ...change }, { cell });
  assertThrows(draw({ source: [] }), RangeError, "3 target and 0 source tokens");
  assertThrows(draw({ target: ["a"] }), RangeError, "1 target and 4 source tokens: attention has 3 rows");
  assertThrows(draw({ source: ["a", "b", "c"] }), RangeError, "row 0 of attention has 4 weights");
  assertThrows(
    draw({ attention: [[1, 0, 0, 0], [0, NaN, 0, 0], [1, 0, 0, 0]] }),
    RangeError,
    "row 1 of attention has the weight NaN",
  );
  assertThrows(draw({ attention: [[1, 0, 0, 0], [1, 0, 0, 0], [-0.5, 1.5, 0, 0]] }), RangeError, "-0.5");
  assertThrows(draw({}, 0), RangeError, "cells of 0 pixels");
});
