// The matrix product by a variant of its kernel and by three loops.

import type { Device } from "../../lib/gpu/device.ts";
import { Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import type { Tensor } from "../../lib/gpu/tensor.ts";
import type { Activation } from "../../lib/ops/activation.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { matmul, type MatmulOptions } from "../../lib/ops/matmul.ts";
import type { MatmulVariant } from "../../lib/ops/matmul_variants.ts";
import { Random } from "../../lib/random.ts";
import { assert } from "../assert.ts";
import { assertClose, normals, type Shape } from "./check.ts";
import { SUMS } from "../tolerances.ts";

/** A product to check. */
export interface Case {
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

/** Compares with three loops; returns whether the variant can do it at all. */
export async function check(device: Device, options: Case, variant?: MatmulVariant): Promise<boolean> {
  const result = await compute(device, options, variant);
  if (!result) return false;
  const what = `${variant?.kernel.name ?? "the default"} with ${JSON.stringify(options)}`;
  if (variant?.precision !== "f16") {
    assertClose(result.actual, result.expected, SUMS, what);
    return true;
  }
  // Each operand may be rounded in its eleventh bit, up or down; activations make no difference larger.
  result.actual.forEach((value, i) => {
    const bound = 2 ** -9 * result.magnitudes[i]! + 1e-5;
    const error = Math.abs(value - result.expected[i]!);
    assert(error <= bound, `${what}: element ${i} is off by ${error}, more than ${bound}`);
  });
  return true;
}

/** A product in two ways. */
export interface Computed {
  readonly actual: Float32Array<ArrayBuffer>;
  readonly expected: number[];
  /** The sums of the products' absolute values. */
  readonly magnitudes: number[];
}

/** The product by the variant and by three loops; undefined if the variant cannot do it. */
export async function compute(
  device: Device,
  options: Case,
  variant?: MatmulVariant,
): Promise<Computed | undefined> {
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
  const magnitudes = new Float64Array(c.size);
  const expected = options.accumulate ? Float64Array.from(values.get(old)!) : new Float64Array(c.size);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = (bias ? at(bias, 0, j) : 0) + (options.accumulate ? at(old, i, j) : 0);
      for (let k = 0; k < inner; k++) {
        const product = (transposeA ? at(a, k, i) : at(a, i, k)) * (transposeB ? at(b, j, k) : at(b, k, j));
        sum += product;
        magnitudes[i * c.columns + margin + j]! += Math.abs(product);
      }
      expected[i * c.columns + margin + j] = functions[activation](sum);
    }
  }
  // Beside C a product without something to add to leaves whatever was there.
  const inside = (i: number) => i % c.columns >= margin && i % c.columns < margin + columns;
  const considered = (values: ArrayLike<number>) =>
    Array.from(values).filter((_, i) => options.accumulate || inside(i));
  return {
    actual: Float32Array.from(considered(actual!)),
    expected: considered(expected),
    magnitudes: considered(magnitudes),
  };
}
