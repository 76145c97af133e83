// Evaluation: the loss of a model on sentence pairs it does not learn from, under teacher forcing.

import {
  type Batch,
  batches,
  type Bucket,
  encodePairs,
  planBuckets,
  withoutLongPairs,
} from "../data/batches.ts";
import type { Pair } from "../data/pair.ts";
import { BufferPool } from "../gpu/memory.ts";
import { Plan } from "../gpu/plan.ts";
import { Readback } from "../gpu/readback.ts";
import { Tape } from "../gpu/tape.ts";
import { overwrite, persistent, type Tensor } from "../gpu/tensor.ts";
import type { Seq2Seq } from "../models/seq2seq.ts";

/** A loss and what it was measured on. */
export interface HeldOutLoss {
  /** The mean of -log p(right word) over all target words and `<eos>`, in nats. */
  readonly loss: number;
  /** The number of those words. */
  readonly tokens: number;
  /** Pairs that were too long to measure. */
  readonly dropped: number;
}

/** How to measure. */
export interface HeldOutOptions {
  /** Pairs at a time; 64 by default. */
  readonly batch?: number;
  /** Pairs with a longer side are left out; 200 by default. */
  readonly maxLength?: number;
}

/** Batches between two waits for the GPU, so that signals and timers get a turn. */
const BATCHES_A_WAIT = 4;

/** Measures a model on the same pairs again and again; plans and buffers are made once. */
export class HeldOut {
  /** Pairs that are too long to measure. */
  readonly dropped: number;

  #batches: Batch[];
  #plans: Map<Bucket, Plan>;
  #totals: Tensor;
  #readback: Readback;

  private constructor(
    readonly model: Seq2Seq,
    list: Batch[],
    plans: Map<Bucket, Plan>,
    totals: Tensor,
    dropped: number,
  ) {
    this.#batches = list;
    this.#plans = plans;
    this.#totals = totals;
    this.#readback = new Readback(model.device, [totals]);
    this.dropped = dropped;
  }

  /**
   * Prepares to measure.
   *
   * @param pool Buffers to share with other plans.
   * @throws {RangeError} If no pair is short enough.
   */
  static async create(
    model: Seq2Seq,
    pairs: readonly Pair[],
    options: HeldOutOptions = {},
    pool: BufferPool = new BufferPool(model.device),
  ): Promise<HeldOut> {
    const { batch = 64, maxLength = 200 } = options;
    const { kept, dropped } = withoutLongPairs(encodePairs(pairs, model.source, model.target), maxLength);
    if (kept.length === 0) {
      throw new RangeError(
        `Cannot measure a loss: none of ${pairs.length} pairs has at most ${maxLength} words on both sides.`,
      );
    }
    const buckets = planBuckets(kept, { batchSentences: Math.min(batch, kept.length) });
    const totals = persistent(model.device, [2], "held-out losses");
    const plans = new Map<Bucket, Plan>();
    for (const bucket of buckets) {
      const tape = new Tape(model.device, { training: false });
      model.loss(tape, bucket, { totals });
      plans.set(bucket, await Plan.compile(tape, pool));
    }
    const list = [...batches(kept, buckets, { seed: 0, epoch: 0, shuffle: false })];
    return new HeldOut(model, list, plans, totals, dropped);
  }

  /** Measures the model as it is now. */
  async measure(): Promise<HeldOutLoss> {
    overwrite(this.model.device, this.#totals, new Float32Array(2));
    let tokens = 0;
    let sum = 0;
    for (const [index, batch] of this.#batches.entries()) {
      this.#plans.get(batch.bucket)!.run(this.model.inputs(batch));
      tokens += batch.tokens;
      if (index % BATCHES_A_WAIT === BATCHES_A_WAIT - 1 || index === this.#batches.length - 1) {
        const [totals] = await this.#readback.read();
        overwrite(this.model.device, this.#totals, new Float32Array(2));
        sum += totals![1]!;
      }
    }
    return { loss: sum / tokens, tokens, dropped: this.dropped };
  }

  /** Frees what belongs to the measurement alone. */
  close(): void {
    for (const plan of this.#plans.values()) plan.close();
    this.#readback.close();
    this.model.device.destroyBuffer(this.#totals.storage.buffer!);
  }
}

/** Measures a model on sentence pairs, once. See {@linkcode HeldOut}. */
export async function heldOutLoss(
  model: Seq2Seq,
  pairs: readonly Pair[],
  options: HeldOutOptions = {},
): Promise<HeldOutLoss> {
  const pool = new BufferPool(model.device);
  const heldOut = await HeldOut.create(model, pairs, options, pool);
  try {
    return await heldOut.measure();
  } finally {
    heldOut.close();
    pool.close();
  }
}
