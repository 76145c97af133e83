// How train tells into which parts a corpus was split.

import type { Split } from "../data/split.ts";
import { splitHash } from "../data/split_hash.ts";
import { formatCount } from "../report/format.ts";
import type { Output } from "./output.ts";

/** Tells how large the parts of a corpus are, how the test overlaps with training, and their hash; returns that. */
export async function tellSplit(data: Split, output: Output): Promise<string> {
  const hash = await splitHash(data);
  const { overlap, randomOverlap } = data;
  output.record({
    type: "split",
    train: data.train.length,
    valid: data.valid.length,
    test: data.test.length,
    overlap: overlap.test,
    randomOverlap: randomOverlap.test,
    hash,
  });
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  output.line(
    `split       ${formatCount(data.train.length)} to train, ${data.valid.length} to validate, ` +
      `${data.test.length} to test`,
  );
  for (const side of ["source", "target"] as const) {
    output.line(
      `            of the test's ${side}s ${
        percent(overlap.test[`${side}Fraction`])
      } stand in training too ` +
        `(split at random: ${percent(randomOverlap.test[`${side}Fraction`])})`,
    );
  }
  output.line(`            SHA-256 ${hash}`);
  return hash;
}
