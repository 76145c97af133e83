// Means of what several models say.

import { Tape } from "../../lib/gpu/tape.ts";
import { logNormalizer } from "../../lib/ops/log_normalizer.ts";
import { meanOf, mixture } from "../../lib/ops/mixture.ts";
import { Random } from "../../lib/random.ts";
import { assertThrows } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";
import { assertClose, normals } from "./check.ts";
import { floats, runOnce } from "./run_once.ts";
import { SUMS } from "../tolerances.ts";

/** The softmax of a row, in 64 bits. */
function softmax(logits: readonly number[]): number[] {
  const sum = logits.reduce((sum, x) => sum + Math.exp(x), 0);
  return logits.map((x) => Math.exp(x) / sum);
}

testEachProfile("mixture() is the mean of probabilities, or of their logarithms", async (device) => {
  for (const [classes, models] of [[1, 2], [7, 1], [9, 3], [131, 2]]) {
    const random = new Random(classes!);
    const logits = Array.from({ length: 3 }, () => normals(random, 2 * classes!).map((x) => 3 * x));
    if (classes! > 1) logits[0]![1] = -Infinity;
    const given = { a: logits[0]!, b: logits[1]!, c: logits[2]! };
    const tensors = Object.fromEntries(
      Object.entries(given).map(([name, values]) => [name, floats([2, classes!], values)]),
    );
    const results = await runOnce(device, tensors, (tape, { a, b, c }) => {
      const used = [a!, b!, c!].slice(0, models);
      const means = { probabilities: mixture(tape, used), logarithms: mixture(tape, used, "logarithms") };
      return {
        ...means,
        normalizers: logNormalizer(tape, means.probabilities),
        others: logNormalizer(tape, means.logarithms),
      };
    });
    const rows = [0, 1].flatMap((row) => {
      const each = logits.slice(0, models).map((all) =>
        softmax([...all.slice(row * classes!, (row + 1) * classes!)])
      );
      const mean = each[0]!.map((_, v) => each.reduce((sum, p) => sum + p[v]!, 0) / models!);
      const product = each[0]!.map((_, v) =>
        each.reduce((product, p) => product * p[v]! ** (1 / models!), 1)
      );
      const sum = product.reduce((sum, x) => sum + x, 0);
      return mean.map((probability, v) => ({ probability, other: product[v]! / sum }));
    });
    const normalized = (values: readonly number[], normalizers: readonly number[]) =>
      values.map((x, i) => Math.exp(x - normalizers[Math.floor(i / classes!)]!));
    // Relative to 1: the logarithms, which are some tens, are good to 1e-6.
    assertClose(
      normalized(results.probabilities, results.normalizers),
      rows.map((row) => row.probability),
      SUMS,
      "mean",
    );
    assertClose(
      normalized(results.logarithms, results.others),
      rows.map((row) => row.other),
      SUMS,
      "other mean",
    );
  }
});

testEachProfile("meanOf() is the mean, of views too", async (device) => {
  const given = { a: floats([2, 3], [1, 2, 3, 4, 5, 6]), b: floats([2, 2], [0, 4, 8, 16]) };
  const { y } = await runOnce(device, given, (tape, { a, b }) => ({
    y: meanOf(tape, [a.columnSlice(1, 3), b]),
  }));
  assertClose(y, [1, 3.5, 6.5, 11], 1e-7, "mean");
});

Deno.test("mixture() refuses models of different vocabularies", () => {
  const tape = new Tape(device, { training: false });
  const [a, b] = [tape.input("a", [2, 3], "f32"), tape.input("b", [2, 4], "f32")];
  assertThrows(() => mixture(tape, [a, b]), RangeError, 'mean of "a" [2, 3] and "b" [2, 4]');
});
