import fc from "npm:fast-check@4.10.2";
import {
  type Batch,
  batches,
  type Bucket,
  type EncodedPair,
  paddingWaste,
  planBuckets,
  withoutLongPairs,
} from "../../lib/data/batches.ts";
import { PAD } from "../../lib/data/vocabulary.ts";
import { Random } from "../../lib/random.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

/** A pair whose tokens tell its number, so that a copy to a wrong place shows. */
const encoded = (index: number, source: number, target: number): EncodedPair => ({
  source: Uint32Array.from({ length: source }, (_, time) => 1_000 + index * 100 + time),
  target: Uint32Array.from({ length: target }, (_, time) => 900_000 + index * 100 + time),
});

const corpus = (count: number, seed = 1): EncodedPair[] => {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, index) => {
    const length = 3 + Math.floor(Math.abs(random.normal()) * 6);
    return encoded(index, length, Math.max(2, length + random.integer(5) - 2));
  });
};

/** Checks everything that is promised of a batch. */
function checkBatch(batch: Batch, pairs: readonly EncodedPair[]): void {
  const { bucket: { sourceLength, targetLength, rows }, size, indices } = batch;
  assert(size >= 1 && size <= rows && indices.length === size);
  assertEquals([batch.source.length, batch.target.length], [sourceLength * rows, targetLength * rows]);
  assertEquals([batch.sourceLengths.length, batch.targetLengths.length], [rows, rows]);
  let tokens = 0;
  for (let row = 0; row < rows; row++) {
    const pair = row < size
      ? pairs[indices[row]!]!
      : { source: new Uint32Array(), target: new Uint32Array() };
    assertEquals([batch.sourceLengths[row], batch.targetLengths[row]], [
      pair.source.length,
      pair.target.length,
    ]);
    for (const side of ["source", "target"] as const) {
      const length = side === "source" ? sourceLength : targetLength;
      const column = Array.from({ length }, (_, time) => batch[side][time * rows + row]!);
      assertEquals(column, Array.from({ length }, (_, time) => pair[side][time] ?? PAD));
    }
    tokens += Math.max(0, pair.target.length - 1);
  }
  assertEquals(batch.tokens, tokens);
}

Deno.test("batches() gives every pair once, copied to its place, whatever the lengths", () => {
  const lengths = fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 2, max: 12 })), {
    minLength: 1,
    maxLength: 200,
  });
  const size = fc.oneof(
    fc.record({ batchSentences: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ batchTokens: fc.integer({ min: 1, max: 150 }) }),
  );
  const maxBuckets = fc.integer({ min: 1, max: 6 });
  fc.assert(
    fc.property(
      lengths,
      size,
      maxBuckets,
      fc.nat(),
      fc.boolean(),
      (lengths, size, maxBuckets, seed, shuffle) => {
        const pairs = lengths.map(([source, target], index) => encoded(index, source, target));
        const buckets = planBuckets(pairs, { ...size, maxBuckets });
        assert(buckets.length >= 1 && buckets.length <= maxBuckets);
        const seen: number[] = [];
        for (const batch of batches(pairs, buckets, { seed, epoch: 3, shuffle })) {
          checkBatch(batch, pairs);
          assert(buckets.includes(batch.bucket));
          seen.push(...batch.indices);
        }
        assertEquals(seen.sort((a, b) => a - b), pairs.map((_, index) => index));
      },
    ),
  );
});

const orderOf = (
  pairs: readonly EncodedPair[],
  buckets: readonly Bucket[],
  seed: number,
  epoch: number,
): string => [...batches(pairs, buckets, { seed, epoch })].map(({ indices }) => indices.join()).join(";");

Deno.test("batches() depends on seed and epoch alone", () => {
  const pairs = corpus(300);
  const buckets = planBuckets(pairs, { batchSentences: 8 });
  assertEquals(orderOf(pairs, buckets, 1, 0), orderOf(pairs, buckets, 1, 0));
  const orders = [[1, 0], [1, 1], [2, 0], [0, 1]].map(([seed, epoch]) =>
    orderOf(pairs, buckets, seed!, epoch!)
  );
  assertEquals(new Set(orders).size, 4);
});

