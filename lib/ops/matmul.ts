// Layer 2: the matrix product, on which linear layers, recurrent layers and the loss are built. Not an
// operation with a gradient of its own: its users say which products their backward passes are.

import { SLICES } from "../../kernels/matmul_sliced.ts";
import type { Device, Profile } from "../gpu/device.ts";
import type { Tape } from "../gpu/tape.ts";
import { Tensor } from "../gpu/tensor.ts";
import { type Activation, ACTIVATIONS } from "./activation.ts";
import { addParts } from "./add_parts.ts";
import {
  addsShares,
  type Matmul,
  matmulCandidates,
  type MatmulOperands,
  type Precision,
} from "./matmul_variants.ts";

/** What decides in how many parts a product is taken: its tiles, how many of them busy a processor, the least inner length. */
const SHARING: Readonly<
  Record<Profile, { readonly tile: number; readonly busy: number; readonly inner: number }>
> = {
  cpu8: { tile: 32, busy: 1, inner: 512 },
  gpu: { tile: 64, busy: 6, inner: 128 },
};

/**
 * In how many parts to share out the inner length, so that a small product of a long one keeps all of the adapter
 * busy: a gradient of 8 x 50 weights, say, over 30,000 rows.
 */
function partsOf(device: Device, rows: number, columns: number, inner: number): number {
  const { tile, busy, inner: least } = SHARING[device.profile];
  const tiles = Math.ceil(rows / tile) * Math.ceil(columns / tile);
  return Math.max(1, Math.min(Math.floor(busy * device.parallelism / tiles), Math.floor(inner / least)));
}

/**
 * Whether a product has so few tiles, and an inner length so middling, that its workgroups take that in slices. In tiles
 * that each go through all of the inner length, such products wait for one load after the other; shared out among
 * workgroups, they need a second pass. By shape, layout and device, never by time, as it decides in which order is added.
 */
function isForSlices(device: Device, rows: number, columns: number, inner: number): boolean {
  const tiles = Math.ceil(rows / 32) * Math.ceil(columns / 32);
  return tiles <= 2 * device.parallelism && inner >= 16 * SLICES && inner <= 4096;
}

/** The operands of {@linkcode matmul}, and what becomes of their product. */
export interface MatmulOptions extends MatmulOperands {
  /** [N], added to every row. */
  readonly bias?: Tensor | undefined;
  /** Applied to the sum. */
  readonly activation?: Activation;
  /** Another variant than the adapter's; for tests and benches. */
  readonly kernel?: Matmul;
  /** In how many parts to share out K, each summed by itself; for tests and benches. */
  readonly parts?: number;
}

/** The kernels to choose from by time, in how many parts they take the inner length, and whether they add those themselves. */
function wayOf(
  device: Device,
  options: MatmulOptions,
  precision: Precision,
  [rows, columns, inner]: readonly [number, number, number],
): { kernels: Matmul[]; parts: number; added: boolean } {
  const sliced = isForSlices(device, rows, columns, inner)
    ? matmulCandidates(options, device, precision, true)
    : [];
  const kernels = sliced.length > 0 ? sliced : matmulCandidates(options, device, precision);
  const parts = options.parts ?? (sliced.length > 0 ? SLICES : partsOf(device, rows, columns, inner));
  const chosen = options.kernel ? [options.kernel] : kernels;
  const added = addsShares(chosen[0]!);
  return { kernels: chosen, parts: Math.max(1, Math.min(parts, added ? SLICES : inner)), added };
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
  if (columns === 1 && rows > 1 && c.contiguous && !bias && !options.kernel) {
    // One column lies in memory as one row does, and of that a tile of few rows wastes less: C^T = B^T A^T.
    const row = (tensor: Tensor) => new Tensor(tensor.storage, [1, tensor.rows], tensor.offset);
    const swapped = { a: b, b: a, c: row(c), transposeA: !transposeB, transposeB: !transposeA };
    matmul(tape, { ...options, ...swapped });
    return;
  }
  // A binding cannot be left out: without a bias the kernel gets something it does not look at.
  const bound = bias ?? new Tensor(b.storage, [1], b.offset);
  const precision: Precision = tape.lossScale ? "f16" : "f32";
  const { kernels, parts, added } = wayOf(tape.device, options, precision, [rows, columns, inner]);
  const inner_share = 16 * Math.max(1, Math.ceil(inner / parts / 16));
  const sizes = {
    ...{ rows, columns, inner, inner_share },
    transpose_a: transposeA ? 1 : 0,
    transpose_b: transposeB ? 1 : 0,
  };
  const finish = { has_bias: bias ? 1 : 0, activation: ACTIVATIONS[activation] };
  const shares = Math.ceil(inner / inner_share);
  if (parts === 1 || added) {
    tape.dispatch(kernels, { a, b, bias: bound, c }, { ...sizes, ...finish });
    return;
  }
  const sums = tape.tensor([shares, rows, 4 * Math.ceil(columns / 4)], `parts of ${c.label}`)
    .columnSlice(0, columns);
  tape.dispatch(kernels, { a, b, bias: bound, c: sums }, {
    ...sizes,
    has_bias: 0,
    activation: ACTIVATIONS.none,
  });
  addParts(tape, sums, c, { bias, activation });
}
