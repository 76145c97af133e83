// Evaluation: where a translator looks while it is given the words of a translation: what alignments of references are
// made of.

import { type Batch, batches, type Bucket, planBuckets } from "../data/batches.ts";
import type { Pair } from "../data/pair.ts";
import { BufferPool } from "../gpu/memory.ts";
import { Plan } from "../gpu/plan.ts";
import { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { inReadingOrder, LONGEST_SENTENCE } from "../models/encoded_source.ts";
import type { Seq2Seq } from "../models/seq2seq.ts";
import { copyInto } from "../ops/concatenate.ts";
import type { Attended } from "./alignment.ts";

/** Limits of {@linkcode forcedAttention}. */
export interface ForcedAttentionOptions {
  /** Pairs at a time; 64 by default. */
  readonly batch?: number;
}

/** A plan and what it leaves: [steps, rows, source steps]. */
interface ForcedPlan {
  readonly plan: Plan;
  readonly weights: Tensor;
}

/**
 * Tells where a model looks for each word of given translations, such as references: at each step it is given the right
 * words before, as in training (forced decoding). With `alignment()` and `alignmentErrorRate()` this compares the model
 * with alignments of those very translations, which are made for references and not for what a model writes.
 *
 * The host waits once a batch.
 *
 * @param model A translator with attention.
 * @param pairs The sentences and their translations.
 * @returns For each pair the source words, the target words and `<eos>`, and for each of these the attention to each source
 *   word; words that the model does not know stand as they are.
 * @throws {RangeError} If the model has no attention, a side of a pair is longer than {@linkcode LONGEST_SENTENCE}, or
 *   `batch` is no positive integer.
 *
 * @example An untrained model has no idea
 * ```ts
 * import { alignment, alignmentErrorRate, forcedAttention, openDevice, parseAlignment, Seq2Seq, Tokenizer } from "../../mod.ts";
 *
 * const device = await openDevice();
 * const source = Tokenizer.words(["red wine"]), target = Tokenizer.words(["vin rouge"]);
 * const model = new Seq2Seq(device, { source, target, embedding: 8, hidden: 8 });
 * const [attended] = await forcedAttention(model, [{ source: "red wine", target: "vin rouge" }]);
 * const rate = alignmentErrorRate([alignment(attended!)], [parseAlignment("1-0 0-1")]);
 * console.assert(attended!.target.join(" ") === "vin rouge <eos>" && rate >= 0 && rate <= 1);
 * device.close();
 * ```
 */
export async function forcedAttention(
  model: Seq2Seq,
  pairs: readonly Pair[],
  { batch: most = 64 }: ForcedAttentionOptions = {},
): Promise<Attended[]> {
  if (!Number.isInteger(most) || most < 1) {
    throw new RangeError(`Cannot force translations with batch ${most}: it must be a positive integer.`);
  }
  if (pairs.length === 0) return [];
  const encoded = model.encode(pairs);
  for (const [index, { source, target }] of encoded.entries()) {
    if (Math.max(source.length, target.length) > LONGEST_SENTENCE) refuseLong(pairs[index]!);
  }
  const buckets = planBuckets(encoded, { batchSentences: Math.min(most, encoded.length) });
  const pool = new BufferPool(model.device);
  const plans = new Map<Bucket, ForcedPlan>();
  try {
    const results: Attended[] = new Array(pairs.length);
    for (const batch of batches(encoded, buckets, { seed: 0, epoch: 0, shuffle: false })) {
      const { bucket } = batch;
      if (!plans.has(bucket)) plans.set(bucket, await record(model, bucket, pool));
      const { plan, weights } = plans.get(bucket)!;
      const inputs = Object.entries(model.inputs(batch)).filter(([name]) => plan.tape.inputs.has(name));
      plan.run(Object.fromEntries(inputs));
      const [read] = await plan.read(weights);
      batch.indices.forEach((index, row) => {
        results[index] = attended(model, pairs[index]!, batch, row, read as Float32Array);
      });
    }
    return results;
  } finally {
    for (const { plan } of plans.values()) plan.close();
    pool.close();
  }
}

async function record(model: Seq2Seq, bucket: Bucket, pool: BufferPool): Promise<ForcedPlan> {
  const tape = new Tape(model.device, { training: false });
  const attention = model.forcedAttention(tape, bucket);
  const weights = tape.kept(attention.shape, "forced attention");
  copyInto(tape, attention, weights);
  return { plan: await Plan.compile(tape, pool), weights };
}

/** What belongs to one row of a batch. */
function attended(model: Seq2Seq, pair: Pair, batch: Batch, row: number, weights: Float32Array): Attended {
  const { bucket: { rows, sourceLength }, sourceLengths, targetLengths } = batch;
  const attention = Array.from({ length: targetLengths[row]! - 1 }, (_, t) => {
    const start = (t * rows + row) * sourceLength;
    return inReadingOrder(weights.subarray(start, start + sourceLengths[row]!), model.config);
  });
  const target = model.target.tokens(pair.target).slice(1); // nothing is looked for before <sos>
  return { source: model.source.tokens(pair.source), target, attention };
}

function refuseLong({ source, target }: Pair): never {
  throw new RangeError(
    `Cannot force the translation of "${source.slice(0, 40)}", "${
      target.slice(0, 40)
    }": a side has more than ` +
      `${LONGEST_SENTENCE - 2} words. Split it at its full stops.`,
  );
}
