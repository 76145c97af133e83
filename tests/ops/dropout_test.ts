// Dropout: the generator against its published answers, and what the masks made of it are like.

import source from "../../kernels/threefry.wgsl" with { type: "text" };
import type { Device } from "../../lib/gpu/device.ts";
import { defineKernel } from "../../lib/gpu/kernel.ts";
import { Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { dropout, type DropoutMask, type DropoutOptions } from "../../lib/ops/dropout.ts";
import { Random } from "../../lib/random.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";
import { checkOperation } from "./check.ts";
import { threefry } from "./threefry.ts";

/** The generator alone. */
const threefryKernel = defineKernel({
  name: "threefry",
  source: `${source}
struct Params { size: u32 }
@group(0) @binding(0) var<storage, read> counters: array<vec4u>;      // [N]: key, counter
@group(0) @binding(1) var<storage, read_write> random: array<vec2u>;  // [N]
@group(1) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(1)
fn forward(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.size) { random[id.x] = threefry(counters[id.x].xy, counters[id.x].zw); }
}`,
  entryPoint: "forward",
  bindings: { counters: "read", random: "write" },
  params: { size: "u32" },
  workgroups: ({ size }) => [size],
});

testEachProfile("Threefry-2x32-20 gives the answers published with Random123", async (device) => {
  const known = [
    { input: [0, 0, 0, 0], output: [0x6b200159, 0x99ba4efe] },
    { input: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], output: [0x1cb996fc, 0xbb002be7] },
    { input: [0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3], output: [0xc4923a9c, 0x483df7a0] },
  ];
  const tape = new Tape(device, { training: false });
  const counters = tape.input("counters", [3, 4], "u32");
  const random = tape.kept([3, 2], "random", "u32");
  tape.dispatch(threefryKernel, { counters, random }, { size: 3 });
  const plan = await Plan.compile(tape);
  plan.run({ counters: Uint32Array.from(known.flatMap(({ input }) => input)) });
  assertEquals(Array.from((await plan.read(random))[0]!), known.flatMap(({ output }) => output));
  plan.close();
});

const SIZE = 20_000;

/** Drops from SIZE ones. */
async function dropped(device: Device, options: DropoutOptions, step: number): Promise<ArrayLike<number>> {
  const parameters = new Parameters(device);
  const ones = parameters.declare("ones", [SIZE], (_, size) => new Float32Array(size).fill(1));
  parameters.allocate(new Random(1));
  const tape = new Tape(device, { training: true });
  const copy = tape.kept([SIZE], "copy");
  copyInto(tape, dropout(tape, ones, options), copy);
  tape.onBackward(() => tape.fill(copy.grad, 1));
  tape.backward(parameters.tensors.values());
  const plan = await Plan.compile(tape);
  plan.run({ step: Uint32Array.of(step) });
  const [y, gradient] = await plan.read(copy, ones.grad);
  assertEquals(gradient, y, "the backward pass drops other elements than the forward pass");
  plan.close();
  parameters.close();
  return y!;
}

testEachProfile(
  "dropout() drops the wanted share, the same one in both passes, and keeps the mean",
  async (device) => {
    for (const rate of [0.1, 0.5, 0.9]) {
      const y = Array.from(await dropped(device, { rate, seed: 1, stream: 0 }, 1));
      assertEquals(new Set(y), new Set([0, Math.fround(1 / (1 - rate))]));
      const share = y.filter((value) => value === 0).length / SIZE;
      // Four standard deviations of the mean of so many Bernoulli variables.
      const margin = 4 * Math.sqrt(rate * (1 - rate) / SIZE);
      assert(Math.abs(share - rate) < margin, `of ${rate}, ${share} was dropped`);
    }
  },
);

