// Whether we have become slower: a pure comparison of two runs, by ratios to what each run measured beside ours, never
// by absolute time.

import type { BenchResult, Measurement, Row } from "./results.ts";
import { median } from "./sampling.ts";

/**
 * How many standard deviations a ratio must fall to count. If logarithms of ratios are normal, one comparison in 30,000
 * falls so far by chance, so a check of 150 ratios cries wolf once in 200 runs.
 */
const DEVIATIONS = 4;

/** A ratio that was compared with an older one. */
export interface Comparison {
  readonly bench: string;
  readonly title: string;
  /** The peer, or the floor. */
  readonly against: string;
  /** How many times our time it took, then and now. */
  readonly before: number;
  readonly now: number;
  /** The least ratio that the spread of the samples explains. */
  readonly limit: number;
}

/** What comparing two runs gave. */
export interface Verdict {
  readonly compared: readonly Comparison[];
  /** Those that fell below their limit. */
  readonly regressions: readonly Comparison[];
  /** What was measured before and is not any more. */
  readonly missing: readonly string[];
}

/**
 * Compares ratios to peers with those of an older run of the same benchmarks; rows without a peer that both runs
 * have are compared by their share of the floor.
 *
 * @param before The older run.
 * @param now The new one; benchmarks that it does not have are left out.
 */
export function compare(before: readonly BenchResult[], now: readonly BenchResult[]): Verdict {
  const compared: Comparison[] = [];
  const missing: string[] = [];
  for (const { bench, rows } of now) {
    const old = before.find((result) => result.bench === bench)?.rows ?? [];
    const usual = usualSpread([...old, ...rows]);
    for (const row of old) {
      const fresh = rows.find(({ title }) => title === row.title);
      const comparisons = fresh ? compareRows(bench, row, fresh, usual) : [];
      if (comparisons.length === 0) missing.push(`${bench}: ${row.title}`);
      compared.push(...comparisons);
    }
  }
  return { compared, missing, regressions: compared.filter(({ now, limit }) => now < limit) };
}

/** The ratios of one row: to the peers, or without any to the floor. */
function compareRows(bench: string, before: Row, now: Row, usual: number): Comparison[] {
  if (!before.sides[0]?.measured || !now.sides[0]?.measured) return [];
  for (const kind of ["peer", "floor"]) {
    const found = before.sides.filter((side) => side.kind === kind).flatMap(({ label, measured: old }) => {
      const fresh = now.sides.find((side) => side.label === label)?.measured;
      if (!old || !fresh) return [];
      const limit = old.ratio * Math.exp(-DEVIATIONS * deviation(old, fresh, usual));
      return [{ bench, title: now.title, against: label, before: old.ratio, now: fresh.ratio, limit }];
    });
    if (found.length > 0) return found;
  }
  return [];
}

/** The middle spread of all sides: that of sides with too few samples to have their own. */
function usualSpread(rows: readonly Row[]): number {
  const spreads = rows.flatMap(({ sides }) => sides).flatMap(({ measured }) => measured?.spread ?? []);
  return spreads.length > 0 ? median(spreads) : 0;
}

/**
 * The standard deviation of the logarithm of a ratio of ratios. Each counts with the spread of single pairs, not of
 * their median: the samples of one run are closer to each other than to those of another run. A spread below the
 * usual one is taken for luck.
 */
function deviation(old: Measurement, fresh: Measurement, usual: number): number {
  return Math.hypot(Math.max(old.spread ?? 0, usual), Math.max(fresh.spread ?? 0, usual));
}

/** A verdict in words, a line a comparison that failed. */
export function describe({ compared, regressions, missing }: Verdict): string[] {
  const number = (value: number) => value.toPrecision(3);
  return [
    ...regressions.map(({ bench, title, against, before, now, limit }) =>
      `SLOWER  ${bench}: ${title}: ${against} took ${number(before)} times our time, now ${number(now)}; ` +
      `the spread of the samples explains no less than ${number(limit)}`
    ),
    ...missing.map((row) => `MISSING ${row}: measured before, not now`),
    `${compared.length} ratios compared, ${regressions.length} fell, ${missing.length} rows missing`,
  ];
}
