// The matrix product in all its forms, each variant of the kernel against three loops. Its gradients are
// products again, recorded by its users: tests/ops/linear_test.ts has them.

import fc from "npm:fast-check@4.10.2";
import type { Device } from "../../lib/gpu/device.ts";
import { Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import type { Tensor } from "../../lib/gpu/tensor.ts";
import type { Activation } from "../../lib/ops/activation.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { matmul, type MatmulOptions } from "../../lib/ops/matmul.ts";
import { matmulReference, type MatmulVariant, matmulVariants } from "../../lib/ops/matmul_variants.ts";
import { Random } from "../../lib/random.ts";
import { assert, assertThrows } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";
import { assertClose, normals, type Shape } from "./check.ts";

interface Case {
  /** Rows, columns and inner length. */
  readonly sizes: readonly [number, number, number];
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly bias?: boolean;
  readonly activation?: Activation;
  /** Whether C holds something that is added to. */
  readonly accumulate?: boolean;
  /** How many columns each operand's rows are apart beyond their own, in front and behind. */
  readonly margin?: number;
  /** Whether there are as many columns more behind as make their distance a multiple of four. */
  readonly fours?: boolean;
  /** In how many parts the inner length is shared out. */
  readonly parts?: number;
}

const functions: Record<Activation, (x: number) => number> = {
  none: (x) => x,
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  relu: (x) => Math.max(x, 0),
};

const cases: Case[] = [
  { sizes: [1, 1, 1] },
  { sizes: [3, 5, 7] },
  { sizes: [8, 32, 16] },
  { sizes: [33, 65, 17] },
  { sizes: [65, 33, 31] },
  { sizes: [9, 1, 130] },
  { sizes: [1, 67, 3] },
  { sizes: [9, 13, 5], margin: 3 },
  { sizes: [9, 13, 5], margin: 2, transposeA: true, transposeB: true, accumulate: true },
  { sizes: [5, 37, 6], bias: true, margin: 1, activation: "tanh" },
  { sizes: [35, 37, 6], bias: true, accumulate: true, activation: "sigmoid" },
];
for (const transposeA of [false, true]) {
  for (const transposeB of [false, true]) {
    for (const accumulate of [false, true]) {
      cases.push({ sizes: [11, 34, 9], transposeA, transposeB, accumulate });
    }
  }
}
for (const sizes of [[1, 4, 4], [31, 33, 5], [32, 32, 4], [33, 31, 6], [67, 37, 15]] as const) {
  for (const transposeA of [false, true]) {
    for (const transposeB of [false, true]) {
      cases.push({ sizes, transposeA, transposeB, fours: true }, {
        ...{ sizes, transposeA, transposeB, fours: true, margin: 4, accumulate: true, bias: true },
        activation: "tanh",
      });
    }
  }
}
for (const parts of [2, 3, 7]) {
  cases.push({ sizes: [5, 35, 100], parts }, { sizes: [33, 4, 97], transposeA: true, fours: true, parts }, {
    ...{ sizes: [9, 13, 50], bias: true, margin: 2, accumulate: true, parts },
    activation: "sigmoid",
  });
}
for (const activation of ["tanh", "sigmoid", "relu"] as const) {
  cases.push({ sizes: [7, 10, 4], activation }, { sizes: [33, 10, 4], activation, bias: true });
}

testEachProfile("matmul() agrees with three loops", async (device) => {
  for (const variant of variants(device)) {
    let checked = 0;
    for (const options of cases) checked += await check(device, options, variant) ? 1 : 0;
    assert(checked >= 10, `only ${checked} cases are for ${variant.kernel.name}`);
  }
});

testEachProfile("matmul() agrees whatever the sizes, with the variant of its choice", async (device) => {
  const size = fc.integer({ min: 1, max: 70 });
  const options = fc.record({
    sizes: fc.tuple(size, size, size),
    transposeA: fc.boolean(),
    transposeB: fc.boolean(),
    bias: fc.boolean(),
    accumulate: fc.boolean(),
    margin: fc.constantFrom(0, 1, 4),
    fours: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(options, async (options) => void await check(device, options)),
    { numRuns: 60, seed: 5 },
  );
});

testEachProfile("matmul() agrees below, at and above the border between variants", async (device) => {
  for (const rows of [7, 8, 9, 15, 16, 17]) {
    for (const fours of [false, true]) await check(device, { sizes: [rows, 33, 5], fours });
  }
});

testEachProfile("matmul() agrees one below, at and one above each size of tile", async (device) => {
  for (const variant of variants(device)) {
    for (const tile of [8, 32, 64, 128]) {
      for (const size of [tile - 1, tile, tile + 1]) {
        const transposed = { transposeA: size % 2 === 1, transposeB: size % 3 === 0 };
        await check(device, { sizes: [size, 9, 17], fours: true, ...transposed }, variant);
        await check(device, { sizes: [9, size, 15], fours: true, ...transposed }, variant);
        await check(device, { sizes: [9, 11, size], fours: true, ...transposed }, variant);
      }
    }
  }
});

testEachProfile(
  "the variants of matmul() give the same bits, so a choice by time changes nothing",
  async (device) => {
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        for (const rows of [6, 70]) {
          const options: Case = { sizes: [rows, 41, 301], transposeA, transposeB, bias: true, fours: true };
          const results: { name: string; bits: Uint32Array }[] = [];
          for (const variant of variants(device)) {
            const result = await compute(device, options, variant);
            if (result) {
              results.push({
                name: variant.kernel.name,
                bits: new Uint32Array(result.actual.buffer),
              });
            }
          }
          assert(results.length >= 3);
          for (const { name, bits } of results) {
            const first = bits.findIndex((word, i) => word !== results[0]!.bits[i]);
            assert(first < 0, `${name} and ${results[0]!.name} differ at ${first}`);
          }
        }
      }
    }
  },
);

