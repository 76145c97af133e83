// Layer 2: the matrix product, on which linear layers, recurrent layers and the loss are built. Not an
// operation with a gradient of its own: its users say which products their backward passes are.

import { matmulCpu8 } from "../../kernels/matmul_cpu8.ts";
import tiled from "../../kernels/matmul.wgsl" with { type: "text" };
import { defineKernel, type Kernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import { Tensor } from "../gpu/tensor.ts";
import { type Activation, ACTIVATIONS } from "./activation.ts";

const bindings = { a: "read", b: "read", bias: "read", c: "accumulate" } as const;
const params = {
  rows: "u32",
  columns: "u32",
  inner: "u32",
  a_offset: "u32",
  a_stride: "u32",
  transpose_a: "u32",
  b_offset: "u32",
  b_stride: "u32",
  transpose_b: "u32",
  bias_offset: "u32",
  has_bias: "u32",
  activation: "u32",
  c_offset: "u32",
  c_stride: "u32",
  accumulate_c: "u32",
} as const;

type Matmul = Kernel<typeof bindings, typeof params>;

/** A variant of the product with tiles of `height` x `width`. */
function variant(name: string, source: string, height: number, width: number, subgroups: boolean): Matmul {
  return defineKernel({
    name,
    source,
    entryPoint: "forward",
    bindings,
    params,
    subgroups,
    workgroups: ({ rows, columns }) => [Math.ceil(columns / width), Math.ceil(rows / height)],
  });
}

/** The variants of the product, for tests and benches; the op table runs each of them. */
export const matmulKernels: Readonly<Record<"gpu" | "cpu8" | "cpu8Flat", Matmul>> = {
  gpu: variant("matmul", tiled, 64, 64, false),
  cpu8: variant("matmul_cpu8(32)", matmulCpu8(32), 32, 32, true),
  cpu8Flat: variant("matmul_cpu8(8)", matmulCpu8(8), 8, 32, true),
};

/** The variant for a number of rows on the tape's device. */
function choose(tape: Tape, rows: number): Matmul {
  if (tape.device.profile === "gpu") return matmulKernels.gpu;
  return rows <= 8 ? matmulKernels.cpu8Flat : matmulKernels.cpu8;
}

/** The operands of {@linkcode matmul}. Leading axes count as rows. */
export interface MatmulOptions {
  /** `A`, [M, K], or [K, M] if transposed. */
  readonly a: Tensor;
  /** `B`, [K, N], or [N, K] if transposed. */
  readonly b: Tensor;
  /** `C`, [M, N]. Added to, if an earlier kernel of the tape wrote it. */
  readonly c: Tensor;
  /** Whether `a` is stored transposed. */
  readonly transposeA?: boolean;
  /** Whether `b` is stored transposed, as the weights of PyTorch's layers are. */
  readonly transposeB?: boolean;
  /** [N], added to every row. */
  readonly bias?: Tensor | undefined;
  /** Applied to the sum. */
  readonly activation?: Activation;
  /** Another variant than the profile's; for tests and benches. */
  readonly kernel?: Matmul;
}

/**
 * Records `C = act(A B + bias)`, or `C += A B` where C has been written before.
 *
 * @throws {RangeError} If the shapes do not fit.
 */
export function matmul(tape: Tape, options: MatmulOptions): void {
  const { a, b, c, transposeA = false, transposeB = false, bias, activation = "none" } = options;
  const [rows, inner] = transposeA ? [a.columns, a.rows] : [a.rows, a.columns];
  const [innerOfB, columns] = transposeB ? [b.columns, b.rows] : [b.rows, b.columns];
  if (inner !== innerOfB || c.rows !== rows || c.columns !== columns || (bias && bias.size !== columns)) {
    throw new RangeError(
      `Cannot multiply "${a.label}" [${rows}, ${inner}] by "${b.label}" [${innerOfB}, ${columns}]` +
        `${bias ? ` plus "${bias.label}" [${bias.size}]` : ""} into "${c.label}" [${c.rows}, ${c.columns}].`,
    );
  }
  // A binding cannot be left out: without a bias the kernel gets something it does not look at.
  const bound = bias ?? new Tensor(b.storage, [1], b.offset);
  tape.dispatch(options.kernel ?? choose(tape, rows), { a, b, bias: bound, c }, {
    rows,
    columns,
    inner,
    transpose_a: transposeA ? 1 : 0,
    transpose_b: transposeB ? 1 : 0,
    has_bias: bias ? 1 : 0,
    activation: ACTIVATIONS[activation],
  });
}
