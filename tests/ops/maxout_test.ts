// The larger of two neighbours: whole tensors, views, and where both are equal.

import { Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { maxout } from "../../lib/ops/maxout.ts";
import { Random } from "../../lib/random.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";
import { checkOperation, type Numbers, type Shape } from "./check.ts";

function reference(x: Numbers): number[] {
  return Array.from({ length: x.length / 2 }, (_, i) => Math.max(x[2 * i]!, x[2 * i + 1]!));
}

const shapes: readonly Shape[] = [[2], [1, 2], [3, 10], [3, 5, 14], [131, 2]];

for (const shape of shapes) {
  checkOperation({
    name: `maxout() of [${shape}]`,
    inputs: { x: shape },
    record: (tape, { x }) => ({ y: maxout(tape, x) }),
    reference: ({ x }) => ({ y: reference(x) }),
  });
}

checkOperation({
  name: "maxout() of one step of a sequence, and of a view that begins at an odd place",
  inputs: { x: [3, 2, 6], z: [5] },
  record: (tape, { x, z }) => ({ y: maxout(tape, x.at(1)), w: maxout(tape, z.slice(1, 5)) }),
  reference: ({ x, z }) => ({
    y: reference(Array.from(x).slice(12, 24)),
    w: reference(Array.from(z).slice(1, 5)),
  }),
});

testEachProfile("maxout() gives the gradient to the first of two that are equal", async (device) => {
  const parameters = new Parameters(device);
  const x = parameters.declare("x", [6], () => Float32Array.of(2, 2, -1, -1, 0, -0));
  parameters.allocate(new Random(1));
  const tape = new Tape(device, { training: true });
  const y = tape.kept([3], "y");
  copyInto(tape, maxout(tape, x), y);
  tape.onBackward(() => tape.fill(y.grad, 5));
  tape.backward(parameters.tensors.values());
  const plan = await Plan.compile(tape);
  plan.run();
  const [result, gradient] = await plan.read(y, x.grad);
  assertEquals([Array.from(result!, (value) => value + 0), Array.from(gradient!)], [
    [2, -1, 0],
    [5, 0, 5, 0, 5, 0],
  ]);
  plan.close();
  parameters.close();
});

Deno.test("maxout() refuses a width that does not come in pairs", () => {
  const tape = new Tape(device, { training: true });
  assertThrows(() => maxout(tape, tape.tensor([2, 3], "x")), RangeError, '"x" in pairs: its 3 columns');
});
