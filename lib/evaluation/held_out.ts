// Evaluation: the loss of a model on examples it does not learn from; of a translator, under teacher forcing or running
// free.

import { type Batch, batches, type Bucket, planBuckets, withoutLongPairs } from "../data/batches.ts";
import { BufferPool } from "../gpu/memory.ts";
import { Plan } from "../gpu/plan.ts";
import { Readback } from "../gpu/readback.ts";
import { Tape } from "../gpu/tape.ts";
import { overwrite, persistent, type Tensor } from "../gpu/tensor.ts";
import { type Model, TOTALS } from "../models/model.ts";

/** A loss and what it was measured on. */
export interface HeldOutLoss {
  /** The mean of -log p(right answer) in nats, over all target words and `<eos>`, or over all texts. */
  readonly loss: number;
  /** The number of those answers. */
  readonly tokens: number;
  /** The share of answers that were right; only of classifiers. */
  readonly accuracy?: number;
  /** Examples that were too long to measure. */
  readonly dropped: number;
}

/** How to measure. */
export interface HeldOutOptions {
  /** Examples at a time; 64 by default. */
  readonly batch?: number;
  /** Which words a translator is given at each step: the right ones, or with `"own"` those it has chosen itself. */
  readonly given?: "right" | "own";
  /** Examples with a longer side are left out; by default four times what training takes, 200 for a Seq2Seq. */
  readonly maxLength?: number;
}

/** Batches between two waits for the GPU, so that signals and timers get a turn. */
const BATCHES_A_WAIT = 4;

/** Measures a model on the same examples again and again; plans and buffers are made once. */
export class HeldOut {
  /** Examples that are too long to measure. */
  readonly dropped: number;

  #batches: Batch[];
  #plans: Map<Bucket, Plan>;
  #totals: Tensor;
  #readback: Readback;

  private constructor(
    readonly model: Model<never>,
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
  static async create<Example>(
    model: Model<Example>,
    examples: readonly Example[],
    options: HeldOutOptions,
    pool: BufferPool,
  ): Promise<HeldOut> {
    const { batch = 64, maxLength = 4 * model.maxLength, given = "right" } = options;
    const { kept, dropped } = withoutLongPairs(model.encode(examples), maxLength);
    if (kept.length === 0) {
      throw new RangeError(
        `Cannot measure a loss: none of ${examples.length} pairs has at most ${maxLength} words on both sides.`,
      );
    }
    const buckets = planBuckets(kept, { batchSentences: Math.min(batch, kept.length) });
    const totals = persistent(model.device, [TOTALS], "held-out losses");
    const plans = new Map<Bucket, Plan>();
    try {
      for (const bucket of buckets) {
        const tape = new Tape(model.device, { training: false });
        model.loss(tape, bucket, { totals, given });
        plans.set(bucket, await Plan.compile(tape, pool));
      }
      const list = [...batches(kept, buckets, { seed: 0, epoch: 0, shuffle: false })];
      return new HeldOut(model, list, plans, totals, dropped);
    } catch (error) {
      for (const plan of plans.values()) plan.close();
      model.device.destroyBuffer(totals.storage.buffer!);
      throw error;
    }
  }

  /** Measures the model as it is now. */
  async measure(): Promise<HeldOutLoss> {
    const { device, countsRightAnswers } = this.model;
    overwrite(device, this.#totals, new Float32Array(TOTALS));
    let tokens = 0;
    let loss = 0;
    let right = 0;
    for (const [index, batch] of this.#batches.entries()) {
      this.#plans.get(batch.bucket)!.run(this.model.inputs(batch));
      tokens += batch.tokens;
      if (index % BATCHES_A_WAIT === BATCHES_A_WAIT - 1 || index === this.#batches.length - 1) {
        const [totals] = await this.#readback.read();
        overwrite(device, this.#totals, new Float32Array(TOTALS));
        loss += totals![1]!;
        right += totals![2]!;
      }
    }
    const accuracy = countsRightAnswers ? { accuracy: right / tokens } : {};
    return { loss: loss / tokens, tokens, ...accuracy, dropped: this.dropped };
  }

  /** Frees what belongs to the measurement alone. */
  close(): void {
    for (const plan of this.#plans.values()) plan.close();
    this.#readback.close();
    this.model.device.destroyBuffer(this.#totals.storage.buffer!);
  }
}

/** Measures a model on examples, once: on sentence pairs, or on texts with their class. */
export async function heldOutLoss<Example>(
  model: Model<Example>,
  examples: readonly Example[],
  options: HeldOutOptions = {},
): Promise<HeldOutLoss> {
  const pool = new BufferPool(model.device);
  try {
    const heldOut = await HeldOut.create(model, examples, options, pool);
    try {
      return await heldOut.measure();
    } finally {
      heldOut.close();
    }
  } finally {
    pool.close();
  }
}
