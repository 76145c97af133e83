// Sums of columns, with which biases get their gradients.

import { Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { columnSum } from "../../lib/ops/column_sum.ts";
import { Random } from "../../lib/random.ts";
import { testEachProfile } from "../device.ts";
import { assertClose, normals } from "./check.ts";

for (const [rows, columns] of [[1, 1], [5, 3], [3, 65], [130, 7]] as const) {
  testEachProfile(
    `columnSum() of [${rows}, ${columns}], of a block of columns, and added to what is there`,
    async (device) => {
      const parameters = new Parameters(device);
      let values = new Float32Array();
      const wide = parameters.declare(
        "x",
        [rows, columns + 5],
        (random, size) => values = normals(random, size),
      );
      parameters.allocate(new Random(1));
      const x = wide.columnSlice(2, columns + 2);
      const tape = new Tape(device, { training: false });
      const once = tape.kept([columns], "once");
      const twice = tape.kept([columns], "twice");
      columnSum(tape, x, once);
      columnSum(tape, x, twice);
      columnSum(tape, x, twice);
      const plan = await Plan.compile(tape);
      plan.run();
      const expected = Array.from({ length: columns }, (_, j) => {
        let sum = 0;
        for (let i = 0; i < rows; i++) {
          sum += values[i * (columns + 5) + 2 + j]!;
        }
        return sum;
      });
      const [first, second] = await plan.read(once, twice);
      assertClose(first!, expected, 1e-5, "once");
      assertClose(second!, expected.map((sum) => 2 * sum), 1e-5, "twice");
      plan.close();
      parameters.close();
    },
  );
}
