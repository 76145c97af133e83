// Sums of columns, with which biases get their gradients.

import { Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { columnSum } from "../../lib/ops/column_sum.ts";
import { Random } from "../../lib/random.ts";
import { assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import { assertClose, normals } from "./check.ts";
import { SUMS } from "../tolerances.ts";

// Columns are taken in fours where they lie in fours, 32 of these by a workgroup, eight by a lane.
const columnsOfFours = [[7, 4], [8, 28], [9, 32], [3, 36], [7, 124], [8, 128], [130, 132]] as const;
const sizes = [[1, 1], [5, 3], [3, 65], [130, 7], [9, 31], [8, 33], ...columnsOfFours] as const;

for (
  const [rows, columns, first, width] of [
    ...sizes.map(([rows, columns]) => [rows, columns, 2, columns + 5] as const),
    ...columnsOfFours.map(([rows, columns]) => [rows, columns, 4, columns + 8] as const),
  ]
) {
  testEachProfile(
    `columnSum() of [${rows}, ${columns}], of the columns from ${first} of ${width}, and added to what is there`,
    async (device) => {
      const parameters = new Parameters(device);
      let values = new Float32Array();
      const wide = parameters.declare(
        "x",
        [rows, width],
        (random, size) => values = normals(random, size),
      );
      parameters.allocate(new Random(1));
      const x = wide.columnSlice(first, first + columns);
      const tape = new Tape(device, { training: false });
      const once = tape.kept([columns], "once");
      const twice = tape.kept([columns], "twice");
      columnSum(tape, x, once);
      columnSum(tape, x, twice, 3); // as many as there are, where there are fewer rows
      columnSum(tape, x, twice);
      const plan = await Plan.compile(tape);
      plan.run();
      const expected = Array.from({ length: columns }, (_, j) => {
        let sum = 0;
        for (let i = 0; i < rows; i++) {
          sum += values[i * width + first + j]!;
        }
        return sum;
      });
      const [added, addedTwice] = await plan.read(once, twice);
      assertClose(added!, expected, SUMS, "once");
      assertClose(addedTwice!, expected.map((sum) => 2 * sum), SUMS, "twice");
      plan.close();
      parameters.close();
    },
  );
}

testEachProfile("columnSum() shares many rows of few columns among workgroups of a GPU", (device) => {
  const kernels = (rows: number, columns: number) => {
    const tape = new Tape(device, { training: false });
    columnSum(tape, tape.input("x", [rows, columns], "f32"), tape.tensor([columns], "y"));
    return tape.dispatches.length;
  };
  const shared = device.profile === "gpu" && device.parallelism > 1;
  assertEquals(kernels(128, 8), shared ? 2 : 1);
  assertEquals(kernels(127, 8), 1, "half of them would be too few");
  assertEquals(kernels(128, 128 * 2 * device.parallelism), 1, "there are enough columns");
});
