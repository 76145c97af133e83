// The results of benchmarks as they stand in bench/results/*.json: one file an adapter.

/** Where something was measured. */
export interface Environment {
  readonly adapter: string;
  readonly driver: string;
  readonly profile: string;
  readonly deno: string;
  readonly processor: string;
  /** The adapter's highest rates: floating-point operations, and bytes read and written, a second. */
  readonly flops: number;
  readonly bandwidth: number;
}

/** Ours; ours in another way; somebody else's; or what nothing can be faster than. */
export type Kind = "ours" | "otherwise" | "peer" | "floor";

/** What one way to do something took. */
export interface Side {
  readonly label: string;
  readonly kind: Kind;
  readonly measured?: Measurement;
  /** In what it differs; where nothing was measured, why not. */
  readonly note?: string;
}

/** What was measured of a side. */
export interface Measurement {
  /** Repetitions between two waits. */
  readonly times: number;
  /** Seconds a repetition, the median. */
  readonly seconds: number;
  /** How many times ours it took, the median of pairs measured right after each other. 1 for ours. */
  readonly ratio: number;
  /** The standard deviation of the logarithm of a pair's ratio (of ours: of its time); absent with few samples. */
  readonly spread?: number;
  readonly samples: number;
}

/** Several ways to do the same thing; the first is ours. */
export interface Row {
  readonly title: string;
  /** What it takes at the least of that which limits it. */
  readonly takes?: { readonly amount: number; readonly unit: "FLOP" | "B" };
  readonly sides: readonly Side[];
}

/** What one benchmark file measured. */
export interface BenchResult {
  readonly bench: string;
  readonly environment: Environment;
  readonly rows: readonly Row[];
}

/** The name of an adapter's files: its own name, without what we found out about it. */
export function slug(adapter: string): string {
  const [name] = adapter.split(/, (?:software|hardware)\b/);
  return name!.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
}

/** Puts new results in the place of old ones of the same benchmarks. */
export function merge(old: readonly BenchResult[], fresh: readonly BenchResult[]): BenchResult[] {
  const byName = new Map([...old, ...fresh].map((result) => [result.bench, result]));
  return [...byName.values()].sort((a, b) => a.bench < b.bench ? -1 : 1);
}
