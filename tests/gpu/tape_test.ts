// Recording: what may be read, what is filled with zeros, and when a gradient is stored or added to.

import { defineKernel } from "../../lib/gpu/kernel.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import type { Dispatch } from "../../lib/gpu/dispatch.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import type { Tensor } from "../../lib/gpu/tensor.ts";
import { tanh } from "../../lib/ops/activation.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { matmul } from "../../lib/ops/matmul.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { device } from "../device.ts";

/** `dx += x`, with an offset for `dx` and none for `x`. */
const contribute = defineKernel({
  name: "contribute",
  source: `
struct Params { size: u32, dx_offset: u32, accumulate_dx: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3u) {
  let i = params.dx_offset + id.x;
  if (id.x < params.size) { dx[i] = x[id.x] + select(0.0, dx[i], params.accumulate_dx != 0u); }
}`,
  entryPoint: "forward",
  bindings: { x: "read", dx: "accumulate" },
  params: { size: "u32", dx_offset: "u32", accumulate_dx: "u32" },
  workgroups: ({ size }) => [Math.ceil(size / 64)],
});

/** A recording's kernels, and of `contribute` whether it adds. */
function summary(dispatches: readonly Dispatch[]): string[] {
  return dispatches.map(({ kernel, params }) => {
    const [size, offset, accumulate] = new Uint32Array(params);
    if (kernel === contribute) return `${accumulate ? "add" : "store"} ${size} at ${offset}`;
    return `${kernel.label} of ${size}`;
  });
}

Deno.test("a tensor cannot be read before something has written all of it", () => {
  const tape = new Tape(device, { training: false });
  const x = tape.tensor([4, 3], "state");
  const message = 'Cannot let "activation:forward" read "state": nothing has written all of it yet';
  assertThrows(() => tanh(tape, x), TypeError, message);
  tape.fill(x.slice(0, 2), 1);
  tape.fill(x.slice(3, 4), 1);
  assertThrows(() => tanh(tape, x), TypeError, message);
  tape.fill(x.slice(2, 3), 1);
  tanh(tape, x);
});

Deno.test("a block of columns does not count as written by the block beside it", () => {
  const tape = new Tape(device, { training: false });
  const x = tape.input("x", [4, 2], "f32");
  const y = tape.tensor([4, 5], "y");
  copyInto(tape, x, y.columnSlice(0, 2));
  assertThrows(() => tanh(tape, y), TypeError, 'read "y": nothing has written all of it yet');
  copyInto(tape, x, y.columnSlice(3, 5));
  assertThrows(() => tanh(tape, y), TypeError, 'read "y": nothing has written all of it yet');
  const z = tape.tensor([4, 2], "z");
  copyInto(tape, y.columnSlice(3, 5), z);
  copyInto(tape, x.columnSlice(0, 1), y.columnSlice(2, 3));
  tanh(tape, y);
});

Deno.test("a product into one block of columns begins at zero, whatever wrote the other", async () => {
  const tape = new Tape(device, { training: false });
  const x = tape.input("x", [3, 2], "f32");
  // What the memory held before.
  const y = tape.kept([3, 5], "y");
  tape.fill(tape.tensor([3, 5], "garbage"), 9);
  copyInto(tape, x, y.columnSlice(0, 2));
  matmul(tape, { a: x, b: tape.input("b", [2, 3], "f32"), c: y.columnSlice(2, 5) });
  const plan = await Plan.compile(tape);
  const inputs = { x: Float32Array.of(1, 0, 0, 1, 1, 1), b: Float32Array.of(1, 2, 3, 4, 5, 6) };
  plan.run(inputs);
  plan.run(inputs);
  assertEquals(Array.from((await plan.read(y))[0]!), [1, 0, 1, 2, 3, 0, 1, 4, 5, 6, 1, 1, 5, 7, 9]);
  plan.close();
});

Deno.test("an input cannot be written", () => {
  const tape = new Tape(device, { training: false });
  const x = tape.input("x", [3], "f32");
  assertThrows(() => tape.fill(x, 0), TypeError, 'Cannot let "fill:forward" write "x": it is an input');
});

Deno.test("two inputs cannot have one name, but one can be shared", () => {
  const tape = new Tape(device, { training: false });
  const x = tape.input("x", [3], "f32");
  assertThrows(() => tape.input("x", [3], "f32"), TypeError, 'the input "x": there is one already');
  assertEquals(tape.sharedInput("x", [3], "f32"), x);
});

