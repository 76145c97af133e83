import { lossCurve } from "../../lib/report/line_chart.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "../assert.ts";
import { attribute, checkXml } from "./xml.ts";

const points = [
  { step: 1_000, training: 5 },
  { step: 2_000, training: 4, validation: 4.5 },
  { step: 3_000, training: 3, validation: 3.5 },
];

Deno.test("lossCurve() draws both curves with axes, ticks and legend", () => {
  const svg = lossCurve(points, { title: `GRU <b> & "attention"` });
  checkXml(svg);
  assertMatch(svg, /^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
  for (
    const label of [
      "step",
      "loss per token",
      "training",
      "validation",
      "1,000",
      "3,000",
      "4.4",
      "GRU &lt;b&gt; &amp; ",
    ]
  ) {
    assertStringIncludes(svg, `>${label}`);
  }
  assertStringIncludes(svg, "training loss from 5.000 at step 1000 to 3.000 at step 3000");
  assertEquals(svg.match(/aria-label="line"/g)?.length, 2);
});

Deno.test("lossCurve() takes points in any order and leaves out what is not finite", () => {
  const [first, second, third] = points as [typeof points[0], typeof points[0], typeof points[0]];
  const expected = lossCurve(points);
  assertEquals(
    lossCurve([third, { step: 2_500, training: NaN, validation: Infinity }, first, second]),
    expected,
  );
});

Deno.test("lossCurve() draws a single loss, and only the legend it needs", () => {
  const svg = lossCurve([{ step: 1, training: 9.3 }]);
  checkXml(svg);
  assertEquals(svg.match(/>training</g)?.length, 1);
  assert(!svg.includes(">validation<"));
  assertStringIncludes(svg, "<circle");
  assertStringIncludes(svg, ">9.3<");
});

Deno.test("lossCurve() has the asked size", () => {
  const svg = lossCurve(points, { width: 500, height: 300 });
  assertEquals([attribute(svg, "width"), attribute(svg, "height")], [500, 300]);
});

Deno.test("lossCurve() refuses to draw nothing", () => {
  assertThrows(() => lossCurve([]), RangeError, "none of the 0 points");
  assertThrows(() => lossCurve([{ step: 1, training: NaN }]), RangeError, "none of the 1 points");
});