function variants({ profile }: Device): MatmulVariant[] {
  const others = matmulVariants.filter((variant) =>
    variant.profile === profile && variant.kernel !== matmulReference
  );
  return [{ kernel: matmulReference, profile, fits: () => true, worth: () => "no" }, ...others];
}

/** Compares with three loops; returns whether the variant can do it at all. */
async function check(device: Device, options: Case, variant?: MatmulVariant): Promise<boolean> {
  const result = await compute(device, options, variant);
  if (!result) return false;
  const what = `${variant?.kernel.name ?? "the default"} with ${JSON.stringify(options)}`;
  assertClose(result.actual, result.expected, 1e-5, what);
  return true;
}

/** The product by the variant and by three loops; undefined if the variant cannot do it. */
async function compute(
  device: Device,
  options: Case,
  variant?: MatmulVariant,
): Promise<{ readonly actual: Float32Array<ArrayBuffer>; readonly expected: number[] } | undefined> {
  const {
    sizes: [rows, columns, inner],
    transposeA = false,
    transposeB = false,
    activation = "none",
    margin = 0,
    fours = false,
  } = options;
  const random = new Random(3);
  const parameters = new Parameters(device);
  const values = new Map<Tensor, Float32Array>();
  const operand = (name: string, shape: Shape) => {
    const width = shape.at(-1)!;
    const least = width + 2 * margin;
    const wide = [...shape.slice(0, -1), fours ? 4 * Math.ceil(least / 4) : least];
    const inMargin = (column: number) => column < margin || column >= margin + width;
    const tensor: Tensor = parameters.declare(name, wide, (random, size) => {
      const numbers = normals(random, size);
      // What lies beside the operands must not matter, not even multiplied by zero.
      if (name !== "old") numbers.forEach((_, i) => inMargin(i % wide.at(-1)!) && (numbers[i] = NaN));
      values.set(tensor, numbers);
      return numbers;
    });
    return tensor;
  };
  const view = (tensor: Tensor, width: number) => tensor.columnSlice(margin, margin + width);
  const a = operand("a", transposeA ? [inner, rows] : [rows, inner]);
  const b = operand("b", transposeB ? [columns, inner] : [inner, columns]);
  const old = operand("old", [rows, columns]);
  const bias = options.bias ? operand("bias", [columns]) : undefined;
  parameters.allocate(random);

  const tape = new Tape(device, { training: false });
  const c = tape.kept(old.shape, "c");
  if (options.accumulate) copyInto(tape, old, c);
  const multiplication: MatmulOptions = {
    a: view(a, transposeA ? rows : inner),
    b: view(b, transposeB ? inner : columns),
    c: view(c, columns),
    bias: bias && view(bias, columns),
    transposeA,
    transposeB,
    activation,
  };
  if (variant && !variant.fits(multiplication, device)) {
    parameters.close();
    return undefined;
  }
  matmul(tape, {
    ...multiplication,
    ...(variant ? { kernel: variant.kernel } : {}),
    ...(options.parts ? { parts: options.parts } : {}),
  });
  const plan = await Plan.compile(tape);
  plan.run();
  const [actual] = await plan.read(c);
  plan.close();
  parameters.close();

  const at = (tensor: Tensor, row: number, column: number) =>
    values.get(tensor)![row * tensor.columns + margin + column]!;
  const expected = options.accumulate ? Float64Array.from(values.get(old)!) : new Float64Array(c.size);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = (bias ? at(bias, 0, j) : 0) + (options.accumulate ? at(old, i, j) : 0);
      for (let k = 0; k < inner; k++) {
        sum += (transposeA ? at(a, k, i) : at(a, i, k)) * (transposeB ? at(b, j, k) : at(b, k, j));
      }
      expected[i * c.columns + margin + j] = functions[activation](sum);
    }
  }
  // Beside C a product without something to add to leaves whatever was there.
  const inside = (i: number) => i % c.columns >= margin && i % c.columns < margin + columns;
  const considered = (values: ArrayLike<number>) =>
    Array.from(values).filter((_, i) => options.accumulate || inside(i));
  return { actual: Float32Array.from(considered(actual!)), expected: considered(expected) };
}

testEachProfile("matmul() without a bias does not ask that all of B's memory be written", async (device) => {
  const tape = new Tape(device, { training: false });
  const halves = tape.tensor([2, 3, 3], "halves");
  tape.fill(halves.at(1), 2);
  const c = tape.kept([3, 3], "c");
  matmul(tape, { a: halves.at(1), b: halves.at(1), c });
  const plan = await Plan.compile(tape);
  plan.run();
  assertClose((await plan.read(c))[0]!, new Float32Array(9).fill(12), 1e-6, "c");
  plan.close();
});

Deno.test("matmul() refuses shapes that do not fit, naming all of them", () => {
  const tape = new Tape(device, { training: false });
  const a = tape.input("left", [2, 3], "f32");
  const b = tape.input("right", [4, 5], "f32");
  const message = 'Cannot multiply "left" [2, 3] by "right" [4, 5] into "c" [2, 5]';
  assertThrows(() => matmul(tape, { a, b, c: tape.tensor([2, 5], "c") }), RangeError, message);
  const fitting = tape.input("fitting", [3, 5], "f32");
  assertThrows(() => matmul(tape, { a, b: fitting, c: tape.tensor([2, 4], "c") }), RangeError, "[2, 4]");
  const bias = tape.input("bias", [4], "f32");
  assertThrows(
    () => matmul(tape, { a, b: fitting, bias, c: tape.tensor([2, 5], "c") }),
    RangeError,
    '"bias" [4]',
  );
});
