// Copies between tensors and views, and the concatenation made of them.

import { Tape } from "../../lib/gpu/tape.ts";
import { concatenate, copyInto } from "../../lib/ops/concatenate.ts";
import { assertThrows } from "../assert.ts";
import { device } from "../device.ts";
import { checkOperation, type Numbers } from "./check.ts";

/** Rows of several matrices behind each other. */
function reference(parts: readonly (readonly [Numbers, number])[], rows: number): Numbers {
  const y: number[] = [];
  for (let i = 0; i < rows; i++) {
    for (const [x, width] of parts) {
      for (let j = 0; j < width; j++) y.push(x[i * width + j]!);
    }
  }
  return y;
}

checkOperation({
  name: "concatenate() of one number",
  inputs: { a: [1, 1] },
  record: (tape, { a }) => ({ y: concatenate(tape, [a]) }),
  reference: ({ a }) => ({ y: a }),
});

checkOperation({
  name: "concatenate() of three widths over two leading axes",
  inputs: { a: [3, 2, 1], b: [3, 2, 67], c: [3, 2, 4] },
  record: (tape, { a, b, c }) => ({ y: concatenate(tape, [a, b, c]) }),
  reference: ({ a, b, c }) => ({ y: reference([[a, 1], [b, 67], [c, 4]], 6) }),
});

checkOperation({
  name: "concatenate() of a tensor and itself",
  inputs: { a: [3, 2] },
  record: (tape, { a }) => ({ y: concatenate(tape, [a, a]) }),
  reference: ({ a }) => ({ y: reference([[a, 2], [a, 2]], 3) }),
});

checkOperation({
  name: "concatenate() of slices and blocks of columns",
  inputs: { a: [4, 5], b: [3, 2, 2] },
  record: (tape, { a, b }) => ({
    y: concatenate(tape, [a.slice(1, 3), b.at(2), a.slice(2, 4).columnSlice(1, 4)]),
  }),
  reference: ({ a, b }) => {
    const block = [2, 3].flatMap((row) => [1, 2, 3].map((column) => a[row * 5 + column]!));
    return { y: reference([[Array.from(a).slice(5, 15), 5], [Array.from(b).slice(8), 2], [block, 3]], 2) };
  },
});

for (const [first, end] of [[4, 12], [4, 11], [3, 11]] as const) {
  checkOperation({
    name: `concatenate() of columns that ${
      end - first === 8 && first === 4 ? "" : "do not "
    }lie in fours, from ${first}`,
    inputs: { a: [17, 12], b: [17, 4] },
    record: (tape, { a, b }) => ({ y: concatenate(tape, [a.columnSlice(first, end), b]) }),
    reference: ({ a, b }) => {
      const block = Array.from({ length: 17 }, (_, i) => Array.from(a).slice(12 * i + first, 12 * i + end));
      return { y: reference([[block.flat(), end - first], [b, 4]], 17) };
    },
  });
}

checkOperation({
  name: "copyInto() one step of a sequence, the other one filled",
  inputs: { a: [3, 5] },
  record: (tape, { a }) => {
    const y = tape.tensor([2, 3, 5], "y");
    tape.fill(y.at(0), 2);
    copyInto(tape, a, y.at(1));
    return { y };
  },
  reference: ({ a }) => ({ y: [...new Array<number>(15).fill(2), ...Array.from(a)] }),
});

Deno.test("concatenate() refuses parts whose leading axes differ", () => {
  const tape = new Tape(device, { training: false });
  const parts = [tape.input("first", [2, 3], "f32"), tape.input("second", [3, 3], "f32")];
  assertThrows(() => concatenate(tape, parts), RangeError, '"second" [3,3] to "first" [2,3]');
});
