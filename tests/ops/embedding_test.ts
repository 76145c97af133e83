// Looking up rows of a table, and the host's part of its gradient.

import { Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { copyColumns, copyInto } from "../../lib/ops/concatenate.ts";
import { embedding, invertIds } from "../../lib/ops/embedding.ts";
import { Random } from "../../lib/random.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";
import { checkOperation, inject, normals, type Numbers } from "./check.ts";

/** The rows of `weight` that the ids name, `unknown` for those past its end, the last one if left out. */
function reference(weight: Numbers, ids: readonly number[], width: number, unknown?: number): number[] {
  const vocabulary = weight.length / width;
  const rows = ids.map((id) => id < vocabulary ? id : unknown ?? vocabulary - 1);
  return rows.flatMap((row) => Array.from({ length: width }, (_, j) => weight[row * width + j]!));
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
  checkOperation({
    name: `embedding(), twice from a view, of ${name}`,
    inputs: { weight: [vocabulary, width] },
    integers: { ids: { shape: [2, ...shape], values: [...ids, ...ids.toReversed()] } },
    record: (tape, { weight, ids }) => ({
      y: embedding(tape, weight, ids.at(1)),
      z: embedding(tape, weight, ids.at(0)),
    }),
    reference: ({ weight }) => ({
      y: reference(weight, ids.toReversed(), width),
      z: reference(weight, ids, width),
    }),
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

checkOperation({
  name: "embedding() of unknown ids as another one, whole and from a view",
  inputs: { weight: [4, 3] },
  integers: { ids: { shape: [2, 3], values: [4, 1, 9, 3, 7, 5] } },
  record: (tape, { weight, ids }) => ({
    y: embedding(tape, weight, ids, { unknown: 1 }),
    z: embedding(tape, weight, ids.at(1), { unknown: 1 }),
  }),
  reference: ({ weight }) => ({
    y: reference(weight, [4, 1, 9, 3, 7, 5], 3, 1),
    z: reference(weight, [3, 7, 5], 3, 1),
  }),
});

testEachProfile(
  "embedding() of ids that a kernel wrote has the gradient of the host's bit for bit",
  async (device) => {
    const [vocabulary, width, tokens] = [23, 12, 90];
    const random = new Random(4);
    const chosen = Uint32Array.from({ length: tokens }, () => random.integer(vocabulary + 3));
    const dy = normals(random, tokens * width);
    const gradients: Numbers[] = [];
    for (const hostIds of [true, false]) {
      const parameters = new Parameters(device);
      const weight = parameters.declare("weight", [vocabulary, width], (_, size) => new Float32Array(size));
      parameters.allocate(random);
      const tape = new Tape(device, { training: true });
      const ids = tape.input("ids", [tokens], "u32");
      const written = tape.tensor([tokens], "written", "u32");
      copyColumns(tape, ids, written);
      const y = embedding(tape, weight, hostIds ? ids : written);
      const injected = tape.input("dy", y.shape, "f32");
      tape.onBackward(() => tape.dispatch(inject, { x: injected, dy: y.grad }, { size: y.size }));
      tape.backward([weight]);
      const plan = await Plan.compile(tape);
      plan.run({ ids: chosen, dy });
      gradients.push((await plan.read(weight.grad))[0]!);
      plan.close();
      parameters.close();
    }
    assertEquals(gradients[1], gradients[0]);
  },
);

Deno.test("embedding() refuses an unknown id that the table lacks", () => {
  const tape = new Tape(device, { training: true });
  const weight = tape.input("weight", [4, 2], "f32");
  const ids = tape.input("ids", [3], "u32");
  const record = () => embedding(tape, weight, ids, { unknown: 4 });
  assertThrows(record, RangeError, 'row 4 of "weight" for unknown ids: it has 4');
});

Deno.test("invertIds() lists the positions of each id in order", () => {
  const inverse = new Uint32Array(4 + 5).fill(9);
  invertIds(Uint32Array.of(2, 0, 2, 7, 0), inverse, 3);
  assertEquals(Array.from(inverse), [0, 2, 2, 5, 1, 4, 0, 2, 3]);
});

Deno.test("invertIds() lists ids past the vocabulary as the unknown one", () => {
  const inverse = new Uint32Array(4 + 5);
  invertIds(Uint32Array.of(2, 3, 0, 7, 1), inverse, 3, 1);
  assertEquals(Array.from(inverse), [0, 1, 4, 5, 2, 1, 3, 4, 0]);
});
