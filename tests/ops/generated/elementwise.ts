// Properties of operations that move numbers about or compute each from few others. References are one line each.

import fc from "npm:fast-check@4.10.2";
import { activate, type Activation } from "../../../lib/ops/activation.ts";
import { add } from "../../../lib/ops/add.ts";
import { columnSum } from "../../../lib/ops/column_sum.ts";
import { concatenate } from "../../../lib/ops/concatenate.ts";
import { dropout, type DropoutMask } from "../../../lib/ops/dropout.ts";
import { embedding } from "../../../lib/ops/embedding.ts";
import { gatherRows } from "../../../lib/ops/gather_rows.ts";
import { maxout } from "../../../lib/ops/maxout.ts";
import { repeatRows, repeatSteps } from "../../../lib/ops/repeat.ts";
import { sourcePosition } from "../../../lib/ops/source_position.ts";
import { assertWithin, compareOperation, normals, type Numbers } from "../check.ts";
import { Random } from "../../../lib/random.ts";
import { assertEquals } from "../../assert.ts";
import { functions } from "../linear_reference.ts";
import { floats, integers, runOnce } from "../run_once.ts";
import { threefry } from "../threefry.ts";
import { activationError, HALF_ULP, magnitudes, SIGMOID, sumError } from "./bounds.ts";
import { length, lengthsOf, numbersBelow, property, seed } from "./property.ts";

/** Nothing is computed, so nothing may differ. */
const exact = () => ({ y: 0, z: 0 });

/** A block of columns of some rows. */
function block(x: Numbers, width: number, first: number, end: number): number[] {
  return Array.from(x).filter((_, i) => i % width >= first && i % width < end);
}

/** A number of rows and columns, and columns beside them that do not belong. */
const matrix = fc.record({
  rows: length(33),
  columns: length(),
  before: fc.constantFrom(0, 1, 4),
  behind: fc.constantFrom(0, 3, 4),
});

