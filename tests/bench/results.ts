// Results of benchmarks that the tests of the report and of the regression check make up.

import type { BenchResult, Measurement, Row, Side } from "../../bench/results.ts";

/** A side that was measured; the first of a row is ours. */
export function side(label: string, kind: Side["kind"], measured: Partial<Measurement> = {}): Side {
  return {
    label,
    kind,
    measured: { times: 1, seconds: 0.1, ratio: 1, spread: 0.01, samples: 6, ...measured },
  };
}

/** A row of ours and others. */
export function row(title: string, ...others: readonly Side[]): Row {
  return { title, takes: { amount: 2e9, unit: "FLOP" }, sides: [side("attend", "ours"), ...others] };
}

/** A benchmark of some rows. */
export function result(bench: string, ...rows: readonly Row[]): BenchResult {
  const environment = {
    adapter: "Some GPU",
    driver: "some driver 1.2",
    profile: "gpu",
    deno: "2.9.6",
    processor: "2 x some processor",
    flops: 100e9,
    bandwidth: 20e9,
  };
  return { bench, environment, rows };
}
