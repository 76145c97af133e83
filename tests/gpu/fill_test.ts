// Filling, and the grid of workgroups that all elementwise kernels share.

import { elementwise, WORKGROUP } from "../../lib/gpu/fill.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { assert, assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";

testEachProfile("fill() sets every element of a tensor, or of a slice, and nothing else", async (device) => {
  const tape = new Tape(device, { training: false });
  const y = tape.kept([3, 65], "y");
  tape.fill(y, -1.5);
  tape.fill(y.at(1), 2);
  const plan = await Plan.compile(tape);
  plan.run();
  const expected = new Float32Array(3 * 65).fill(-1.5).fill(2, 65, 130);
  assertEquals(await plan.read(y), [expected]);
  plan.close();
});

testEachProfile("more elements than one row of workgroups takes are all reached", async (device) => {
  const size = 65535 * WORKGROUP + 3;
  const tape = new Tape(device, { training: false });
  const y = tape.kept([size], "y");
  tape.fill(y, 7);
  const plan = await Plan.compile(tape);
  plan.run();
  const [values] = await plan.read(y);
  assert(values!.every((value) => value === 7));
  plan.close();
});

Deno.test("elementwise() covers every size with as few workgroups as fit into WebGPU's limit", () => {
  for (const [size, x] of [[0, 0], [1, 1], [WORKGROUP, 1], [WORKGROUP + 1, 2]] as const) {
    assertEquals(elementwise(size), [x, 1], `${size} elements`);
  }
  for (const size of [65535 * WORKGROUP, 65535 * WORKGROUP + 1, 2 ** 30]) {
    const [x, y] = elementwise(size);
    assert(x <= 65535 && y! <= 65535 && x * y! * WORKGROUP >= size && (x * y! - 2 * y!) * WORKGROUP < size);
  }
});
