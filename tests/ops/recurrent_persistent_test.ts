// The kernels that keep the recurrent weights in registers against the step-by-step way: gru_test.ts and lstm_test.ts
// compare both with plain loops. Sizes lie on both sides of every border between shapes of workgroups.

import fc from "npm:fast-check@4.10.2";
import { persistentBackward, persistentForward } from "../../kernels/recurrent_persistent.ts";
import type { Device } from "../../lib/gpu/device.ts";
import { persistentShape } from "../../lib/ops/recurrent_persistent.ts";
import { recurrentVariant } from "../../lib/ops/recurrent_variants.ts";
import { assert, assertEquals } from "../assert.ts";
import { device } from "../device.ts";
import { assertSameLayer, type LayerCase, runLayer } from "./recurrent_layer.ts";

/** Compares a layer in registers with one step by step, and with itself. */
async function compare(layer: LayerCase): Promise<void> {
  const sizes = { ...layer };
  assertEquals(recurrentVariant(device, layer.cell, sizes)?.name, "persistent");
  const whole = await runLayer(device, layer, true);
  assertSameLayer(whole, await runLayer(device, layer, false));
  assertEquals(await runLayer(device, layer, true), whole, "a second run gives other numbers");
}

const BORDERS = { gru: [4, 5, 40, 41, 80, 81, 120], lstm: [4, 5, 32, 33, 64, 65, 104] } as const;
for (const cell of ["gru", "lstm"] as const) {
  for (const [index, hidden] of BORDERS[cell].entries()) {
    const layer = { cell, steps: 3, batch: 4, hidden, reverse: index % 2 === 1 };
    Deno.test(`${cell}() of ${hidden} units in registers is that of step by step`, () => compare(layer));
  }
}

Deno.test("layers in registers are those of step by step, whatever their shape", async () => {
  const shape = fc.record({
    cell: fc.constantFrom("gru" as const, "lstm" as const),
    steps: fc.integer({ min: 1, max: 7 }),
    batch: fc.integer({ min: 1, max: 9 }),
    hidden: fc.integer({ min: 1, max: 8 }),
    reverse: fc.boolean(),
  });
  await fc.assert(fc.asyncProperty(shape, compare), { numRuns: 25, seed: 1 });
});

Deno.test("a workgroup takes a layer while its weights fit into registers and its invocations are allowed", () => {
  const shape = (cell: "gru" | "lstm", hidden: number, most = 1024) => {
    const limits = { maxComputeInvocationsPerWorkgroup: most, maxComputeWorkgroupSizeX: most };
    return persistentShape({ limits } as Device, cell, hidden);
  };
  assertEquals(shape("lstm", 1), { hidden: 4, parts: 1 });
  assertEquals(shape("lstm", 32), { hidden: 32, parts: 1 });
  assertEquals(shape("lstm", 50), { hidden: 52, parts: 2 });
  assertEquals(shape("lstm", 104), { hidden: 104, parts: 4 });
  assertEquals(shape("lstm", 105), undefined);
  assertEquals(shape("gru", 40), { hidden: 40, parts: 1 });
  assertEquals(shape("gru", 120), { hidden: 120, parts: 4 });
  assertEquals(shape("gru", 121), undefined);
  assertEquals(shape("gru", 64, 128), { hidden: 64, parts: 2 });
  assertEquals(shape("gru", 65, 128), undefined);
});

Deno.test("each invocation of a persistent kernel has its weights in variables of their own", () => {
  for (const write of [persistentForward, persistentBackward]) {
    const text = write("lstm", { hidden: 52, parts: 2 });
    assert(text.includes("@compute @workgroup_size(104)"));
    assertEquals(text.match(/var w\d+: Gates;/g)?.length, 26);
    assertEquals(text.match(/sum = fma\([^;]*, w\d+, sum\);/g)?.length, 26);
    assertEquals(text.match(/workgroupBarrier/g)?.length, write === persistentForward ? 3 : 2);
  }
});
