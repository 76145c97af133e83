// Tuning: the fastest of several kernels is found by measurement, once, and remembered.

import { openDevice } from "../../lib/gpu/device.ts";
import { defineKernel } from "../../lib/gpu/kernel.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { Tuning } from "../../lib/gpu/tuning.ts";
import { assert, assertEquals } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";

/** A kernel that writes `value`, after as many rounds of work as it is told. */
function writer(name: string, rounds: number) {
  return defineKernel({
    name,
    source: `
struct Params { size: u32, y_offset: u32 }
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;
@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.size) { return; }
  var x = f32(id.x);
  for (var i = 0u; i < ${rounds}u; i++) { x = fract(x * 1.1 + 0.3); }
  y[p.y_offset + id.x] = select(7.0, 8.0, x > 2.0);
}`,
    entryPoint: "forward",
    bindings: { y: "write" },
    params: { size: "u32", y_offset: "u32" },
    tuneBy: ["size"],
    workgroups: ({ size }) => [Math.ceil(size / 64)],
  });
}

const slow = writer("slow", 20_000);
const fast = writer("fast", 1);

const device = await openDevice();
const ignore = !device.features.has("timestamp-query");
device.close();

/** The dispatches of a tape that fills tensors of these sizes, the slow kernel first. */
function dispatches(tape: Tape, sizes: readonly number[]) {
  for (const size of sizes) {
    tape.dispatch([slow, fast], { y: tape.kept([size], `y of ${size}`) }, { size });
  }
  return tape.dispatches;
}

Deno.test(
  { name: "choose() measures, takes the fastest kernel, and remembers it on disk", ignore },
  async () => {
    await using folder = await TemporaryFolder.make();
    const file = folder.at("tuning/adapter.json");
    const device = await openDevice();
    const tuning = new Tuning(device, file);
    const buffers = device.bufferCount;
    const recorded = dispatches(new Tape(device, { training: false }), [900, 1000, 3]);
    const chosen = await tuning.choose(recorded);
    assertEquals(chosen.map(({ kernel }) => kernel.name), ["fast", "fast", "fast"]);
    assertEquals(chosen[0]!.workgroups, [15]);
    assertEquals(tuning.size, 2); // 900 and 1000 are of one class
    assertEquals(device.bufferCount, buffers);
    const written = JSON.parse(await Deno.readTextFile(file));
    assertEquals(Object.values(written), ["fast:forward", "fast:forward"]);

    // What a file says is believed: here, against the truth.
    const lies = Object.fromEntries(Object.keys(written).map((key) => [key, "slow:forward"]));
    await Deno.writeTextFile(file, JSON.stringify(lies));
    const again = await new Tuning(device, file).choose(recorded);
    assertEquals(again.map(({ kernel }) => kernel.name), ["slow", "slow", "slow"]);
    device.close();
  },
);

Deno.test({
  name: "a file of measurements that is broken, or names no kernel of ours, costs a measurement",
  ignore,
}, async () => {
  await using folder = await TemporaryFolder.make();
  const file = folder.at("adapter.json");
  const device = await openDevice();
  const recorded = dispatches(new Tape(device, { training: false }), [3]);
  for (const text of ["", "{", "[1]", '{"forward": 3}', "null"]) {
    await Deno.writeTextFile(file, text);
    const [chosen] = await new Tuning(device, file).choose(recorded);
    assertEquals(chosen!.kernel.name, "fast");
  }
  const [key] = Object.keys(JSON.parse(await Deno.readTextFile(file)));
  await Deno.writeTextFile(file, JSON.stringify({ [key!]: "gone:forward" }));
  const [chosen] = await new Tuning(device, file).choose(recorded);
  assertEquals(chosen!.kernel.name, "slow"); // the first, as without measurements
  device.close();
});

Deno.test("without tuning, or without the memory for it, the first kernel is taken", async () => {
  for (const options of [{ tuning: false }, { memoryBudget: 8 }]) {
    const device = await openDevice(options);
    const tuning = new Tuning(device, undefined);
    const [chosen] = await tuning.choose(dispatches(new Tape(device, { training: false }), [1000]));
    assert(chosen!.kernel === slow);
    assertEquals(tuning.size, 0);
    device.close();
  }
});
