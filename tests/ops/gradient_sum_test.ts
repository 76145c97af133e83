// Sums of gradients over the batches of a step: the first one begins anew, whatever is there.

import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { overwrite, persistent } from "../../lib/gpu/tensor.ts";
import { gradientSum } from "../../lib/ops/gradient_sum.ts";
import { Random } from "../../lib/random.ts";
import { assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import { normals } from "./check.ts";

testEachProfile("gradientSum() stores the first gradients of a step, and adds the others", async (device) => {
  const size = 4 * 71; // more than a workgroup, and no multiple of one
  const gradients = persistent(device, [size], "gradients");
  const sum = persistent(device, [size], "sum");
  overwrite(device, sum, new Float32Array(size).fill(NaN));
  const tape = new Tape(device, { training: true });
  gradientSum(tape, gradients, sum);
  const plan = await Plan.compile(tape);
  const random = new Random(5);
  for (const batches of [3, 1, 2]) {
    const expected = new Float32Array(size);
    for (let earlier = 0; earlier < batches; earlier++) {
      const drawn = normals(random, size);
      for (let i = 0; i < size; i++) expected[i]! += drawn[i]!; // rounds after each, as the kernel does
      overwrite(device, gradients, drawn);
      plan.run({ earlier: Uint32Array.of(earlier) });
    }
    assertEquals((await plan.read(sum))[0], expected);
  }
  plan.close();
  for (const { storage } of [gradients, sum]) device.destroyBuffer(storage.buffer!);
});
