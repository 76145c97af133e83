// The matrix product with the variant of its choice; tests/ops/matmul_variants_test.ts has each of them. Its gradients
// are products again, recorded by its users: tests/ops/linear_test.ts has them.

import fc from "npm:fast-check@4.10.2";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { matmul } from "../../lib/ops/matmul.ts";
import { matmulReference } from "../../lib/ops/matmul_variants.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";
import { assertClose } from "./check.ts";
import { check } from "./matmul_check.ts";
import { FEW_ROUNDINGS } from "../tolerances.ts";

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

testEachProfile("matmul() agrees where C has one column", async (device) => {
  for (const transposeA of [false, true]) {
    for (const transposeB of [false, true]) {
      for (
        const more of [{}, { accumulate: true }, { margin: 1 }, { bias: true }, {
          activation: "tanh",
        }] as const
      ) {
        await check(device, { sizes: [37, 1, 70], transposeA, transposeB, ...more });
      }
    }
  }
});

testEachProfile(
  "matmul() shares out a long inner length where few tiles would leave lanes idle",
  async (device) => {
    const kernels = (rows: number, inner: number) => {
      const tape = new Tape(device, { training: false });
      const [a, b] = [tape.input("a", [rows, inner], "f32"), tape.input("b", [inner, 4], "f32")];
      matmul(tape, { a, b, c: tape.tensor([rows, 4], "c") });
      return tape.dispatches.map(({ kernel }) => kernel.name === "add_parts");
    };
    const shared = device.parallelism > 1;
    const least = device.profile === "cpu8" ? 512 : 128;
    assertEquals(kernels(4, 2 * least + 1), shared ? [false, true] : [false]);
    assertEquals(kernels(4, 2 * least - 1), [false], "half of it would be too short");
    assertEquals(kernels(6 * 64 * device.parallelism, 2 * least + 1), [false], "there are enough tiles");
    await check(device, { sizes: [4, 4, 1500], bias: true, activation: "tanh" });
    await check(device, { sizes: [3, 5, 1537], transposeA: true, accumulate: true });
  },
);

Deno.test("matmul() takes a middling inner length in slices, in one pass, where there are few tiles", async () => {
  const kernels = (rows: number, columns: number, inner: number) => {
    const tape = new Tape(device, { training: false });
    const [a, b] = [tape.input("a", [rows, inner], "f32"), tape.input("b", [inner, columns], "f32")];
    matmul(tape, { a, b, c: tape.tensor([rows, columns], "c") });
    return tape.dispatches.map(({ kernel }) => /sliced|parts/.exec(kernel.name)?.[0]);
  };
  assertEquals(kernels(64, 32, 512), ["sliced"]);
  assertEquals(kernels(64, 32, 124), [undefined], "the slices would be too short");
  assertEquals(kernels(64, 32, 514), [undefined, "parts"], "it does not come in fours");
  assertEquals(kernels(6 * 64 * device.parallelism, 36, 256), [undefined], "there are many tiles");
  assertEquals(
    kernels(64, 32, 8192),
    device.parallelism > 1 ? [undefined, "parts"] : [undefined],
    "too long",
  );
  await check(device, { sizes: [40, 36, 260], bias: true, activation: "tanh" });
});

testEachProfile(
  "matmul() leaves out the kernels that would need more workgroups than there may be",
  (device) => {
    const rows = 8 * (device.limits.maxComputeWorkgroupsPerDimension + 1); // more than the readable kernel can
    const tape = new Tape(device, { training: false });
    const [a, b] = [tape.input("a", [rows, 4], "f32"), tape.input("b", [4, 4], "f32")];
    matmul(tape, { a, b, c: tape.tensor([rows, 4], "c") });
    const { kernel, alternatives } = tape.dispatches[0]!;
    assertEquals(
      [kernel, ...alternatives.map(({ kernel }) => kernel)].some((kernel) => kernel === matmulReference),
      false,
    );
  },
);

testEachProfile("matmul() without a bias does not ask that all of B's memory be written", async (device) => {
  const tape = new Tape(device, { training: false });
  const halves = tape.tensor([2, 3, 3], "halves");
  tape.fill(halves.at(1), 2);
  const c = tape.kept([3, 3], "c");
  matmul(tape, { a: halves.at(1), b: halves.at(1), c });
  const plan = await Plan.compile(tape);
  plan.run();
  assertClose((await plan.read(c))[0]!, new Float32Array(9).fill(12), FEW_ROUNDINGS, "c");
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