Deno.test("batches() begins behind those that are skipped, without a look at their pairs", () => {
  const pairs = corpus(300);
  const buckets = planBuckets(pairs, { batchSentences: 8 });
  const options = { seed: 1, epoch: 2 };
  const all = [...batches(pairs, buckets, options)];
  const looked = new Set<number>();
  const contents = new Proxy(pairs, {
    get: (target, key) => {
      looked.add(Number(key));
      return target[key as unknown as number];
    },
  });
  const rest = [...batches(pairs, buckets, { ...options, contents, skip: 30 })];
  assertEquals(rest, all.slice(30));
  assertEquals(looked, new Set(all.slice(30).flatMap(({ indices }) => [...indices])));
  assertEquals([...batches(pairs, buckets, { ...options, skip: all.length })], []);
});

Deno.test("batches() mixes the buckets in its order", () => {
  const pairs = corpus(2_000);
  const buckets = planBuckets(pairs, { batchSentences: 16, maxBuckets: 4 });
  const order = [...batches(pairs, buckets, { seed: 1, epoch: 0 })].map(({ bucket }) =>
    buckets.indexOf(bucket)
  );
  const changes = order.slice(1).filter((bucket, index) => bucket !== order[index]).length;
  assert(changes > order.length / 2, `the bucket changes ${changes} times in ${order.length} batches`);
});

Deno.test("batches() without shuffling keeps the order of the corpus within a bucket", () => {
  const pairs = corpus(50);
  const buckets = planBuckets(pairs, { batchSentences: 16, maxBuckets: 1 });
  const seen = [...batches(pairs, buckets, { seed: 1, epoch: 0, shuffle: false })].flatMap((
    { indices },
  ) => [...indices]);
  assertEquals(seen, pairs.map((_, index) => index));
});

Deno.test("batches() moves left-over pairs up instead of leaving a batch mostly empty", () => {
  const buckets = [
    { sourceLength: 4, targetLength: 4, rows: 8 },
    { sourceLength: 5, targetLength: 5, rows: 8 },
    { sourceLength: 6, targetLength: 6, rows: 8 },
  ];
  // 9, 9 and 6 pairs: one left in each of the first two, which fill the third.
  const pairs = [4, 5, 6].flatMap((length, at) =>
    Array.from({ length: [9, 9, 6][at]! }, () => encoded(0, length, length))
  );
  const made = [...batches(pairs, buckets, { seed: 1, epoch: 0 })];
  assertEquals(made.map(({ size }) => size), [8, 8, 8]);
  assertEquals(paddingWaste(pairs, buckets).batches, 3);
});

Deno.test("batches() refuses a pair that fits no bucket, at once, and an empty one", () => {
  const buckets = [{ sourceLength: 5, targetLength: 4, rows: 2 }];
  const refuse = (pair: EncodedPair, message: string): void => {
    assertThrows(
      () => batches([encoded(0, 3, 3), pair], buckets, { seed: 1, epoch: 0 }),
      RangeError,
      message,
    );
  };
  refuse(encoded(1, 6, 4), "pair 1: it has 6 source and 4 target tokens, and the largest bucket is 5x4");
  refuse(encoded(1, 5, 5), "withoutLongPairs()");
  refuse(encoded(1, 0, 3), "the least are 1 and 2");
  refuse(encoded(1, 3, 1), "the least are 1 and 2");
});

Deno.test("planBuckets() cuts padding far below that of one bucket, each bucket serving some batches", () => {
  const pairs = corpus(20_000);
  const buckets = planBuckets(pairs, { batchSentences: 32 });
  const waste = paddingWaste(pairs, buckets).fraction;
  const alone = paddingWaste(pairs, planBuckets(pairs, { batchSentences: 32, maxBuckets: 1 })).fraction;
  assert(
    buckets.length <= 16 && waste < 0.15 && alone > 0.5,
    `${buckets.length} buckets: ${waste}, one: ${alone}`,
  );
  const served = new Map<Bucket, number>();
  for (const { bucket } of batches(pairs, buckets, { seed: 1, epoch: 0 })) {
    served.set(bucket, (served.get(bucket) ?? 0) + 1);
  }
  for (const bucket of buckets) assert((served.get(bucket) ?? 0) >= 3, JSON.stringify(bucket));
});

Deno.test("planBuckets() makes no bucket for less than a few batches", () => {
  assertEquals(planBuckets(corpus(200), { batchSentences: 32 }).length, 1);
  assert(planBuckets(corpus(200), { batchSentences: 4 }).length > 1);
});

