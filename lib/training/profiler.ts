// Training: takes steps with a watch in the hand; what profileTraining() is made of.

import { type Batch, batches, type Bucket, type EncodedPair } from "../data/batches.ts";
import type { Clock, KernelTime } from "../gpu/kernel_times.ts";
import type { Optimization } from "./optimization.ts";

/** Milliseconds a step. */
export interface StepTime {
  /** Their mean. */
  readonly mean: number;
  /** The longest. */
  readonly maximum: number;
}

/** Steps before anything is measured. */
const WARM_UP = 3;
/** Times that every kernel is measured by the GPU's clock; their median counts. */
const ROUNDS = 5;

/** Batches of one shape without end, and how long each took to put together. */
export class Feed {
  /** Milliseconds for each batch so far, its share of ordering the epoch included. */
  times: number[] = [];

  #batches: Generator<Batch, never>;

  /** Prepares to fill batches of `bucket`. */
  constructor(
    readonly data: readonly EncodedPair[],
    readonly bucket: Bucket,
    readonly optimization: Optimization,
    readonly stepsPerEpoch: number,
  ) {
    this.#batches = this.#endless();
  }

  /** The next one. */
  next(): Batch {
    return this.#batches.next().value;
  }

  *#endless(): Generator<Batch, never> {
    const { buckets, config: { seed } } = this.optimization;
    for (let epoch = 0;; epoch++) {
      const start = performance.now();
      const ordered = batches(this.data, buckets, { seed, epoch });
      const share = (performance.now() - start) / this.stepsPerEpoch;
      for (;;) {
        const start = performance.now();
        const { value: batch, done } = ordered.next();
        if (done) break;
        if (batch.bucket !== this.bucket) continue;
        this.times.push(performance.now() - start + share);
        yield batch;
      }
    }
  }
}

/** Takes training steps and looks at the clock. */
export class Profiler {
  #step = 0;

  /** Takes its steps with `optimization`, their batches from `feed`. */
  constructor(readonly optimization: Optimization, readonly feed: Feed) {}

  /** Takes `count` steps in a row, and as many one by one. */
  async steps(count: number): Promise<{ wall: number; host: StepTime; preparation: StepTime }> {
    for (let i = 0; i < WARM_UP; i++) this.#take();
    await this.#idle();
    const wait = await this.#idle();
    this.feed.times = [];
    const start = performance.now();
    for (let i = 0; i < count; i++) this.#take();
    await this.#idle();
    const wall = (performance.now() - start - wait) / count;
    const host: number[] = [];
    for (let i = 0; i < count; i++) {
      host.push(this.#take());
      await this.#idle(); // or else submitting may wait for the step before, as software adapters do
    }
    return { wall: Math.max(0, wall), host: stepTime(host), preparation: stepTime(this.feed.times) };
  }

  /** Times the kernels of one step. */
  async kernels(clock: Clock): Promise<KernelTime[]> {
    const rounds: KernelTime[][] = [];
    for (let i = 0; i < (clock === "gpu" ? ROUNDS : 1); i++) {
      rounds.push(await this.optimization.profile(this.feed.next(), this.#step++, { clock }));
    }
    const list = rounds[0]!.map((kernel) => {
      const times = rounds.map((round) =>
        round.find((other) => other.kernel === kernel.kernel)!.milliseconds
      );
      return { ...kernel, milliseconds: times.sort((a, b) => a - b)[times.length >> 1]! };
    });
    return list.sort((a, b) => b.milliseconds - a.milliseconds);
  }

  /** Starts a step; returns what that took, the batch not counted. */
  #take(): number {
    const batch = this.feed.next();
    const start = performance.now();
    this.optimization.step([batch], this.#step++);
    return performance.now() - start;
  }

  /** Waits for the GPU; returns how long. */
  async #idle(): Promise<number> {
    const start = performance.now();
    await this.optimization.sums();
    return performance.now() - start;
  }
}

function stepTime(times: readonly number[]): StepTime {
  return { mean: times.reduce((sum, time) => sum + time, 0) / times.length, maximum: Math.max(...times) };
}
