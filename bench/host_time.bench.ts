// The host's share of the translation step (see translation_step.bench.ts): putting a batch together, writing it, encoding
// the kernels and submitting them. The GPU is idle when the clock starts: where submitting waits for the step before, as it
// does on software adapters, that wait is the GPU's time. Measured by hand, as `deno bench` shows no 95th percentile.

import { batches, openDevice, planBuckets, Random, Seq2Seq, Tokenizer } from "../mod.ts";
import { Optimization } from "../lib/training/optimization.ts";
import { completeTraining } from "../lib/training/options.ts";

const random = new Random(1);
const words = (count: number) =>
  Tokenizer.words(Array.from({ length: count - 4 }, (_, index) => `word${index}`));
const ids = (length: number, vocabulary: number) =>
  Uint32Array.from({ length }, () => 4 + random.integer(vocabulary - 4));

const device = await openDevice();
const model = new Seq2Seq(device, {
  source: words(5_000),
  target: words(8_000),
  embedding: 128,
  hidden: 256,
});
/** Enough for all that is measured, in one epoch. */
const pairs = Array.from({ length: 64 * 300 }, () => ({ source: ids(10, 5_000), target: ids(11, 8_000) }));
const buckets = planBuckets(pairs, { batchSentences: 64 });
const optimization = new Optimization(model, buckets, completeTraining({}, model));
await optimization.layout().allocate();
console.log(`adapter     ${device.description}, profile ${device.profile}, deno ${Deno.version.deno}`);
console.log(`step        ${optimization.dispatches} dispatches, shapes ${JSON.stringify(buckets)}`);

const epoch = batches(pairs, buckets, { seed: 1, epoch: 0 });

const [warmUp, measured] = [10, 100];
const times: { data: number; step: number; both: number }[] = [];
for (let i = 0; i < warmUp + measured; i++) {
  await optimization.sums();
  const start = performance.now();
  const batch = epoch.next().value;
  const put = performance.now();
  optimization.step([batch], i);
  const end = performance.now();
  if (i >= warmUp) times.push({ data: put - start, step: end - put, both: end - start });
}
console.log(`host time   ${measured} steps, in ms         mean   p95    longest`);
for (
  const [part, name] of [
    ["data", "put the batch together"],
    ["step", "write, encode, submit"],
    ["both", "both"],
  ] as const
) {
  const sorted = times.map((time) => time[part]).sort((a, b) => a - b);
  const mean = sorted.reduce((sum, time) => sum + time, 0) / measured;
  const figures = [mean, sorted[Math.floor(0.95 * measured)]!, sorted.at(-1)!];
  console.log(
    `            ${name.padEnd(24)}  ${figures.map((time) => time.toFixed(2).padStart(5)).join("  ")}`,
  );
}
device.close();
