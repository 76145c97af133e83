// The tiles of recurrent_step.ts, each by itself, against plain loops in 64 bits: sizes below, at and above each border of
// a tile, in numbers one by one and in fours.

import type { Kernel } from "../../lib/gpu/kernel.ts";
import type { Tensor } from "../../lib/gpu/tensor.ts";
import { fusedGruSteps, fusedLstmSteps, fusedStep, stepTiles } from "../../lib/ops/recurrent_step.ts";
import { Random } from "../../lib/random.ts";
import { assertEquals } from "../assert.ts";
import { device } from "../device.ts";
import { SUMS } from "../tolerances.ts";
import { assertClose, normals, type Numbers } from "./check.ts";
import { floats, integers, runOnce } from "./run_once.ts";

// deno-lint-ignore no-explicit-any
type AnyStep = Kernel<any, any>;
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** A step's operands: those of a row that is over are overwritten by nothing but its state and cells. */
function operands(cell: "gru" | "lstm", batch: number, hidden: number) {
  const random = new Random(batch * 1000 + hidden);
  const gates = cell === "gru" ? 3 : 4;
  const draw = (...shape: number[]) => {
    const size = shape.reduce((product, length) => product * length, 1);
    return floats(shape, normals(random, size).map((x) => x / 2));
  };
  return {
    weight: draw(gates * hidden, hidden),
    bias: draw(gates * hidden),
    lengths: integers([batch], Array.from({ length: batch }, (_, row) => row % 4)),
    projection: draw(batch, gates * hidden),
    states: draw(2, batch, hidden),
    gates: draw(batch, gates * hidden),
    recurrent: draw(batch, gates * hidden),
    cells: draw(2, batch, hidden),
  };
}

/** Step 1 by the equations in gru.wgsl and lstm.wgsl, from the first of the states to the second. */
function reference(cell: "gru" | "lstm", given: ReturnType<typeof operands>): Record<string, Numbers> {
  const { weight, bias, lengths, projection } = given;
  const [, batch, hidden] = given.states.shape as [number, number, number];
  const results = Object.fromEntries(
    (["states", "gates", "recurrent", "cells"] as const).map((name) => [
      name,
      Float64Array.from(cell === "lstm" && name === "gates" ? projection.values : given[name].values),
    ]),
  ) as Record<"states" | "gates" | "recurrent" | "cells", Float64Array>;
  const { states, gates, recurrent, cells } = results;
  for (let row = 0; row < batch; row++) {
    for (let unit = 0; unit < hidden; unit++) {
      const before = row * hidden + unit;
      const after = batch * hidden + before;
      states[after] = states[before]!;
      if (cell === "lstm") cells[after] = cells[before]!;
      if (lengths.values[row]! <= 1) continue;
      const at = Array.from({ length: weight.shape[0]! / hidden }, (_, gate) => gate * hidden + unit);
      const sums = at.map((line) => {
        let sum = bias.values[line]!;
        for (let k = 0; k < hidden; k++) sum += weight.values[line * hidden + k]! * states[row * hidden + k]!;
        return sum;
      });
      const x = at.map((line) => projection.values[row * weight.shape[0]! + line]!);
      const put = (to: Float64Array, values: number[]) =>
        at.forEach((line, gate) => to[row * weight.shape[0]! + line] = values[gate]!);
      if (cell === "gru") {
        const [r, z] = [sigmoid(x[0]! + sums[0]!), sigmoid(x[1]! + sums[1]!)];
        const n = Math.tanh(x[2]! + r * sums[2]!);
        states[after] = (1 - z) * n + z * states[before]!;
        put(recurrent, sums);
        put(gates, [r, z, n]);
      } else {
        const [i, f, o] = [0, 1, 3].map((gate) => sigmoid(x[gate]! + sums[gate]!)) as [
          number,
          number,
          number,
        ];
        const g = Math.tanh(x[2]! + sums[2]!);
        cells[after] = f * cells[before]! + i * g;
        states[after] = o * Math.tanh(cells[after]!);
        put(gates, [i, f, g, o]);
      }
    }
  }
  return cell === "gru" ? { states, gates, recurrent } : { states, gates, cells };
}

for (const cell of ["gru", "lstm"] as const) {
  for (const { tile, single, fours } of cell === "gru" ? fusedGruSteps : fusedLstmSteps) {
    const { rows, units, inner } = tile;
    const borders = [1, units - 1, units, units + 1, inner - 1, inner, inner + 1, inner + 4, 2 * inner + 4];
    const cases = [
      ...borders.map((hidden) => [rows + 1, hidden] as const),
      ...[1, rows - 1, rows].map((batch) => [batch, units + 4] as const),
    ];
    for (const kernel of [single, fours] as AnyStep[]) {
      Deno.test(`${kernel.name} gives what plain loops do, twice the same`, async () => {
        for (const [batch, hidden] of cases) {
          if (kernel === fours && hidden % 4 !== 0) continue;
          const given = operands(cell, batch, hidden);
          const params = { batch, hidden, step: 1, previous: 0, current: batch * hidden };
          const results = await runOnce(device, given, (tape, tensors): Record<string, Tensor> => {
            const { weight, bias, lengths, projection, states, gates, recurrent, cells } = tensors;
            const inputs = { weight, bias, lengths, states: states.at(1) };
            if (cell === "gru") {
              tape.dispatch(kernel, { ...inputs, projection, gates, recurrent }, params);
              return { states, gates, recurrent };
            }
            tape.dispatch(kernel, { ...inputs, gates: projection, cells: cells.at(1) }, params);
            return { states, gates: projection, cells };
          });
          for (const [name, expected] of Object.entries(reference(cell, given))) {
            const actual = results[name]!;
            assertClose(actual, expected, SUMS, `${name} of ${batch} rows and ${hidden} units`);
          }
        }
      });
    }
  }
}

Deno.test("fusedStep() takes the largest tiles that are enough, and fours where all is in fours", () => {
  const chosen = (batch: number, hidden: number, offset = 0) => {
    const tensors = { weight: { offset, storage: { size: 4 } } } as never;
    const kernel = fusedStep(fusedGruSteps, { batch, hidden }, tensors);
    const index = fusedGruSteps.findIndex(({ single, fours }) => kernel === single || kernel === fours);
    return [stepTiles[index], kernel === fusedGruSteps[index]!.fours];
  };
  assertEquals(chosen(128, 512), [stepTiles[0], true]);
  assertEquals(chosen(128, 512, 4), [stepTiles[0], true]);
  assertEquals(chosen(128, 512, 2), [stepTiles[0], false]);
  assertEquals(chosen(128, 510), [stepTiles[0], false]);
  assertEquals(chosen(96, 256), [stepTiles[1], true]);
  assertEquals(chosen(64, 256), [stepTiles[2], true]);
  assertEquals(chosen(64, 128), [stepTiles[3], true]);
  assertEquals(chosen(1, 8), [stepTiles[3], true]);
});