Deno.test("planBuckets() ends with a bucket that fits the longest source beside the longest target", () => {
  const pairs = [...corpus(2_000), encoded(0, 90, 2), encoded(1, 2, 80)];
  const last = planBuckets(pairs, { batchSentences: 4 }).at(-1)!;
  assertEquals([last.sourceLength, last.targetLength], [90, 80]);
});

Deno.test("planBuckets() takes its rows from sentences or tokens", () => {
  const rows = (count: number, options: Parameters<typeof planBuckets>[1]): number =>
    planBuckets(Array.from({ length: count }, () => encoded(0, 10, 7)), options)[0]!.rows;
  assertEquals(rows(1_000, {}), 64);
  assertEquals(rows(1_000, { batchSentences: 37 }), 37);
  assertEquals(rows(1_000, { batchTokens: 279 }), 24);
  assertEquals(rows(1_000, { batchTokens: 79 }), 7);
  assertEquals(rows(1_000, { batchTokens: 3 }), 1);
  assertEquals(rows(5, { batchSentences: 64 }), 5);
});

Deno.test("planBuckets() refuses what makes no sense", () => {
  assertThrows(() => planBuckets([]), RangeError, "no pairs");
  const pairs = corpus(10);
  assertThrows(() => planBuckets(pairs, { batchSentences: 1, batchTokens: 1 }), RangeError, "not both");
  for (const name of ["batchSentences", "batchTokens", "maxBuckets"]) {
    assertThrows(() => planBuckets(pairs, { [name]: 0 }), RangeError, name);
    assertThrows(() => planBuckets(pairs, { [name]: 1.5 }), RangeError, name);
  }
});

Deno.test("withoutLongPairs() drops pairs with a side that is too long", () => {
  const pairs = [encoded(0, 3, 3), encoded(1, 4, 3), encoded(2, 3, 4)];
  assertEquals(withoutLongPairs(pairs, 3), { kept: [pairs[0]!], indices: [0], dropped: 2 });
});

Deno.test("batches() takes other contents where they fit, and the pairs themselves where they do not", () => {
  const make = (source: number, target: number, word: number) => ({
    source: new Uint32Array(source).fill(word),
    target: new Uint32Array(target).fill(word),
  });
  const pairs = [make(3, 3, 7), make(4, 2, 8), make(2, 4, 9)];
  const buckets = planBuckets(pairs, { batchSentences: 3 });
  const contents = [make(4, 4, 17), make(5, 2, 18), make(2, 5, 19)];
  const [batch] = [...batches(pairs, buckets, { seed: 1, epoch: 0, shuffle: false, contents })];
  const { bucket: { rows }, source, sourceLengths, targetLengths, tokens } = batch!;
  assertEquals([...source.subarray(0, rows)], [17, 8, 9]);
  assertEquals([...sourceLengths], [4, 4, 2]);
  assertEquals([...targetLengths], [4, 2, 4]);
  assertEquals(tokens, 3 + 1 + 3);
});

Deno.test("every epoch has as many batches of each shape, whichever pairs are left over", () => {
  const pair = (source: number, target: number) => ({
    source: new Uint32Array(source).fill(7),
    target: new Uint32Array(target).fill(9),
  });
  const rows = 4;
  const buckets = [[10, 10], [8, 16], [12, 10], [12, 16]].map(([sourceLength, targetLength]) => ({
    ...{ sourceLength: sourceLength!, targetLength: targetLength!, rows },
  }));
  // One pair is left over of the first bucket: those with a short source would also fit the second.
  const pairs = [
    ...Array.from({ length: 9 }, (_, i) => pair(i % 2 === 0 ? 8 : 10, 10)),
    ...Array.from({ length: 7 }, () => pair(8, 16)),
    ...Array.from({ length: 4 }, () => pair(12, 10)),
    ...Array.from({ length: 8 }, () => pair(12, 16)),
  ];
  const shapes = (epoch: number) =>
    [...batches(pairs, buckets, { seed: 1, epoch })].map(({ bucket }) => JSON.stringify(bucket)).sort();
  for (let epoch = 1; epoch < 20; epoch++) assertEquals(shapes(epoch), shapes(0));
});