testEachProfile("dropout() drops other elements in another step, stream and run", async (device) => {
  const options = { rate: 0.5, seed: 1, stream: 0 };
  const y = await dropped(device, options, 1);
  assertEquals(await dropped(device, options, 1), y);
  const others = [
    await dropped(device, options, 2),
    await dropped(device, { ...options, stream: 1 }, 1),
    await dropped(device, { ...options, seed: 2 }, 1),
  ];
  for (const other of others) {
    const share = Array.from(other).filter((value, i) => value === y[i]).length / SIZE;
    assert(
      Math.abs(share - 0.5) < 0.02,
      `${share} of the elements agree; independent masks agree in half of them`,
    );
  }
});

checkOperation({
  name: "dropout() of [5, 13] in step 3, by its formula",
  inputs: { x: [5, 13] },
  integers: { step: { shape: [1], values: [3] } },
  record: (tape, { x }) => ({ y: dropout(tape, x, { rate: 0.25, seed: 9, stream: 2 }) }),
  reference: ({ x }) => ({
    y: Array.from(x, (value, i) => threefry([9, 2], [3, i]) < 0.75 * 2 ** 32 ? value / 0.75 : 0),
  }),
});

checkOperation({
  name: "dropout() of rows 2 to 4 of [5, 13], whose mask is that of a tensor of its own",
  inputs: { x: [5, 13] },
  integers: { step: { shape: [1], values: [3] } },
  record: (tape, { x }) => ({ y: dropout(tape, x.slice(2, 5), { rate: 0.25, seed: 9, stream: 2 }) }),
  reference: ({ x }) => ({
    y: Array.from(x).slice(2 * 13).map((value, i) =>
      threefry([9, 2], [3, i]) < 0.75 * 2 ** 32 ? value / 0.75 : 0
    ),
  }),
});

/** Which of the counters decides on an element of x [steps, batch, width]. */
const counter: Readonly<Record<DropoutMask, (i: number, batch: number, width: number) => number>> = {
  element: (i) => i,
  sequence: (i, batch, width) => i % (batch * width),
  word: (i, _, width) => Math.floor(i / width),
};

const [STEPS, BATCH] = [4, 3];

for (const mask of ["element", "sequence", "word"] as const) {
  for (const width of [1, 7, 64]) {
    const options: DropoutOptions = { rate: 0.4, seed: 3, stream: 5, mask };
    const row = {
      inputs: { x: [STEPS, BATCH, width] },
      integers: { step: { shape: [1], values: [2] } },
      reference: ({ x }: { x: ArrayLike<number> }) => ({
        y: Array.from(x, (value, i) => {
          return threefry([3, 5], [2, counter[mask](i, BATCH, width)]) < 0.6 * 2 ** 32 ? value / 0.6 : 0;
        }),
      }),
    };
    checkOperation({
      ...row,
      name: `dropout() of [${STEPS}, ${BATCH}, ${width}], a bit for each ${mask}`,
      record: (tape, { x }) => ({ y: dropout(tape, x, options) }),
    });
    checkOperation({
      ...row,
      name: `dropout() of [${STEPS}, ${BATCH}, ${width}] one step at a time, a bit for each ${mask}`,
      record: (tape, { x }) => {
        const y = tape.tensor(x.shape, "y");
        for (let time = 0; time < STEPS; time++) {
          copyInto(tape, dropout(tape, x.at(time), { ...options, time }), y.at(time));
        }
        return { y };
      },
    });
  }
}

Deno.test("dropout() is its input outside training and at a rate of 0", () => {
  const options = { rate: 0.5, seed: 1, stream: 0 };
  for (const [training, rate] of [[false, 0.5], [true, 0]] as const) {
    const tape = new Tape(device, { training });
    const x = tape.tensor([3], "x");
    assert(dropout(tape, x, { ...options, rate }) === x);
    assertEquals([tape.dispatches.length, tape.inputs.size], [0, 0]);
  }
});

Deno.test("dropout() refuses rates that are no share or everything", () => {
  const tape = new Tape(device, { training: true });
  for (const rate of [-0.1, 1, NaN]) {
    const x = tape.tensor([3], "x");
    assertThrows(() => dropout(tape, x, { rate, seed: 1, stream: 0 }), RangeError, `share of ${rate}`);
  }
});
