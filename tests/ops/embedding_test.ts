// Looking up rows of a table, and the host's part of its gradient.

import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { embedding, invertIds } from "../../lib/ops/embedding.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";
import { checkOperation } from "./check.ts";

/** The rows of `weight` that the ids name, the last one for those past its end. */
function reference(weight: ArrayLike<number>, ids: readonly number[], width: number): number[] {
  const last = weight.length / width - 1;
  return ids.flatMap((id) =>
    Array.from({ length: width }, (_, j) => weight[Math.min(id, last) * width + j]!)
  );
}

const cases = [
  { name: "one id of one row of one number", vocabulary: 1, width: 1, shape: [1], ids: [0] },
  { name: "repeated and unused ids", vocabulary: 5, width: 3, shape: [2, 4], ids: [0, 4, 4, 1, 0, 0, 4, 1] },
  { name: "ids past the table's end", vocabulary: 4, width: 3, shape: [5], ids: [4, 3, 1000, 0, 4294967295] },
  { name: "a table wider than a workgroup", vocabulary: 3, width: 67, shape: [3, 1], ids: [2, 0, 2] },
  ...[4, 28, 31, 32, 33, 36, 252, 256, 260].map((width) => ({
    name: `rows of ${width}, which lanes take in fours or one by one`,
    vocabulary: 4,
    width,
    shape: [4],
    ids: [3, 1, 3, 0],
  })),
];

for (const { name, vocabulary, width, shape, ids } of cases) {
  checkOperation({
    name: `embedding() of ${name}`,
    inputs: { weight: [vocabulary, width] },
    integers: { ids: { shape, values: ids } },
    record: (tape, { weight, ids }) => ({ y: embedding(tape, weight, ids) }),
    reference: ({ weight }) => ({ y: reference(weight, ids, width) }),
  });
}

testEachProfile("embedding() outside training takes ids that a kernel wrote, from a view", async (device) => {
  const tape = new Tape(device, { training: false });
  const weight = tape.input("weight", [4, 2], "f32");
  const ids = tape.input("ids", [3, 2], "u32");
  const y = embedding(tape, weight, ids.at(2));
  const copy = tape.kept([2, 2], "copy");
  copyInto(tape, y, copy);
  const plan = await Plan.compile(tape);
  plan.run({ weight: Float32Array.of(0, 1, 10, 11, 20, 21, 30, 31), ids: Uint32Array.of(0, 0, 0, 0, 3, 1) });
  assertEquals(Array.from((await plan.read(copy))[0]!), [30, 31, 10, 11]);
  plan.close();
});

Deno.test("embedding() in training refuses ids that the host does not write whole", () => {
  const tape = new Tape(device, { training: true });
  const weight = tape.input("weight", [4, 2], "f32");
  const part = tape.input("ids", [3, 2], "u32").at(1);
  assertThrows(
    () => embedding(tape, weight, part),
    TypeError,
    'embedding "ids": the ids must be a whole input',
  );
});

Deno.test("invertIds() lists the positions of each id in order", () => {
  const inverse = new Uint32Array(4 + 5).fill(9);
  invertIds(Uint32Array.of(2, 0, 2, 7, 0), inverse, 3);
  assertEquals(Array.from(inverse), [0, 2, 2, 5, 1, 4, 0, 2, 3]);
});
