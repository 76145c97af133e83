// The coverage penalty against its formula.

import { coveragePenalty } from "../../lib/ops/coverage_penalty.ts";
import { Random } from "../../lib/random.ts";
import { testEachProfile } from "../device.ts";
import { assertClose } from "./check.ts";
import { floats, integers, runOnce } from "./run_once.ts";
import { FEW_ROUNDINGS, SUMS } from "../tolerances.ts";

testEachProfile(
  "coveragePenalty() agrees with its formula, padding and empty rows included",
  async (device) => {
    for (const source of [1, 7, 9, 70]) {
      const random = new Random(source);
      const draw = () => Array.from({ length: 4 * source }, () => Math.fround(random.uniform()));
      const [before, attention] = [draw(), draw()];
      // Nothing at all has looked at the first word of the first row.
      before[0] = attention[0] = 0;
      const lengths = [source, Math.floor(source / 2)];
      const given = {
        before: floats([4, source], before),
        attention: floats([4, source], attention),
        lengths: integers([2], lengths),
      };
      const { sums, penalties } = await runOnce(device, given, (tape, tensors) => {
        return { ...coveragePenalty(tape, { ...tensors, weight: 0.3 }) };
      });
      const expected = before.map((x, i) => x + attention[i]!);
      assertClose(sums, expected, FEW_ROUNDINGS, "sums");
      const rows = [0, 1, 2, 3].map((row) => {
        const own = expected.slice(row * source, row * source + lengths[Math.floor(row / 2)]!);
        return own.reduce((sum, x) => sum + 0.3 * Math.log(Math.min(Math.max(x, 1e-10), 1)), 0);
      });
      assertClose(penalties, rows, SUMS, "penalties");
    }
  },
);
