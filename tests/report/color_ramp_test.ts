import { rampColor, textColorOn } from "../../lib/report/color_ramp.ts";
import { assert, assertEquals } from "../assert.ts";

const values = Array.from({ length: 101 }, (_, index) => index / 100);

/** Relative luminance as WCAG 2 defines it. */
function luminance(color: string): number {
  const channels = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255);
  const [red, green, blue] = channels.map((value) =>
    value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  );
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

Deno.test("rampColor() gets darker with every step, evenly in lightness", () => {
  const lightness = values.map((value) => 116 * luminance(rampColor(value)) ** (1 / 3) - 16);
  const steps = lightness.slice(1).map((value, index) => lightness[index]! - value);
  assert(steps.every((step) => step > 0.4 && step < 1.2), steps.join(" "));
  assertEquals(rampColor(0), "#f3f9ff");
});

Deno.test("textColorOn() can be read on every colour of the ramp", () => {
  for (const value of values) {
    const [darker, lighter] = [luminance(rampColor(value)), luminance(textColorOn(value))].sort((a, b) =>
      a - b
    );
    const contrast = (lighter! + 0.05) / (darker! + 0.05);
    assert(contrast > 3.9, `${value}: contrast ${contrast.toFixed(2)}`);
  }
});
