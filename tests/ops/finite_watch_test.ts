// Looks around kernels: what they see, of which views, and what they do not take for an anomaly.

import type { Device } from "../../lib/gpu/device.ts";
import { defineKernel } from "../../lib/gpu/kernel.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { persistent, type Tensor } from "../../lib/gpu/tensor.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { FiniteWatch } from "../../lib/ops/finite_watch.ts";
import { assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";

/** Writes `x` into the first elements of `y` and leaves the others as they are. */
const begin = defineKernel({
  name: "begin",
  source: `
struct Params { size: u32 }
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;
@compute @workgroup_size(64) fn forward(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < p.size) { y[id.x] = x[id.x]; }
}`,
  entryPoint: "forward",
  bindings: { x: "read", y: "read_write" },
  params: { size: "u32" },
  workgroups: ({ size }) => [Math.ceil(size / 64)],
});

/** Runs what is recorded over an input and says what was found. */
async function find(
  device: Device,
  values: Float32Array<ArrayBuffer>,
  record: (tape: Tape, x: Tensor) => void,
  { end, lossScale }: { end?: number; lossScale?: Tensor } = {},
) {
  const watch = new FiniteWatch(device);
  const tape = new Tape(device, { training: false, watch });
  record(tape, tape.input("x", [values.length], "f32"));
  const plan = await Plan.compile(tape);
  plan.run({ x: values });
  const anomaly = await watch.find(end ?? plan.dispatches, lossScale);
  plan.close();
  watch.close();
  return anomaly;
}

testEachProfile(
  "a look finds NaN and infinity, wherever they are, and the largest of the others",
  async (device) => {
    for (const size of [1, 63, 4097, 300_001]) {
      for (const place of [0, size >> 1, size - 1]) {
        const values = new Float32Array(size).fill(-2);
        values[size - 1] = 0.5;
        values[place] = place % 2 ? NaN : -Infinity;
        const anomaly = await find(device, values, (tape, x) => copyInto(tape, x, tape.tensor([size], "y")));
        const { output, inputs, kernel, number, phase } = anomaly!;
        assertEquals([kernel, number, phase], ["copy_columns:forward", 1, "forward pass"]);
        const largest = size === 1 ? 0 : 2;
        const expected = { nan: place % 2, infinite: 1 - place % 2, first: place, largest };
        for (const { tensor, nan, infinite, first, largest } of [output, inputs[0]!]) {
          assertEquals(
            { nan, infinite, first, largest },
            expected,
            `"${tensor.label}" of ${size} at ${place}`,
          );
        }
      }
    }
  },
);

testEachProfile("a look finds nothing in the largest and smallest numbers", async (device) => {
  const values = Float32Array.of(3.4028234e38, -3.4028234e38, 1e-45, -0, 0);
  assertEquals(await find(device, values, (tape, x) => copyInto(tape, x, tape.tensor([5], "y"))), undefined);
});

testEachProfile("a look sees the view that was written and nothing beside it", async (device) => {
  const record = (tape: Tape, x: Tensor) => {
    const y = tape.tensor([4, 5], "y");
    tape.fill(y, Infinity);
    copyInto(tape, x.reshape(4, 2), y.columnSlice(1, 3));
  };
  const values = new Float32Array(8);
  const [filled] = [await find(device, values, record)];
  assertEquals([filled!.kernel, filled!.output.infinite], ["fill:forward", 20]);
  const beside = await find(device, values, (tape, x) => {
    copyInto(tape, x.reshape(4, 2), tape.tensor([4, 5], "y").columnSlice(1, 3));
  });
  assertEquals(beside, undefined);
  values[5] = NaN;
  const within = await find(device, values, (tape, x) => {
    copyInto(tape, x.reshape(4, 2), tape.tensor([4, 5], "y").columnSlice(1, 3));
  });
  assertEquals([within!.output.first, within!.output.nan], [5, 1]);
});

testEachProfile("what a kernel leaves as it found it is none of its doing", async (device) => {
  const y = persistent(device, [8], "y");
  device.gpu.queue.writeBuffer(y.storage.buffer!, 0, Float32Array.of(NaN, NaN, NaN, NaN, 1, NaN, NaN, NaN));
  const record = (tape: Tape, x: Tensor) => tape.dispatch(begin, { x, y }, { size: 2 });
  assertEquals(await find(device, new Float32Array(2), record), undefined);
  const anomaly = await find(device, Float32Array.of(NaN, 1), (tape, x) => {
    tape.fill(y.slice(0, 4), 0);
    tape.dispatch(begin, { x, y }, { size: 2 });
  });
  assertEquals([anomaly!.kernel, anomaly!.number, anomaly!.output.nan], ["begin:forward", 2, 4]);
  device.destroyBuffer(y.storage.buffer!);
});

testEachProfile("what did not run is not looked at", async (device) => {
  const record = (tape: Tape, x: Tensor) => {
    tape.fill(tape.tensor([3], "y"), 1);
    copyInto(tape, x, tape.tensor([1], "z"));
  };
  assertEquals(await find(device, Float32Array.of(NaN), record, { end: 2 }), undefined);
  assertEquals((await find(device, Float32Array.of(NaN), record))!.number, 2);
});

testEachProfile("gradients may overflow where the loss scale is above one", async (device) => {
  const scale = persistent(device, [1], "loss scale");
  const write = (value: number) => {
    device.gpu.queue.writeBuffer(scale.storage.buffer!, 0, Float32Array.of(value));
  };
  const record = (tape: Tape, x: Tensor) => {
    copyInto(tape, scale, tape.tensor([1], "scale"));
    copyInto(tape, x, tape.tensor([1], "y").grad);
  };
  write(2);
  assertEquals(await find(device, Float32Array.of(Infinity), record, { lossScale: scale }), undefined);
  write(1);
  const anomaly = await find(device, Float32Array.of(Infinity), record, { lossScale: scale });
  assertEquals(anomaly!.output.tensor.label, "d y");
  device.destroyBuffer(scale.storage.buffer!);
});
