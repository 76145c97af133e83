// The normalizer of a softmax, of rows that no workgroup fits, large numbers and impossible ones.

import { logNormalizer } from "../../lib/ops/log_normalizer.ts";
import { Random } from "../../lib/random.ts";
import { assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import { assertClose } from "./check.ts";
import { floats, runOnce } from "./run_once.ts";
import { FEW_ROUNDINGS } from "../tolerances.ts";

/** The same in 64 bits. */
export function logNormalizerOf(logits: readonly number[]): number {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  return largest + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - largest), 0));
}

testEachProfile("logNormalizer() agrees with a loop in 64 bits", async (device) => {
  for (const classes of [1, 7, 8, 9, 64, 65, 1001]) {
    const random = new Random(classes);
    const rows = Array.from({ length: 5 }, (_, row) => {
      return Array.from({ length: classes }, () => Math.fround(10 ** (row - 1) * random.normal()));
    });
    const given = { x: floats([5, classes], rows.flat()) };
    const { y } = await runOnce(device, given, (tape, { x }) => ({ y: logNormalizer(tape, x) }));
    // exp and log are good to some units in the last place; the largest logits are some thousands.
    assertClose(y, rows.map(logNormalizerOf), FEW_ROUNDINGS, `${classes} classes`);
  }
});

testEachProfile("logNormalizer() takes logits that are minus infinity, and views", async (device) => {
  const given = { x: floats([2, 4], [9, -Infinity, 0, -1e30, 9, -Infinity, -Infinity, 9]) };
  const { y } = await runOnce(device, given, (tape, { x }) => ({
    y: logNormalizer(tape, x.columnSlice(1, 4)),
  }));
  assertEquals(y, [0, 9]);
});
