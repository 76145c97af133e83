// The likeliest class: ties, signs, and rows longer and shorter than a workgroup.

import type { Device } from "../../lib/gpu/device.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { argmax } from "../../lib/ops/argmax.ts";
import { Random } from "../../lib/random.ts";
import { assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";

async function run(device: Device, rows: readonly (readonly number[])[]): Promise<number[]> {
  const tape = new Tape(device, { training: false });
  const x = tape.input("x", [rows.length, rows[0]!.length], "f32");
  const y = tape.kept([2, rows.length], "y", "u32");
  argmax(tape, x, y.at(1));
  const plan = await Plan.compile(tape);
  plan.run({ x: Float32Array.from(rows.flat()) });
  const [columns] = await plan.read(y.at(1));
  plan.close();
  return Array.from(columns!);
}

testEachProfile("argmax() takes the first of equals, whatever their sign", async (device) => {
  assertEquals(await run(device, [[1, 3, 2], [3, 3, 1], [-1, -3, -1], [-5, -4, -3], [0, -0, 0]]), [
    1,
    0,
    0,
    2,
    0,
  ]);
  assertEquals(await run(device, [[-3e38], [0], [7]]), [0, 0, 0]);
  assertEquals(await run(device, [[-Infinity, -Infinity, -3.4e38], [-Infinity, -Infinity, -Infinity]]), [
    2,
    0,
  ]);
});

testEachProfile("argmax() agrees with a loop over rows that no workgroup fits", async (device) => {
  for (const columns of [7, 8, 9, 63, 65, 130, 1001]) {
    const random = new Random(columns);
    // Few different values, so that ties between lanes are common.
    const rows = Array.from(
      { length: 5 },
      () => Array.from({ length: columns }, () => random.integer(5) - 6),
    );
    assertEquals(
      await run(device, rows),
      rows.map((row) => row.indexOf(Math.max(...row))),
      `${columns} columns`,
    );
  }
});