Deno.test("one memory cannot be bound for reading and writing, nor twice for writing", () => {
  const tape = new Tape(device, { training: false });
  const x = tape.tensor([2, 3], "x");
  tape.fill(x, 1);
  const message = 'Cannot bind "x" twice to "contribute:forward": "x" and "dx" are the same memory';
  assertThrows(() => tape.dispatch(contribute, { x, dx: x }, { size: 6 }), TypeError, message);
  assertThrows(
    () => tape.dispatch(contribute, { x: x.slice(0, 1), dx: x.at(1) }, { size: 3 }),
    TypeError,
    message,
  );
  matmul(tape, { a: x, b: x, transposeB: true, c: tape.tensor([2, 2], "both operands read") });
});

Deno.test("a view that the kernel cannot address is refused, naming what it lacks", () => {
  const tape = new Tape(device, { training: false });
  const x = tape.tensor([4, 3], "x");
  const dx = tape.tensor([4, 3], "y");
  tape.fill(x, 1);
  const give = (x: Tensor, dx: Tensor) => () => tape.dispatch(contribute, { x, dx }, { size: x.size });
  assertThrows(
    give(x.slice(1, 2), dx.slice(1, 2)),
    TypeError,
    'Cannot give "contribute:forward" a view of "x" as "x": it begins at 3, and the kernel has no parameter "x_offset"',
  );
  assertThrows(
    give(x.columnSlice(0, 2), dx),
    TypeError,
    'its rows are 3 apart, and the kernel has no parameter "x_stride"',
  );
  assertThrows(give(x, dx.columnSlice(0, 2)), TypeError, 'no parameter "dx_stride"');
  give(x.slice(0, 1), dx.slice(2, 3))();
  assertEquals(summary(tape.dispatches).at(-1), "store 3 at 6");
});

Deno.test("a parameter that is not a number is refused", () => {
  const tape = new Tape(device, { training: false });
  assertThrows(
    () => tape.fill(tape.tensor([3], "x"), NaN),
    TypeError,
    '"fill:forward": its parameter "value" is NaN',
  );
});

Deno.test("the first contribution to a gradient is stored, later ones are added", () => {
  const tape = new Tape(device, { training: true });
  const x = tape.input("x", [3], "f32");
  const y = tape.tensor([4, 3], "y");
  const give = (row: number) => tape.dispatch(contribute, { x, dx: y.grad.at(row) }, { size: 3 });
  give(1);
  give(1);
  give(3);
  assertEquals(summary(tape.dispatches), ["store 3 at 3", "add 3 at 3", "store 3 at 9"]);
});

Deno.test("what no kernel contributed to is filled with zeros, once, when it is needed", async () => {
  const tape = new Tape(device, { training: true });
  const x = tape.input("x", [3], "f32");
  const all = tape.input("all", [12], "f32");
  const y = tape.tensor([4, 3], "y");
  tape.dispatch(contribute, { x, dx: y.grad.at(1) }, { size: 3 });
  tape.dispatch(contribute, { x: all, dx: y.grad.reshape(12) }, { size: 12 });
  tape.require(y.grad);
  const copy = tape.kept([4, 3], "copy");
  tape.dispatch(contribute, { x: y.grad, dx: copy }, { size: 12 });
  const expected = ["store 3 at 3", "fill:forward of 3", "fill:forward of 6", "add 12 at 0", "store 12 at 0"];
  assertEquals(summary(tape.dispatches), expected);
  const plan = await Plan.compile(tape);
  plan.run({ x: Float32Array.of(100, 200, 300), all: Float32Array.from({ length: 12 }, (_, i) => i) });
  assertEquals(Array.from((await plan.read(copy))[0]!), [0, 1, 2, 103, 204, 305, 6, 7, 8, 9, 10, 11]);
  plan.close();
});

Deno.test("backward() completes the gradients it is asked for, and reading one completes it too", () => {
  const tape = new Tape(device, { training: true });
  const unused = tape.tensor([5], "unused");
  tape.backward([unused]);
  assertEquals(summary(tape.dispatches), ["fill:forward of 5"]);
  const other = tape.tensor([7], "other");
  tape.dispatch(contribute, { x: other.grad, dx: tape.kept([7], "copy") }, { size: 7 });
  assertEquals(summary(tape.dispatches).slice(1), ["fill:forward of 7", "store 7 at 0"]);
});

Deno.test("backward() runs the closures from the last to the first, once", () => {
  const order: number[] = [];
  const tape = new Tape(device, { training: true });
  for (const index of [1, 2, 3]) tape.onBackward(() => order.push(index));
  tape.backward();
  tape.backward();
  assertEquals(order, [3, 2, 1]);
  const inference = new Tape(device, { training: false });
  inference.onBackward(() => order.push(4));
  inference.backward();
  assertEquals(order, [3, 2, 1]);
});