/** By the operation's file in lib/ops/. */
export const elementwise = {
  activation: property(
    fc.tuple(length(9), length(), fc.constantFrom<Exclude<Activation, "none">[]>("tanh", "sigmoid", "relu")),
    (device, [rows, columns, name]) =>
      compareOperation(device, {
        name,
        inputs: { x: [rows, columns] },
        draw: (random) => random.normal() * 2 + 1e-3, // off the corner of relu
        record: (tape, { x }) => ({ y: activate(tape, x, name) }),
        reference: ({ x }) => ({ y: Array.from(x, functions[name]) }),
        bound: () => ({ y: activationError(name) }),
      }),
  ),
  add: property(matrix, (device, { rows, columns, before, behind }) => {
    const width = before + columns + behind;
    const sum = (a: Numbers, b: Numbers) => {
      const own = block(a, width, before, before + columns);
      return Array.from(b, (value, i) => value + own[i]!);
    };
    return compareOperation(device, {
      name: "add",
      inputs: { a: [rows, width], b: [rows, columns] },
      record: (tape, { a, b }) => ({ y: add(tape, a.columnSlice(before, before + columns), b) }),
      reference: ({ a, b }) => ({ y: sum(a, b) }),
      bound: ({ a, b }) => ({ y: sum(a, b).map((y) => HALF_ULP * Math.abs(y)) }),
    });
  }),
  column_sum: property(
    fc.tuple(length(129), matrix, seed),
    async (device, [rows, { columns, before, behind }, seed]) => {
      const width = before + columns + behind;
      const x = normals(new Random(seed), rows * width);
      const { y } = await runOnce(device, { x: floats([rows, width], x) }, (tape, { x }) => {
        const y = tape.tensor([columns], "y");
        columnSum(tape, x.columnSlice(before, before + columns), y);
        return { y };
      });
      const sums = (x: Numbers) =>
        Array.from({ length: columns }, (_, j) => {
          let sum = 0;
          for (let i = 0; i < rows; i++) sum += x[i * width + before + j]!;
          return sum;
        });
      assertWithin(y, sums(x), sums(magnitudes(x)).map((magnitude) => sumError(rows, magnitude)), "y");
    },
  ),
  concatenate: property(fc.tuple(matrix, length()), (device, [{ rows, columns, before, behind }, other]) => {
    const width = before + columns + behind;
    return compareOperation(device, {
      name: "concatenate",
      inputs: { a: [rows, width], b: [rows, other] },
      record: (tape, { a, b }) => ({ y: concatenate(tape, [b, a.columnSlice(before, before + columns), b]) }),
      reference: ({ a, b }) => {
        const [left, right] = [Array.from(b), block(a, width, before, before + columns)];
        const row = (all: number[], columns: number, i: number) => all.slice(i * columns, (i + 1) * columns);
        const y = Array.from({ length: rows }, (_, i) => {
          return [...row(left, other, i), ...row(right, columns, i), ...row(left, other, i)];
        });
        return { y: y.flat() };
      },
      bound: exact,
    });
  }),
  dropout: property(
    fc.tuple(length(5), length(9), length(33), fc.constantFrom<DropoutMask[]>("element", "sequence", "word")),
    (device, [steps, batch, width, mask]) => {
      const counter = {
        element: (i: number) => i,
        sequence: (i: number) => i % (batch * width),
        word: (i: number) => Math.floor(i / width),
      }[mask];
      const dropped = (x: Numbers) =>
        Array.from(x, (value, i) => threefry([3, 5], [2, counter(i)]) < 0.6 * 2 ** 32 ? value / 0.6 : 0);
      return compareOperation(device, {
        name: "dropout",
        inputs: { x: [steps, batch, width] },
        integers: { step: { shape: [1], values: [2] } },
        record: (tape, { x }) => ({
          y: dropout(tape, x, { rate: 0.4, seed: 3, stream: 5, mask }),
        }),
        reference: ({ x }) => ({ y: dropped(x) }),
        // The factor is rounded, or a quotient good to 2.5 units in the last place; the product is rounded.
        bound: ({ x }) => ({ y: dropped(x).map((y) => 6 * HALF_ULP * Math.abs(y)) }),
      });
    },
  ),
  embedding: property(
    fc.tuple(length(33), length(), length(33)).chain(([vocabulary, width, count]) =>
      fc.record({
        vocabulary: fc.constant(vocabulary),
        width: fc.constant(width),
        ids: numbersBelow(vocabulary + 2, count), // some of them past the end
      })
    ),
    (device, { vocabulary, width, ids }) =>
      compareOperation(device, {
        name: "embedding",
        inputs: { weight: [vocabulary, width] },
        integers: { ids: { shape: [ids.length], values: ids } },
        record: (tape, { weight, ids }) => ({ y: embedding(tape, weight, ids) }),
        reference: ({ weight }) => ({
          y: ids.flatMap((id) => {
            const start = Math.min(id, vocabulary - 1) * width;
            return Array.from(weight).slice(start, start + width);
          }),
        }),
        bound: exact,
      }),
  ),
  gather_rows: property(
    fc.tuple(length(33), length(), seed).chain(([rows, width, seed]) =>
      fc.tuple(fc.constant({ rows, width, seed }), numbersBelow(rows, 9))
    ),
    async (device, [{ rows, width, seed }, order]) => {
      const x = normals(new Random(seed), rows * width);
      const given = { x: floats([rows, width], x), order: integers([9], order) };
      const { y } = await runOnce(device, given, (tape, { x, order }) => ({ y: gatherRows(tape, x, order) }));
      assertEquals(y, order.flatMap((row) => [...x.subarray(row * width, (row + 1) * width)]));
    },
  ),
  maxout: property(fc.tuple(length(33), length(33)), (device, [rows, columns]) =>
    compareOperation(device, {
      name: "maxout",
      inputs: { x: [rows, 2 * columns] },
      record: (tape, { x }) => ({ y: maxout(tape, x) }),
      reference: ({ x }) => ({
        y: Array.from({ length: rows * columns }, (_, i) => Math.max(x[2 * i]!, x[2 * i + 1]!)),
      }),
      bound: exact,
    })),
  repeat: property(
    fc.tuple(length(9), length(), length(5)),
    (device, [rows, columns, copies]) =>
      compareOperation(device, {
        name: "repeat",
        inputs: { x: [rows, columns] },
        record: (tape, { x }) => ({ y: repeatSteps(tape, x, copies), z: repeatRows(tape, x, copies) }),
        reference: ({ x }) => {
          const row = (i: number) => Array.from(x).slice(i * columns, (i + 1) * columns);
          const all = [...Array(rows).keys()].flatMap((i) =>
            Array.from({ length: copies }, () => row(i)).flat()
          );
          return { y: Array.from({ length: copies }, () => Array.from(x)).flat(), z: all };
        },
        bound: exact,
      }),
  ),
  source_position: property(
    fc.tuple(length(9), length(33)).chain(([steps, batch]) =>
      fc.tuple(fc.constant(steps), lengthsOf(batch, 50))
    ),
    (device, [steps, lengths]) =>
      compareOperation(device, {
        name: "source_position",
        inputs: { x: [steps, lengths.length] },
        integers: { lengths: { shape: [lengths.length], values: lengths } },
        record: (tape, { x, lengths }) => {
          const y = tape.tensor(x.shape, "positions");
          sourcePosition(tape, x, lengths, y);
          return { y };
        },
        reference: ({ x }) => ({
          y: Array.from(x, (x, i) => lengths[i % lengths.length]! * functions.sigmoid(x)),
        }),
        bound: () => ({ y: Math.max(...lengths) * (SIGMOID + HALF_ULP) }),
      }),
  ),
};
