// The same rows several times over.

import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { addInto, copyInto } from "../../lib/ops/concatenate.ts";
import { embedding } from "../../lib/ops/embedding.ts";
import { repeatInput, repeatRows, repeatSteps } from "../../lib/ops/repeat.ts";
import { assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import { checkOperation } from "./check.ts";

for (const width of [1, 4, 7]) {
  checkOperation({
    name: `repeatSteps() of [3, ${width}]`,
    inputs: { x: [3, width] },
    record: (tape, { x }) => ({ y: repeatSteps(tape, x, 4) }),
    reference: ({ x }) => ({ y: [x, x, x, x].flatMap((x) => Array.from(x)) }),
  });
  checkOperation({
    name: `repeatRows() of [2, 3, ${width}]`,
    inputs: { x: [2, 3, width] },
    record: (tape, { x }) => ({ y: repeatRows(tape, x, 3) }),
    reference: ({ x }) => {
      const row = (i: number) => Array.from(x).slice(i * width, (i + 1) * width);
      return { y: [0, 1, 2, 3, 4, 5].flatMap((i) => [...row(i), ...row(i), ...row(i)]) };
    },
  });
}

checkOperation({
  name: "addInto() adds to what is there",
  inputs: { a: [3, 5], b: [3, 5] },
  record: (tape, { a, b }) => {
    const y = tape.tensor(a.shape, "sum");
    copyInto(tape, a, y);
    addInto(tape, b, y);
    return { y };
  },
  reference: ({ a, b }) => ({ y: Array.from(a, (value, i) => value + b[i]!) }),
});

testEachProfile("repeatInput() repeats integers of the host", async (device) => {
  const tape = new Tape(device, { training: false });
  const ids = repeatInput(tape, tape.input("ids", [3], "u32"), 2);
  const table = tape.input("table", [4, 1], "f32");
  const y = tape.kept([6, 1], "y");
  copyInto(tape, embedding(tape, table, ids), y);
  const plan = await Plan.compile(tape);
  plan.run({ ids: Uint32Array.of(3, 0, 2), table: Float32Array.of(0, 1, 2, 3) });
  assertEquals((await plan.read(y))[0], Float32Array.of(3, 3, 0, 0, 2, 2));
  plan.close();
});
