// The results of benchmarks as they stand in bench/results/*.json: one file an adapter.

import type { Floors } from "./floors.ts";
import type { Summary } from "./sampling.ts";

/** Where something was measured. */
export interface Environment {
  readonly adapter: string;
  readonly driver: string;
  readonly profile: string;
  readonly deno: string;
  readonly processor: string;
  readonly floors: Floors;
}

/** What one way to do something took; or why it could not. */
export type Side =
  & { readonly label: string; readonly peer: boolean }
  & (Measured | { readonly reason: string });

/** What was measured of a side; seconds are those of one repetition. */
export interface Measured extends Summary {
  /** Repetitions between two waits. */
  readonly times: number;
}

/** Several ways to do the same thing; the first is ours. */
export interface Row {
  readonly title: string;
  readonly flop?: number;
  readonly bytes?: number;
  /** The least seconds that the adapter's highest rates allow. */
  readonly floor?: number;
  readonly sides: readonly Side[];
}

/** What one benchmark file measured. */
export interface BenchResult {
  readonly bench: string;
  readonly environment: Environment;
  readonly rows: readonly Row[];
}

/** The measurement of a side, unless it could not do the work. */
export function measured(side: Side | undefined): Measured | undefined {
  return side && "seconds" in side ? side : undefined;
}

/** The name of an adapter's files. */
export function slug(adapter: string): string {
  return adapter.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
}

/** Puts new results in the place of old ones of the same benchmarks. */
export function merge(old: readonly BenchResult[], fresh: readonly BenchResult[]): BenchResult[] {
  const byName = new Map([...old, ...fresh].map((result) => [result.bench, result]));
  return [...byName.values()].sort((a, b) => a.bench < b.bench ? -1 : 1);
}
