// The second half of a sum that workgroups share, against plain loops.

import { addParts, type Finish } from "../../lib/ops/add_parts.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { Random } from "../../lib/random.ts";
import { testEachProfile } from "../device.ts";
import { SUMS } from "../tolerances.ts";
import { assertClose, normals } from "./check.ts";
import { functions } from "./linear_reference.ts";
import { floats, runOnce } from "./run_once.ts";

const cases: readonly {
  readonly parts: number;
  readonly rows: number;
  readonly columns: number;
  /** How far the rows of a part are apart beyond their columns. */
  readonly margin?: number;
  readonly bias?: boolean;
  readonly accumulate?: boolean;
  readonly activation?: Finish["activation"];
}[] = [
  // Four parts are read at once.
  ...[1, 3, 4, 5, 8, 11].map((parts) => ({ parts, rows: 3, columns: 5 })),
  { parts: 2, rows: 1, columns: 1 },
  { parts: 6, rows: 9, columns: 64, margin: 3 },
  { parts: 5, rows: 4, columns: 7, margin: 1, bias: true, activation: "tanh" },
  { parts: 4, rows: 4, columns: 7, margin: 2, accumulate: true },
  { parts: 7, rows: 2, columns: 33, bias: true, activation: "sigmoid" },
];

for (const options of cases) {
  const { parts, rows, columns, margin = 0, bias = false, accumulate = false, activation = "none" } = options;
  testEachProfile(`addParts() with ${JSON.stringify(options)}`, async (device) => {
    const random = new Random(parts * rows * columns);
    const stride = columns + margin;
    const sums = floats([parts, rows, stride], normals(random, parts * rows * stride));
    const addend = floats([columns], normals(random, columns));
    const old = floats([rows, columns], normals(random, rows * columns));
    const { c } = await runOnce(device, { sums, addend, old }, (tape, tensors) => {
      const c = tape.kept([rows, columns], "c");
      if (accumulate) copyInto(tape, tensors.old, c);
      const finish = { bias: bias ? tensors.addend : undefined, activation };
      addParts(tape, tensors.sums.columnSlice(0, columns), c, finish);
      return { c };
    });
    const expected = Array.from({ length: rows * columns }, (_, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      let sum = (bias ? addend.values[column]! : 0) + (accumulate ? old.values[i]! : 0);
      for (let part = 0; part < parts; part++) sum += sums.values[(part * rows + row) * stride + column]!;
      return functions[activation](sum);
    });
    assertClose(c!, expected, SUMS, "c");
  });
}
