// The layer beneath the models: a kernel of one's own, recorded on a tape and replayed by a plan.
//
//   deno run examples/own_operation.ts

import { defineKernel, openDevice, Plan, Tape } from "../mod.ts";

const scale = defineKernel({
  name: "scale",
  source: `
    struct Params { size: u32, factor: f32 }
    @group(0) @binding(0) var<storage, read> x: array<f32>;
    @group(0) @binding(1) var<storage, read_write> y: array<f32>;
    @group(1) @binding(0) var<uniform> params: Params;

    @compute @workgroup_size(64)
    fn forward(@builtin(global_invocation_id) id: vec3u) {
      if (id.x < params.size) { y[id.x] = params.factor * x[id.x]; }
    }`,
  entryPoint: "forward",
  bindings: { x: "read", y: "write" },
  params: { size: "u32", factor: "f32" },
  workgroups: ({ size }) => [Math.ceil(size / 64)],
});

const device = await openDevice();
const tape = new Tape(device, { training: false });
const x = tape.input("x", [4], "f32");
const y = tape.kept([4], "y");
tape.dispatch(scale, { x, y }, { size: 4, factor: 3 });

const plan = await Plan.compile(tape);
plan.run({ x: Float32Array.of(1, 2, 3, 4) });
console.log(...await plan.read(y)); // Float32Array(4) [ 3, 6, 9, 12 ]
device.close();
