// What each computation takes at the least, counted by hand.

import { cost, title, type Work } from "../../bench/work.ts";
import { assert, assertEquals } from "../assert.ts";

Deno.test("a product takes two operations a multiply-add, and each matrix once", () => {
  const work: Work = { kind: "matmul", rows: 2, inner: 3, columns: 5 };
  assertEquals(cost(work), { flop: 60, bytes: 4 * (6 + 15 + 10) });
  assertEquals(title(work), "matmul 2 x 3 x 5");
});

Deno.test("a recurrent layer takes three products a step", () => {
  const shape = { steps: 7, batch: 3, inputs: 2, hidden: 5 };
  // Forward, to input and state, to the weights: [3, 2 + 5] x [2 + 5, gates].
  assertEquals(cost({ kind: "recurrent", cell: "lstm", ...shape }).flop, 3 * 7 * (2 * 3 * (2 + 5) * 20));
  assertEquals(cost({ kind: "recurrent", cell: "gru", ...shape }).flop, 3 * 7 * (2 * 3 * (2 + 5) * 15));
});

Deno.test("the IMDB step takes 1.86 GFLOP with LSTMs", () => {
  const { flop } = cost({ kind: "imdb", cell: "lstm", steps: 300, batch: 100, hidden: 50 });
  assert(Math.abs(flop / 1.86e9 - 1) < 0.01, `${flop}`);
});

Deno.test("a translation step's output layer takes what cross-entropy does, and most of the step", () => {
  const shape = { batch: 64, source: 10, target: 10, embedding: 128, hidden: 256 };
  const step = (targetVocabulary: number) =>
    cost({ kind: "translation", ...shape, sourceVocabulary: 5_000, targetVocabulary }).flop;
  const output = cost({ kind: "cross-entropy", rows: 640, width: 256, classes: 8_000 }).flop;
  assertEquals(step(8_000) - step(0), output);
  assert(step(8_000) > 1.2 * output && step(8_000) < 2 * output, `${step(8_000)}`);
});

Deno.test("Adam with clipping moves eight numbers a parameter", () => {
  assertEquals(cost({ kind: "adam", parameters: 10 }), { flop: 0, bytes: 320 });
});

Deno.test("the gradient of an embedding writes the whole table", () => {
  assertEquals(cost({ kind: "embedding", tokens: 2, vocabulary: 100, width: 3 }).bytes, 4 * (18 + 300 + 2));
});
