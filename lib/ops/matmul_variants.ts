// Layer 2: the kernels of the matrix product, and which of them to use for what.

import { matmulCpu8 } from "../../kernels/matmul_cpu8.ts";
import { matmulCpu8Vector, type Width } from "../../kernels/matmul_cpu8_vector.ts";
import { matmulSliced, slicedMemory, type SlicedTiles, SLICES } from "../../kernels/matmul_sliced.ts";
import { matmulTiled } from "../../kernels/matmul_tiled.ts";
import { matmulTiledVector, tiledMemory, type Tiles } from "../../kernels/matmul_tiled_vector.ts";
import reference from "../../kernels/matmul.wgsl" with { type: "text" };
import type { Device, Profile } from "../gpu/device.ts";
import { defineKernel, type Kernel } from "../gpu/kernel.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** What is multiplied. Leading axes count as rows. */
export interface MatmulOperands {
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
}

const bindings = { a: "read", b: "read", bias: "read", c: "accumulate" } as const;
const params = {
  rows: "u32",
  columns: "u32",
  inner: "u32",
  inner_share: "u32",
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

/** A kernel of the product. */
export type Matmul = Kernel<typeof bindings, typeof params>;

/** What a variant is worth for given operands: `first` is taken where nothing has been measured. */
export type Worth = "first" | "try" | "no";

/** The precisions by name; the first one is the default. */
export const PRECISIONS = ["f32", "f16"] as const;

/** In how many bits a product takes its operands; it adds in 32. */
export type Precision = typeof PRECISIONS[number];

/** One way to compute the product. All ways of a precision give the same bits for the same parts of the inner length. */
export interface MatmulVariant {
  /** What runs. */
  readonly kernel: Matmul;
  /** The adapters it is for. */
  readonly profiles: readonly Profile[];
  /** Whether it rounds the operands. */
  readonly precision: Precision;
  /** Whether it adds up the shares of the inner length itself, up to {@linkcode SLICES} of them. */
  readonly sliced?: boolean;
  /** Whether it can read these operands, on this device. */
  fits(operands: MatmulOperands, device: Device): boolean;
  /** How likely it is to be the fastest of those that fit; the first `first` is the choice without measurement. */
  worth(operands: MatmulOperands, device: Device): Worth;
}

/** A kernel with tiles of `height` x `width`, whose workgroups take so many shares of the inner length. */
function kernel(name: string, source: string, height: number, width: number, slices = 1): Matmul {
  return defineKernel({
    name,
    source,
    entryPoint: "forward",
    bindings,
    params,
    subgroups: name.startsWith("matmul_cpu8"),
    halfPrecision: name.includes("f16"),
    tuneBy: ["rows", "columns", "inner", "transpose_a", "transpose_b"],
    workgroups: ({ rows, columns, inner, inner_share }) => {
      const [tall, wide] = [Math.ceil(rows / height), Math.ceil(columns / width)];
      const parts = Math.max(1, Math.ceil(inner / inner_share / slices));
      return rows <= 4 * columns ? [tall, wide, parts] : [wide, tall, parts]; // tile_of() in matmul_head.ts
    },
  });
}

/** The variant for operands that lie in this way, read two or four elements at a time. */
function vector(rows: 8 | 32, transposeA: boolean, transposeB: boolean, width: Width): MatmulVariant {
  const name = `matmul_cpu8_vector(${rows}, ${transposeA ? "T" : "N"}${transposeB ? "T" : "N"}, ${width})`;
  return {
    kernel: kernel(name, matmulCpu8Vector(rows, transposeA, transposeB, width), rows, 32),
    profiles: ["cpu8"],
    precision: "f32",
    fits: (operands) =>
      (operands.transposeA ?? false) === transposeA && (operands.transposeB ?? false) === transposeB &&
      inMultiples(operands, width),
    worth: (operands) => {
      const { rows: height } = operands.c;
      const first = width === 4 ? (height <= 16) === (rows === 8) : height > 8 && !inMultiples(operands, 4);
      return first ? "first" : "no";
    },
  };
}

/** Whether every row of both operands begins at a multiple of `width` elements, and their memory ends at one. */
function inMultiples({ a, b }: Pick<MatmulOperands, "a" | "b">, width: Width): boolean {
  return [a, b].every(({ offset, stride, storage }) =>
    offset % width === 0 && stride % width === 0 && storage.size % width === 0
  );
}

const always = () => true;

/** The product without any art: what the variants have to agree with, and are to be understood by. */
export const matmulReference: Matmul = defineKernel({
  name: "matmul",
  source: reference,
  entryPoint: "forward",
  bindings,
  params,
  workgroups: ({ rows, columns, inner, inner_share }) => [
    Math.ceil(columns / 8),
    Math.ceil(rows / 8),
    Math.max(1, Math.ceil(inner / inner_share)),
  ],
});

/** The variants with tiles in workgroup memory; in half precision for every adapter, as there are no others. */
function tiled(precision: Precision): MatmulVariant[] {
  const profiles: Profile[] = precision === "f32" ? ["gpu"] : ["gpu", "cpu8"];
  /** Whether there is a faster one; half precision on a software adapter has no others. */
  const beaten = (operands: MatmulOperands, device: Device) =>
    device.profile === "gpu" && rowsInFours(operands);
  return [
    {
      kernel: kernel(`matmul_tiled(128, ${precision})`, matmulTiled(128, precision), 128, 128),
      ...{ profiles, precision },
      fits: (_, device) =>
        has(device, precision) &&
        device.limits.maxComputeWorkgroupStorageSize >=
          tiledMemory({ tall: 128, wide: 128 }, BYTES[precision]),
      // First where there are enough of them to busy a large GPU.
      worth: (operands, device) => {
        if (beaten(operands, device)) return "no";
        const { rows, columns } = operands.c;
        const tiles = Math.floor(rows / 128) * Math.floor(columns / 128);
        return tiles >= 64 ? "first" : tiles > 0 ? "try" : "no";
      },
    },
    {
      kernel: kernel(`matmul_tiled(64, ${precision})`, matmulTiled(64, precision), 64, 64),
      ...{ profiles, precision },
      fits: (_, device) => has(device, precision),
      worth: (operands, device) => beaten(operands, device) ? "no" : "first",
    },
  ];
}

/** The variants for operands that come in fours, with tiles of some shape. */
function tiledVector(shape: Tiles, worth: (tiles: number) => Worth): MatmulVariant[] {
  const { tall, wide, own } = shape;
  return PRECISIONS.map((precision) => ({
    kernel: kernel(
      `matmul_tiled_vector(${tall}, ${wide}, ${own}, ${precision})`,
      matmulTiledVector(shape, precision),
      tall,
      wide,
    ),
    profiles: ["gpu"],
    precision,
    fits: (operands, device) =>
      device.limits.maxComputeWorkgroupStorageSize >= tiledMemory(shape, BYTES[precision]) &&
      has(device, precision) && rowsInFours(operands),
    worth: ({ c: { rows, columns } }) => worth(Math.ceil(rows / tall) * Math.ceil(columns / wide)),
  }));
}

/** The bytes of a number. */
const BYTES: Readonly<Record<Precision, number>> = { f32: 4, f16: 2 };

const has = ({ features }: Device, precision: Precision) => precision === "f32" || features.has("shader-f16");

/** Whether every row of both operands and of C begins at a multiple of four elements. */
function rowsInFours(operands: MatmulOperands): boolean {
  return inMultiples(operands, 4) && inMultiples({ a: operands.c, b: operands.c }, 4);
}

/** The variant for operands that come in fours, where there are few tiles: it takes the inner length in slices. */
function sliced(shape: SlicedTiles, enough: number): MatmulVariant {
  const { tall, wide, own } = shape;
  const name = `matmul_sliced(${tall}, ${wide}, ${own})`;
  return {
    kernel: kernel(name, matmulSliced(shape), tall, wide, SLICES),
    profiles: ["gpu"],
    precision: "f32",
    sliced: true,
    fits: (operands, { limits }) =>
      limits.maxComputeWorkgroupStorageSize >= slicedMemory(shape) && rowsInFours(operands) &&
      innerOf(operands) % 4 === 0,
    worth: ({ c: { rows, columns } }) =>
      Math.ceil(rows / tall) * Math.ceil(columns / wide) >= enough ? "first" : "try",
  };
}

const innerOf = ({ a, transposeA }: MatmulOperands) => transposeA ? a.rows : a.columns;

/** The variants of the product. */
export const matmulVariants: readonly MatmulVariant[] = [
  // First the one with the largest tiles of which there are enough to busy a large GPU; the others where it is close.
  ...tiledVector(
    { tall: 128, wide: 128, own: 8 },
    (tiles) => tiles >= 128 ? "first" : tiles >= 16 ? "try" : "no",
  ),
  ...tiledVector({ tall: 64, wide: 64, own: 4 }, (tiles) => tiles >= 64 ? "first" : "try"),
  ...tiledVector({ tall: 32, wide: 32, own: 4 }, (tiles) => tiles < 1024 ? "first" : "no"),
  sliced({ tall: 32, wide: 32, own: 8 }, 128),
  sliced({ tall: 16, wide: 32, own: 8 }, 64),
  sliced({ tall: 16, wide: 16, own: 4 }, 1),
  ...tiled("f32"),
  ...tiled("f16"),
  {
    kernel: matmulReference,
    profiles: ["gpu"],
    precision: "f32",
    fits: always,
    worth: ({ c: { rows, columns } }) => Math.min(rows, columns) <= 16 ? "try" : "no",
  },
  ...[false, true].flatMap((a) =>
    [false, true].flatMap((b) => [vector(8, a, b, 4), vector(32, a, b, 4), vector(32, a, b, 2)])
  ),
  {
    kernel: kernel("matmul_cpu8(8)", matmulCpu8(8), 8, 32),
    profiles: ["cpu8"],
    precision: "f32",
    fits: always,
    worth: (operands) => inMultiples(operands, 4) || operands.c.rows > 8 ? "no" : "first",
  },
  {
    kernel: kernel("matmul_cpu8(32)", matmulCpu8(32), 32, 32),
    profiles: ["cpu8"],
    precision: "f32",
    fits: always,
    worth: (operands) => inMultiples(operands, 2) || operands.c.rows <= 8 ? "no" : "first",
  },
];

/**
 * The kernels worth a try, the one to take without measuring at the head.
 *
 * @param sliced Whether to take those that add up shares of the inner length themselves; there may be none.
 */
export function matmulCandidates(
  operands: MatmulOperands,
  device: Device,
  precision: Precision,
  sliced = false,
): Matmul[] {
  const fitting = matmulVariants.filter((variant) =>
    variant.precision === precision && variant.profiles.includes(device.profile) &&
    (variant.sliced ?? false) === sliced && variant.fits(operands, device)
  );
  const of = (worth: Worth) =>
    fitting.filter((variant) => variant.worth(operands, device) === worth).map(({ kernel }) => kernel);
  return [...of("first"), ...of("try")];
}

/** Whether a kernel adds up the shares of the inner length itself. */
export function addsShares(kernel: Matmul): boolean {
  return matmulVariants.some((variant) => variant.sliced && variant.kernel === kernel);
}
