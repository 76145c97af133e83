// Drawn words, by the operation and by sorting.

import type { Device } from "../../lib/gpu/device.ts";
import { logNormalizer } from "../../lib/ops/log_normalizer.ts";
import { sampledWords } from "../../lib/ops/sampled_words.ts";
import { floats, integers, runOnce } from "./run_once.ts";
import { threefry } from "./threefry.ts";

/** How to draw. */
export interface Options {
  readonly temperature?: number;
  readonly top?: number;
  readonly nucleus?: number;
  readonly banned?: number;
}

/** Draws from each row; row n with seed 5, sentence n, and copy 2. */
export async function draw(device: Device, rows: readonly (readonly number[])[], options: Options, step = 3) {
  const classes = rows[0]!.length;
  const given = {
    logits: floats([rows.length, classes], rows.flat()),
    totals: floats([rows.length], rows.map((_, row) => -row)),
    draws: integers([rows.length, 3], rows.flatMap((_, row) => [5, row, 2])),
  };
  return await runOnce(device, given, (tape, { logits, totals, draws }) => {
    const normalizers = logNormalizer(tape, logits);
    return { ...sampledWords(tape, logits, { totals, normalizers, draws, step, ...options }) };
  });
}

/** Words by number with their probabilities at the temperature, of those that can be drawn, by sorting. */
function keptOf(logits: readonly number[], options: Options): { word: number; weight: number }[] {
  const { temperature = 1, top = 0, nucleus = 1, banned = 0 } = options;
  const possible = [...logits.keys()].filter((word) =>
    logits[word]! > -1e29 && !(word < 32 && banned >>> word & 1)
  );
  const largest = Math.max(...possible.map((word) => logits[word]!));
  let sorted = possible.sort((a, b) => logits[b]! - logits[a]!)
    .map((word) => ({ word, weight: Math.exp((logits[word]! - largest) / temperature) }));
  // What is as likely as the last one kept is kept, too.
  const cut = (count: number) => {
    const last = logits[sorted[Math.min(count, sorted.length) - 1]!.word]!;
    sorted = sorted.filter(({ word }) => logits[word]! >= last);
  };
  if (top > 0) cut(top);
  if (nucleus < 1) {
    const goal = nucleus * sorted.reduce((sum, { weight }) => sum + weight, 0);
    let [sum, count] = [0, 0];
    while (sum < goal) sum += sorted[count++]!.weight;
    cut(count);
  }
  return sorted.sort((a, b) => a.word - b.word);
}

/** The word that a row draws, by sorting. */
export function reference(logits: readonly number[], row: number, options: Options, step = 3): number {
  const kept = keptOf(logits, options);
  const total = kept.reduce((sum, { weight }) => sum + weight, 0);
  let goal = (threefry([5, row], [step, 2]) >>> 8) / 2 ** 24 * total;
  for (const { word, weight } of kept) {
    goal -= weight;
    if (goal < 0) return word;
  }
  throw new Error("nothing was drawn");
}

/** Ways to draw. */
export const CASES: readonly Options[] = [
  {},
  { temperature: 0.5 },
  { temperature: 3, banned: 0b1011 },
  { top: 1 },
  { top: 7 },
  { top: 100_000 },
  { nucleus: 0.9 },
  { nucleus: 0.3, temperature: 1.5 },
  { nucleus: 1e-6 },
  { top: 20, nucleus: 0.8, temperature: 0.7, banned: 1 },
];
