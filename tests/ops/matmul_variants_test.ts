// Each variant of the matrix product's kernel against three loops.

import { SLICES } from "../../kernels/matmul_sliced.ts";
import type { Device } from "../../lib/gpu/device.ts";
import { Storage, Tensor } from "../../lib/gpu/tensor.ts";
import {
  matmulCandidates,
  matmulReference,
  type MatmulVariant,
  matmulVariants,
  type Precision,
  PRECISIONS,
} from "../../lib/ops/matmul_variants.ts";
import { Random } from "../../lib/random.ts";
import { assert } from "../assert.ts";
import { device as gpu, testEachProfile } from "../device.ts";
import { type Case, check, compute } from "./matmul_check.ts";

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

testEachProfile("each variant of matmul() agrees with three loops", async (device) => {
  for (const variant of variants(device)) {
    let checked = 0;
    for (const options of cases) checked += await check(device, options, variant) ? 1 : 0;
    assert(checked >= 10, `only ${checked} cases are for ${variant.kernel.name}`);
  }
});

testEachProfile(
  "each variant of matmul() agrees one below, at and one above each size of tile",
  async (device) => {
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
  },
);

Deno.test("matmul() in slices agrees one below, at and one above each size of tile and slice", async () => {
  const random = new Random(5);
  const pick = <T>(...choices: T[]) => choices[random.integer(choices.length)]!;
  for (const variant of matmulVariants.filter(({ sliced }) => sliced)) {
    for (const rows of [1, 4, 15, 16, 17, 31, 32, 33]) {
      for (const columns of [4, 12, 16, 20, 28, 32, 36]) {
        const inner = pick(4, 12, 16, 20, 124, 128, 132, 252, 256, 260);
        const options: Case = {
          sizes: [rows, columns, inner],
          ...{ transposeA: pick(false, true), transposeB: pick(false, true), bias: pick(false, true) },
          ...pick({}, { accumulate: true, margin: 4 }),
          ...{ activation: pick("none", "tanh", "sigmoid", "relu"), parts: pick(1, 3, 7, 8), fours: true },
        };
        assert(
          await check(gpu, options, variant),
          `${variant.kernel.name} cannot do ${JSON.stringify(options)}`,
        );
      }
    }
  }
});

testEachProfile(
  "the variants of matmul() give the same bits, so a choice by time changes nothing",
  async (device) => {
    const shapes: Pick<Case, "sizes" | "parts">[] =
      ([[6, 41, 301], [70, 41, 301], [6, 44, 304], [70, 44, 304]] as const)
        .flatMap((sizes) => [{ sizes }, { sizes, parts: SLICES }]);
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        for (const shape of shapes) {
          const options: Case = { ...shape, transposeA, transposeB, bias: true, fours: true };
          const first = new Map<Precision, { readonly name: string; readonly bits: Uint32Array }>();
          let compared = 0;
          for (const variant of variants(device)) {
            const { precision, kernel: { name } } = variant;
            const result = await compute(device, options, variant);
            if (!result) continue;
            const bits = new Uint32Array(result.actual.buffer);
            const other = first.get(precision);
            if (!other) first.set(precision, { name, bits });
            else {
              const at = bits.findIndex((word, i) => word !== other.bits[i]);
              assert(at < 0, `${name} and ${other.name} differ at ${at}`);
              compared++;
            }
          }
          const least = shape.sizes[1] % 4 === 0
            ? matmulVariants.filter(({ sliced }) => sliced).length + 2
            : 2;
          assert(compared >= (device.profile === "gpu" ? least : 2), `only ${compared} pairs`);
          const [single, half] = [first.get("f32")!, first.get("f16")];
          if (device.features.has("shader-f16")) {
            assert(String(half!.bits) !== String(single.bits), "nothing was rounded");
          }
        }
      }
    }
  },
);

Deno.test("there is a kernel for every product, however little an adapter has", () => {
  const [rows, columns, inner] = [70, 40, 200];
  for (const profile of ["cpu8", "gpu"] as const) {
    for (const features of [new Set<string>(), new Set(["shader-f16"])]) {
      const limits = { maxComputeWorkgroupStorageSize: 16384 };
      const small = { profile, features, limits } as unknown as Device;
      for (const margin of [0, 1]) {
        const tensor = (rows: number, columns: number) =>
          new Tensor(new Storage("x", rows * (columns + margin), "f32", "bound"), [rows, columns + margin])
            .columnSlice(margin, columns + margin);
        const operands = { a: tensor(rows, inner), b: tensor(inner, columns), c: tensor(rows, columns) };
        for (const precision of features.size > 0 ? PRECISIONS : ["f32" as const]) {
          const kernels = matmulCandidates(operands, small, precision);
          assert(kernels.length > 0, `${profile}, ${[...features]}, margin ${margin}, ${precision}`);
        }
      }
    }
  }
});

function variants({ profile }: Device): MatmulVariant[] {
  const others = matmulVariants.filter((variant) =>
    variant.profiles.includes(profile) && variant.kernel !== matmulReference
  );
  const readable: MatmulVariant = {
    kernel: matmulReference,
    profiles: [profile],
    precision: "f32",
    fits: () => true,
    worth: () => "no",
  };
  return [readable, ...others];
}
