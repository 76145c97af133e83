// The one-kernel way against the step-by-step way, on shapes drawn at random: gru_test.ts and lstm_test.ts compare
// both with plain loops.

import fc from "npm:fast-check@4.10.2";
import { fitsWholeSequences, takesWholeSequences } from "../../lib/ops/recurrent_sequence.ts";
import { assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import { assertSameLayer, runLayer } from "./recurrent_layer.ts";

testEachProfile("a whole sequence in one kernel gives the gradients of step by step", async (device) => {
  if (device.profile !== "cpu8") {
    assertEquals(takesWholeSequences(device, { steps: 1, batch: 1, hidden: 1, reverse: false }), false);
    return;
  }
  const shape = fc.record({
    cell: fc.constantFrom("gru" as const, "lstm" as const),
    steps: fc.integer({ min: 1, max: 6 }),
    // Few sizes of block, as each is compiled: 8, 16, 24, 32 and, forward, 56 rows.
    batch: fc.oneof(fc.integer({ min: 1, max: 17 }), fc.constantFrom(31, 32, 33, 111, 112, 113)),
    hidden: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(1, 7, 8, 9, 31, 32, 33, 127, 128, 129)),
    reverse: fc.boolean(),
  });
  const property = fc.asyncProperty(shape, async (drawn) => {
    const whole = await runLayer(device, drawn, true);
    assertSameLayer(whole, await runLayer(device, drawn, false));
    assertEquals(await runLayer(device, drawn, true), whole, "a second run gives other numbers");
  });
  await fc.assert(property, { numRuns: 25, seed: 1 });
});

testEachProfile("a state too wide for the memory of a workgroup is refused", (device) => {
  const fits = (hidden: number) => fitsWholeSequences(device, { steps: 1, batch: 1, hidden, reverse: false });
  assertEquals(
    [fits(1), fits(512), fits(513)],
    device.profile === "cpu8" ? [true, true, false] : [false, false, false],
  );
});
