// How long something takes: so many repetitions that a wait for the GPU hardly counts, and what several samples say.

import type { Plan, PlanInputs, Tensor } from "../mod.ts";

/** Does something so many times, then waits for it; returns the seconds if it measures them itself. */
export type Run = (times: number) => Promise<number | void>;

/** Kernels in one submit: it takes the host longer than many a kernel takes a GPU. */
const A_SUBMIT = 256;

/** Runs of a plan, and one wait. Short plans go to the GPU many at a time, as the kernels of a training step do. */
export function replays(plan: Plan, read: Tensor, inputs: PlanInputs = {}): Run {
  const most = Object.keys(inputs).length > 0 ? 1 : Math.max(1, Math.floor(A_SUBMIT / plan.dispatches));
  return async (times) => {
    for (let left = times; left > 0; left -= most) {
      if (most === 1) plan.run(inputs);
      else plan.repeat(Math.min(left, most));
    }
    await plan.read(read);
  };
}

/** Seconds between two waits for the GPU, of which one takes about 0.01. */
const BETWEEN_WAITS = 0.2;
/** Seconds after which the first time is the only one. */
const TOO_LONG = 12;
/** Repetitions after which nobody would wait longer. */
const MOST = 50_000;

/** The seconds that `times` repetitions take together. */
export async function secondsOf(run: Run, times: number): Promise<number> {
  const start = performance.now();
  const own = await run(times);
  return own ?? (performance.now() - start) / 1e3;
}

/** How often to do something between two waits. */
export interface Repetitions {
  readonly times: number;
  /** The seconds one of them took so far. */
  readonly seconds: number;
}

/** Finds out how often to do something between two waits. The first time, when much is compiled, does not count. */
export async function calibrate(run: Run): Promise<Repetitions> {
  const first = await secondsOf(run, 1);
  if (first > TOO_LONG) return { times: 1, seconds: first };
  let times = 1;
  while (true) {
    const seconds = await secondsOf(run, times);
    if (seconds >= 0.8 * BETWEEN_WAITS || times >= MOST) return { times, seconds: seconds / times };
    times = Math.min(MOST, Math.ceil(times * Math.max(1.5, Math.min(20, BETWEEN_WAITS / seconds))));
  }
}

/** The middle of several numbers; of an even count, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  return quantile(values.toSorted((a, b) => a - b), 0.5);
}

/** The ratio of the distance of the quartiles to the standard deviation, in a normal distribution. */
const QUARTILES = 1.349;

/**
 * The standard deviation of the logarithms of several numbers, from the distance of their quartiles, so that one
 * interruption does not count. Undefined for fewer than four.
 */
export function spread(values: readonly number[]): number | undefined {
  if (values.length < 4) return undefined;
  const logs = values.map(Math.log).sort((a, b) => a - b);
  return (quantile(logs, 0.75) - quantile(logs, 0.25)) / QUARTILES;
}

/** A quantile of sorted numbers, interpolated. */
function quantile(sorted: readonly number[], share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const [low, high] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
  return low + (position - below) * (high - low);
}
