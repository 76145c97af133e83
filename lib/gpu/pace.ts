// Layer 1: how often the host waits for the GPU, and how often it says what the GPU has done.

import type { Device } from "./device.ts";

/** The work to hand to the GPU between two waits, in milliseconds. */
const WORK_MILLISECONDS = 160;

/**
 * The share of the work to sleep through before a wait. Waiting stops everything else that this thread has to do, timers and
 * signals too (Deno polls the device until all its work is done); sleeping does not.
 */
const SLEPT = 0.75;

/** The longest sleep, in milliseconds: a machine that was suspended twice in a row looks like a GPU that slow. */
const LONGEST_SLEEP = 2000;

/** The fewest steps between two waits: one wait a step would leave the GPU idle in between. */
const FEWEST_STEPS = 2;

/** The stretch between two reports, in milliseconds. */
const REPORT_MILLISECONDS = 1000;

/** Counts steps, their words and the time, and says when to wait and when to report. */
export class Pace {
  /** Words since the last report. */
  tokens = 0;

  /** When the last report was done; before the first one undefined. */
  #reported: number | undefined;
  readonly #started = performance.now();
  /** The steps since the last wait, their words, and when the first of them began. */
  #steps = 0;
  #words = 0;
  #began = 0;
  /** What the last two works took, in milliseconds a word. Before the first wait: work that is soon full, and no sleep. */
  #costs: number[] = [0, Infinity];

  /**
   * The pace of one piece of work on a device.
   *
   * @param signal Ends a sleep at once.
   */
  constructor(readonly device: Device, readonly signal?: AbortSignal) {}

  /** Counts a step that has been handed to the GPU. */
  count(tokens: number): void {
    if (this.#steps === 0) this.#began = performance.now();
    this.#steps++;
    this.#words += tokens;
    this.tokens += tokens;
  }

  /** Whether the GPU has been given enough, so that it is time to wait. */
  get full(): boolean {
    return this.#steps >= FEWEST_STEPS && this.#expected(Math.max) >= WORK_MILLISECONDS;
  }

  /** Whether a report is due, as the first one is at once; ask after a wait. */
  get due(): boolean {
    return this.#reported === undefined || this.seconds * 1000 >= REPORT_MILLISECONDS;
  }

  /** Seconds since the last report. */
  get seconds(): number {
    return (performance.now() - (this.#reported ?? this.#started)) / 1000;
  }

  /**
   * Sleeps through most of what the GPU will take, then waits for the rest.
   *
   * @throws {DeviceLostError} At once, if the device is lost meanwhile.
   */
  async rest<T>(wait: () => Promise<T>): Promise<T> {
    const end = this.#began + Math.min(SLEPT * this.#expected(Math.min), LONGEST_SLEEP);
    await this.#sleep(Math.max(0, end - performance.now())); // at least one turn for whatever else waits
    const waited = await wait();
    const cost = (performance.now() - this.#began) / Math.max(1, this.#words);
    this.#costs = [cost, this.#costs[0] || cost];
    this.#steps = this.#words = 0;
    return waited;
  }

  /** Begins the stretch to the next report. */
  report(): void {
    this.#reported = performance.now();
    this.tokens = 0;
  }

  /**
   * The time that the steps since the last wait will take, in milliseconds, by the dearer or the cheaper of the last two works:
   * so that no wait is longer than it should be, and no sleep, as in the dearer one the machine may have been suspended.
   */
  #expected(of: typeof Math.min | typeof Math.max): number {
    return of(...this.#costs) * this.#words;
  }

  async #sleep(milliseconds: number): Promise<void> {
    const { signal } = this;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => resolve();
    const timer = setTimeout(wake, signal?.aborted ? 0 : milliseconds);
    signal?.addEventListener("abort", wake);
    try {
      await this.device.settled(promise);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", wake);
    }
  }
}
