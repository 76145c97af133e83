// Layer 2: the matrix product, on which linear layers, recurrent layers and the loss are built. Not an
// operation with a gradient of its own: its users say which products their backward passes are.

import { matmulCpu8 } from "../../kernels/matmul_cpu8.ts";
import { matmulCpu8Vector } from "../../kernels/matmul_cpu8_vector.ts";
import { matmulTiled } from "../../kernels/matmul_tiled.ts";
import reference from "../../kernels/matmul.wgsl" with { type: "text" };
import type { Device, Profile } from "../gpu/device.ts";
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

/** One way to compute the product. */
export interface MatmulVariant {
  /** What runs. */
  readonly kernel: Matmul;
  /** The adapters it is for. */
  readonly profile: Profile;
  /** Whether it can read these operands, on this device. */
  fits(operands: MatmulOptions, device: Device): boolean;
  /** Whether it is likely to be the fastest; the first of which that is said is taken. */
  suits(operands: MatmulOptions): boolean;
}

/** A kernel with tiles of `height` x `width`. */
function kernel(name: string, source: string, height: number, width: number): Matmul {
  return defineKernel({
    name,
    source,
    entryPoint: "forward",
    bindings,
    params,
    subgroups: name.startsWith("matmul_cpu8"),
    workgroups: ({ rows, columns }) => [Math.ceil(columns / width), Math.ceil(rows / height)],
  });
}

/** The variant for operands that lie in this way, read four elements at a time. */
function vector(transposeA: boolean, transposeB: boolean): MatmulVariant {
  const name = `matmul_cpu8_vector(${transposeA ? "T" : "N"}${transposeB ? "T" : "N"})`;
  return {
    kernel: kernel(name, matmulCpu8Vector(transposeA, transposeB), 32, 32),
    profile: "cpu8",
    fits: (operands) =>
      (operands.transposeA ?? false) === transposeA && (operands.transposeB ?? false) === transposeB &&
      inFours(operands.a) && inFours(operands.b),
    suits: always,
  };
}

/** Whether every row begins at a multiple of four elements, and the memory ends at one. */
function inFours({ offset, stride, storage }: Tensor): boolean {
  return offset % 4 === 0 && stride % 4 === 0 && storage.size % 4 === 0;
}

const always = () => true;

/** The product without any art: what the variants have to agree with, and are to be understood by. */
export const matmulReference: Matmul = kernel("matmul", reference, 8, 8);

/** The variants of the product, for tests and benches. */
export const matmulVariants: readonly MatmulVariant[] = [
  {
    kernel: kernel("matmul_tiled(128)", matmulTiled(128), 128, 128),
    profile: "gpu",
    fits: (_, { limits }) => limits.maxComputeWorkgroupStorageSize >= 32768,
    // Enough of them to busy a large GPU.
    suits: ({ c }) => Math.floor(c.rows / 128) * Math.floor(c.columns / 128) >= 64,
  },
  {
    kernel: kernel("matmul_tiled(64)", matmulTiled(64), 64, 64),
    profile: "gpu",
    fits: always,
    suits: always,
  },
  {
    kernel: kernel("matmul_cpu8(8)", matmulCpu8(8), 8, 32),
    profile: "cpu8",
    fits: always,
    suits: ({ c }) => c.rows <= 8,
  },
  vector(false, false),
  vector(false, true),
  vector(true, false),
  vector(true, true),
  { kernel: kernel("matmul_cpu8(32)", matmulCpu8(32), 32, 32), profile: "cpu8", fits: always, suits: always },
];

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
  const { device } = tape;
  const chosen = matmulVariants.find(({ profile, fits, suits }) =>
    profile === device.profile && fits(options, device) && suits(options)
  )!;
  tape.dispatch(options.kernel ?? chosen.kernel, { a, b, bias: bound, c }, {
    rows,
    columns,
    inner,
    transpose_a: transposeA ? 1 : 0,
    transpose_b: transposeB ? 1 : 0,
    has_bias: bias ? 1 : 0,
    activation: ACTIVATIONS[activation],
  });
}
