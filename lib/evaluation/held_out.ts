// Evaluation: the loss of a model on examples it does not learn from; of a translator, under teacher forcing or running
// free.

import { type Batch, batches, type Bucket, planBuckets, withoutLongPairs } from "../data/batches.ts";
import { BufferPool } from "../gpu/memory.ts";
import { Pace } from "../gpu/pace.ts";
import { Plan } from "../gpu/plan.ts";
import { Readback } from "../gpu/readback.ts";
import { Tape } from "../gpu/tape.ts";
import { copyTensor, overwrite, persistent, type Tensor } from "../gpu/tensor.ts";
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

/** Batches whose losses the GPU adds up in 32 bits; the sums of those are added in 64, the same ones each time. */
const BATCHES_A_SUM = 4;

/** Measures a model on the same examples again and again; plans and buffers are made once. */
export class HeldOut {
  /** Examples that are too long to measure. */
  readonly dropped: number;

  #batches: Batch[];
  #plans: Map<Bucket, Plan>;
  #totals: Tensor;
  /** A row for each sum of some batches. */
  #sums: Tensor;
  #readback: Readback;

  private constructor(
    readonly model: Model<never>,
    list: Batch[],
    plans: Map<Bucket, Plan>,
    totals: Tensor,
    sums: Tensor,
    dropped: number,
  ) {
    this.#batches = list;
    this.#plans = plans;
    this.#totals = totals;
    this.#sums = sums;
    this.#readback = new Readback(model.device, [this.#sums]);
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
    const list = [...batches(kept, buckets, { seed: 0, epoch: 0, shuffle: false })];
    const totals = persistent(model.device, [TOTALS], "held-out losses");
    const plans = new Map<Bucket, Plan>();
    let sums: Tensor | undefined;
    try {
      const rows = Math.ceil(list.length / BATCHES_A_SUM);
      sums = persistent(model.device, [rows, TOTALS], "sums of held-out losses");
      for (const bucket of buckets) {
        const tape = new Tape(model.device, { training: false });
        model.loss(tape, bucket, { totals, given });
        plans.set(bucket, await Plan.compile(tape, pool));
      }
      return new HeldOut(model, list, plans, totals, sums, dropped);
    } catch (error) {
      for (const plan of plans.values()) plan.close();
      for (const tensor of [totals, sums]) if (tensor) model.device.destroyBuffer(tensor.storage.buffer!);
      throw error;
    }
  }

  /**
   * Measures the model as it is now.
   *
   * @param signal Gives the measurement up, between two batches.
   * @returns Nothing if it was given up.
   */
  async measure(signal?: AbortSignal): Promise<HeldOutLoss | undefined> {
    const { device, countsRightAnswers } = this.model;
    const pace = new Pace(device, signal);
    const zeros = new Float32Array(TOTALS);
    overwrite(device, this.#totals, zeros);
    let tokens = 0;
    let sums: ArrayLike<number> = [];
    for (const [index, batch] of this.#batches.entries()) {
      if (signal?.aborted) return undefined;
      this.#plans.get(batch.bucket)!.run(this.model.inputs(batch));
      tokens += batch.tokens;
      pace.count(batch.tokens);
      const last = index === this.#batches.length - 1;
      if (last || index % BATCHES_A_SUM === BATCHES_A_SUM - 1) {
        copyTensor(device, this.#totals, this.#sums.at(Math.floor(index / BATCHES_A_SUM)));
        overwrite(device, this.#totals, zeros);
      }
      if (last || pace.full) await pace.rest(async () => [sums = []] = await this.#readback.read());
    }
    const total = (column: number) =>
      Array.from(sums).reduce((sum, value, at) => at % TOTALS === column ? sum + value : sum, 0);
    const accuracy = countsRightAnswers ? { accuracy: total(2) / tokens } : {};
    return { loss: total(1) / tokens, tokens, ...accuracy, dropped: this.dropped };
  }

  /** Frees what belongs to the measurement alone. */
  close(): void {
    for (const plan of this.#plans.values()) plan.close();
    this.#readback.close();
    for (const { storage } of [this.#totals, this.#sums]) this.model.device.destroyBuffer(storage.buffer!);
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
      return (await heldOut.measure())!;
    } finally {
      heldOut.close();
    }
  } finally {
    pool.close();
  }
}
