// Every operation over shapes drawn at random, forward and backward, on every profile. A new file in lib/ops/ has to get a
// property, or a place among the parts of others.

import { assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import { repetitions } from "./repetitions.ts";
import { choices } from "../ops/generated/choices.ts";
import { elementwise } from "../ops/generated/elementwise.ts";
import { layers } from "../ops/generated/layers.ts";
import type { Property } from "../ops/generated/property.ts";
import { training } from "../ops/generated/training.ts";

const properties: Readonly<Record<string, Property>> = { ...choices, ...elementwise, ...layers, ...training };

/** What has no property of its own, by the operation that it belongs to. */
const parts: Readonly<Record<string, string>> = {
  add_parts: "matmul",
  attention_kernels: "attention",
  attention_options: "attention",
  lanes: "argmax",
  matmul_variants: "matmul",
  output_layer: "cross_entropy",
  parts: "concatenate",
  recurrent_persistent: "lstm",
  recurrent_sequence: "lstm",
  recurrent_states: "gru",
  recurrent_step: "gru",
  recurrent_variants: "gru",
};

/** What is no operation of a model, and where its own tests are. */
const others: Readonly<Record<string, string>> = {
  finite_watch: "tests/ops/finite_watch_test.ts",
  kernel_hashes: "tests/supply_chain_test.ts",
};

Deno.test("every operation has a property, or is a part of one that has", async () => {
  const operations = [];
  for await (const { name } of Deno.readDir(new URL("../../lib/ops/", import.meta.url))) {
    operations.push(name.replace(/\.ts$/, ""));
  }
  const named = [...Object.keys(properties).map((name) => name.split(",")[0]!), ...Object.keys(parts)];
  named.push(...Object.keys(others));
  assertEquals([...new Set(named)].sort(), operations.sort());
  assertEquals(Object.values(parts).filter((whole) => !(whole in properties)), []);
});

/** Of these there are more: they have kernels for many sizes of tiles. */
const MANY: Readonly<Record<string, number>> = {
  matmul: repetitions(20, 500),
  gru: repetitions(8, 150),
  lstm: repetitions(8, 150),
};

for (const [name, holds] of Object.entries(properties)) {
  const shapes = MANY[name] ?? repetitions(2, 20);
  testEachProfile(`${name}, ${shapes} shapes`, (device) => holds(device, shapes));
}
