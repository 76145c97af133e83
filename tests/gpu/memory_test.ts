// Activations that share buffers: never two that are needed at the same time.

import fc from "npm:fast-check@4.10.2";
import { fillKernel } from "../../lib/gpu/fill.ts";
import { BufferPool, type MemoryLayout } from "../../lib/gpu/memory.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import type { Dispatch } from "../../lib/gpu/dispatch.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { Storage } from "../../lib/gpu/tensor.ts";
import { openDevice } from "../../lib/gpu/device.ts";
import { tanh } from "../../lib/ops/activation.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { device } from "../device.ts";

/** Dispatches that use activations of the given sizes by index. */
function dispatchesOf(sizes: readonly number[], uses: readonly (readonly number[])[]): Dispatch[] {
  const storages = sizes.map((size, i) => new Storage(`activation ${i}`, size, "f32", "activation"));
  return uses.map((indices) => ({
    kernel: fillKernel,
    storages: indices.map((index) => storages[index % storages.length]!),
    params: new ArrayBuffer(0),
    workgroups: [1],
    alternatives: [],
    bytes: 0,
  }));
}

/** Fails if a buffer would hold two activations that are both needed at some dispatch. */
function assertApart(dispatches: readonly Dispatch[], { slots }: MemoryLayout): void {
  const lives = new Map<Storage, [number, number]>();
  dispatches.forEach(({ storages }, index) => {
    for (const storage of storages) lives.set(storage, [lives.get(storage)?.[0] ?? index, index]);
  });
  const all = [...lives];
  all.forEach(([a, [from, to]], i) => {
    for (const [b, [start, end]] of all.slice(i + 1)) {
      const overlap = from <= end && start <= to;
      assert(!overlap || slots.get(a) !== slots.get(b), `${a.label} and ${b.label} share a buffer`);
    }
  });
}

const recording = fc.record({
  sizes: fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 12 }),
  uses: fc.array(fc.array(fc.nat(11), { minLength: 1, maxLength: 4 }), { maxLength: 20 }),
}).map(({ sizes, uses }) => dispatchesOf(sizes, uses));

Deno.test("BufferPool.layout() never lets two activations share while both are needed", () => {
  fc.assert(fc.property(fc.array(recording, { minLength: 1, maxLength: 3 }), (recordings) => {
    const pool = new BufferPool(device);
    for (const dispatches of recordings) assertApart(dispatches, pool.layout(dispatches));
  }));
});

Deno.test("BufferPool gives every activation a buffer that it fits into, also when a later tape needs more", () => {
  fc.assert(
    fc.property(recording, recording, recording, (first, second, third) => {
      const pool = new BufferPool(device);
      // The third is laid out after buffers exist, which cannot grow any more.
      const layouts = [pool.layout(first), pool.layout(second)];
      for (const layout of layouts) pool.allocate(layout);
      layouts.push(pool.layout(third));
      pool.allocate(layouts[2]!);
      for (const { slots } of layouts) {
        for (const [storage] of slots) assert(storage.buffer!.size >= storage.byteSize, storage.label);
      }
      pool.close();
    }),
    { numRuns: 20 },
  );
});

Deno.test("a chain of activations takes two buffers, however long it is", () => {
  const uses = Array.from({ length: 50 }, (_, i) => [i, i + 1]);
  const dispatches = dispatchesOf(new Array<number>(51).fill(10), uses);
  const pool = new BufferPool(device);
  const { unshared } = pool.layout(dispatches);
  assertEquals([pool.bytes, unshared], [2 * 40, 51 * 40]);
});

Deno.test("activations that share memory hold the right numbers", async () => {
  const record = (tape: Tape) => {
    let x = tape.input("x", [300], "f32");
    for (let i = 0; i < 20; i++) x = tanh(tape, x);
    const y = tape.kept([300], "y");
    copyInto(tape, x, y);
    return y;
  };
  const tape = new Tape(device, { training: false });
  const y = record(tape);
  const pool = new BufferPool(device);
  const plan = await Plan.compile(tape, pool);
  assert(pool.bytes < plan.memory.unshared / 5);
  const x = Float32Array.from({ length: 300 }, (_, i) => i / 100 - 1.5);
  plan.run({ x });
  const expected = x.map((value) => {
    for (let i = 0; i < 20; i++) value = Math.tanh(value);
    return value;
  });
  (await plan.read(y))[0]!.forEach((value, i) => assert(Math.abs(value - expected[i]!) < 1e-5));
  plan.close();
  pool.close();
});

Deno.test("activations over the memory budget are refused before any is allocated", async () => {
  const small = await openDevice({ memoryBudget: 10_000 });
  const tape = new Tape(small, { training: false });
  tanh(tape, tanh(tape, tape.input("x", [1500], "f32")));
  const compile = () => Plan.compile(tape);
  await assertRejects(
    compile,
    RangeError,
    'Cannot allocate 18656 bytes for "activations, inputs and results": 0 of the memory budget of 10000 bytes',
  );
  assertEquals(small.bufferCount.buffers, 0);
  small.close();
});
