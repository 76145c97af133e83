// Plans: what they are given, that they run alike each time, and what they cost.

import { type Device, openDevice } from "../../lib/gpu/device.ts";
import { defineKernel } from "../../lib/gpu/kernel.ts";
import { BufferPool } from "../../lib/gpu/memory.ts";
import { Parameters } from "../../lib/gpu/parameters.ts";
import { aligned, Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { Tuning } from "../../lib/gpu/tuning.ts";
import { persistent, type Tensor } from "../../lib/gpu/tensor.ts";
import { tanh } from "../../lib/ops/activation.ts";
import { CONTROL_SIZE, optimizerStep } from "../../lib/ops/optimizer.ts";
import { columnSum } from "../../lib/ops/column_sum.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { crossEntropy } from "../../lib/ops/cross_entropy.ts";
import { gru } from "../../lib/ops/gru.ts";
import { Random } from "../../lib/random.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../assert.ts";
import { device } from "../device.ts";
import { normals } from "../ops/check.ts";

const doubling = defineKernel({
  name: "doubling",
  source: `
struct Params { size: u32 }
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;
@compute @workgroup_size(64)
fn forward(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < p.size) { x[id.x] *= 2.0; }
}`,
  entryPoint: "forward",
  bindings: { x: "read_write" },
  params: { size: "u32" },
  workgroups: ({ size }) => [Math.ceil(size / 64)],
});

/** A plan that copies its input `x` and the integers `ids`. */
async function copying(): Promise<{ plan: Plan; y: Tensor }> {
  const tape = new Tape(device, { training: false });
  const y = tape.kept([3], "y");
  copyInto(tape, tape.input("x", [3], "f32"), y);
  tape.input("ids", [2], "u32");
  return { plan: await Plan.compile(tape), y };
}

Deno.test("run() refuses inputs that are missing, unknown or of another size, naming them", async () => {
  const { plan, y } = await copying();
  const x = Float32Array.of(1, 2, 3);
  const ids = Uint32Array.of(1, 2);
  const refuse = (inputs: Record<string, Float32Array | Uint32Array>, message: string) =>
    assertThrows(() => plan.run(inputs), TypeError, message);
  refuse({ x }, 'its input "ids" takes 2 values, not none');
  refuse({ x, ids: Uint32Array.of(1) }, 'its input "ids" takes 2 values, not 1');
  refuse({ x, ids, scale: x }, 'it has no input "scale"');
  plan.run({ x, ids });
  assertEquals((await plan.read(y))[0]!, x);
  plan.close();
});

Deno.test("run() stops before the kernels that it is told to leave out", async () => {
  const tape = new Tape(device, { training: false });
  const [first, second] = [tape.kept([3], "first"), tape.kept([3], "second")];
  const x = tape.input("x", [3], "f32");
  copyInto(tape, x, first);
  copyInto(tape, x, second);
  const plan = await Plan.compile(tape);
  plan.run({ x: Float32Array.of(1, 2, 3) });
  plan.run({ x: Float32Array.of(4, 5, 6) }, 1);
  assertEquals((await plan.read(first, second)).map(String), ["4,5,6", "1,2,3"]);
  plan.close();
});

Deno.test("repeat() does what so many runs with the same inputs do", async () => {
  const tape = new Tape(device, { training: false });
  const sum = persistent(device, [3], "sum");
  device.gpu.queue.writeBuffer(sum.storage.buffer!, 0, Float32Array.of(1, 2, 3));
  tape.dispatch(doubling, { x: sum }, { size: 3 });
  const plan = await Plan.compile(tape);
  plan.run();
  plan.repeat(3);
  plan.repeat(0);
  assertEquals((await plan.read(sum))[0]!, Float32Array.of(16, 32, 48));
  plan.close();
  device.destroyBuffer(sum.storage.buffer!);
});

Deno.test("inputs are rounded up to what may be bound", () => {
  assertEquals([0, 1, 256, 257].map(aligned), [0, 256, 256, 512]);
});

Deno.test("a derived input follows the one it comes from", async () => {
  const tape = new Tape(device, { training: false });
  const ids = tape.input("ids", [3], "u32");
  const doubled = tape.derivedInput(ids, 3, "doubled", (from, to) => to.set(from.map((id) => 2 * id)));
  const y = tape.kept([3], "y", "u32");
  copyInto(tape, doubled, y);
  const plan = await Plan.compile(tape);
  for (const first of [1, 5]) {
    plan.run({ ids: Uint32Array.of(first, 2, 3) });
    assertEquals((await plan.read(y))[0]!, Uint32Array.of(2 * first, 4, 6));
  }
  plan.close();
});

/** A whole training step in miniature: a GRU, a loss and Adam. */
class Training {
  readonly parameters: Parameters;
  readonly pool: BufferPool;
  readonly totals: Tensor;
  readonly control: Tensor;
  plan!: Plan;

  private constructor(readonly device: Device) {
    this.parameters = new Parameters(device);
    this.pool = new BufferPool(device);
    this.totals = persistent(device, [2], "totals");
    this.control = persistent(device, [CONTROL_SIZE], "control");
  }

  static async create(device: Device): Promise<Training> {
    const training = new Training(device);
    const { parameters, pool, totals, control } = training;
    const declare = (name: string, ...shape: number[]) => parameters.declare(name, shape, normals);
    const [weightIh, weightHh] = [declare("weight_ih", 15, 3), declare("weight_hh", 15, 5)];
    const [biasIh, biasHh] = [declare("bias_ih", 15), declare("bias_hh", 15)];
    const [weight, bias] = [declare("weight", 7, 5), declare("bias", 7)];
    const x = declare("x", 4, 2, 3);
    parameters.allocate(new Random(1));
    const tape = new Tape(device, { training: true });
    const lengths = tape.input("lengths", [2], "u32");
    const { outputs } = gru(tape, x, { weightIh, weightHh, biasIh, biasHh, lengths });
    const targets = tape.input("targets", [8], "u32");
    crossEntropy(tape, outputs, { weight, bias, targets, ignored: 0, totals, smoothing: 0.1 });
    tape.backward(parameters.tensors.values());
    optimizerStep(tape, parameters.flat, control, { maxNorm: 1 });
    training.plan = await Plan.compile(tape, pool);
    return training;
  }

  get inputs() {
    return {
      lengths: Uint32Array.of(4, 2),
      targets: Uint32Array.of(1, 2, 3, 4, 5, 0, 6, 0),
      scale: Float32Array.of(1 / 6),
      learning_rate: Float32Array.of(0.01),
    };
  }

  close(): void {
    this.plan.close();
    this.pool.close();
    this.parameters.close();
    for (const { storage } of [this.totals, this.control]) this.device.destroyBuffer(storage.buffer!);
  }
}

Deno.test("two trainings from one seed give the same bits", async () => {
  const results = [];
  for (let i = 0; i < 2; i++) {
    const training = await Training.create(device);
    for (let step = 0; step < 5; step++) training.plan.run(training.inputs);
    results.push([
      await training.plan.read(training.totals, training.control),
      await training.parameters.read(),
    ]);
    training.close();
  }
  assertEquals(results[1], results[0]);
});

Deno.test("a thousand runs create no buffer, and closing frees all", async () => {
  const before = device.bufferCount;
  const training = await Training.create(device);
  const { plan, inputs, totals } = training;
  plan.run(inputs);
  await plan.read(totals);
  const during = device.bufferCount;
  for (let i = 0; i < 1000; i++) {
    plan.run(inputs);
    // So that the queue does not grow without bound.
    if (i % 100 === 0) await plan.read(totals);
  }
  await plan.read(totals);
  assertEquals(device.bufferCount, during);
  assert(during.buffers > before.buffers);
  training.close();
  assertEquals(device.bufferCount, before);
});

for (const clock of ["gpu", "host"] as const) {
  Deno.test({
    name: `profile() by the clock of the ${clock} names every kernel and counts every dispatch`,
    ignore: clock === "gpu" && !device.features.has("timestamp-query"),
    fn: async () => {
      const training = await Training.create(device);
      const times = await training.plan.profile(training.inputs, { clock });
      const count = times.reduce((sum, { dispatches }) => sum + dispatches, 0);
      assertEquals(count, training.plan.dispatches);
      const chosen = await Tuning.of(device).choose(training.plan.tape.dispatches);
      const labels = new Set(chosen.map(({ kernel }) => kernel.label));
      assertEquals(new Set(times.map(({ kernel }) => kernel)), labels);
      times.forEach(({ milliseconds, bytes }, i) => {
        assert(milliseconds >= 0 && (i === 0 || milliseconds <= times[i - 1]!.milliseconds));
        assert(bytes > 0);
      });
      assert(times[0]!.milliseconds > 0);
      training.close();
    },
  });
}

Deno.test("profile() counts what each kernel is given to read and to write, sums twice", async () => {
  const tape = new Tape(device, { training: false });
  const x = tape.input("x", [10, 3], "f32");
  const sum = tape.kept([3], "sum");
  columnSum(tape, x.slice(0, 4), sum); // 12 numbers in, 3 out
  columnSum(tape, x, sum); // 30 numbers and the earlier 3 in, 3 out
  const plan = await Plan.compile(tape);
  const [time] = await plan.profile({ x: new Float32Array(30) });
  assertEquals([time!.dispatches, time!.bytes], [2, 4 * (12 + 3 + 30 + 3 + 3)]);
  plan.close();
  await assertRejects(() => plan.profile({ x: new Float32Array(30) }), TypeError, "it has been closed");
});

Deno.test("profile() by the GPU's clock is refused where there is none; without a wish it takes the host's", async () => {
  const own = await openDevice();
  (own.features as Set<string>).delete("timestamp-query");
  const tape = new Tape(own, { training: false });
  tape.fill(tape.kept([1 << 20], "y"), 1);
  const plan = await Plan.compile(tape);
  await assertRejects(() => plan.profile({}, { clock: "gpu" }), TypeError, 'no feature "timestamp-query"');
  assert((await plan.profile())[0]!.milliseconds > 0);
  own.close();
});

Deno.test("plans for batches of different sizes share their memory", async () => {
  const pool = new BufferPool(device);
  const plans = [];
  for (const size of [1000, 10]) {
    const tape = new Tape(device, { training: false });
    const y = tape.kept([size], "y");
    copyInto(tape, tanh(tape, tape.input("x", [size], "f32")), y);
    const memory = pool.layout(tape.dispatches);
    plans.push({ plan: await Plan.compile(tape, pool, memory), y, size });
  }
  assertEquals(pool.bytes, 4000);
  for (const { plan, y, size } of [...plans, ...plans]) {
    plan.run({ x: new Float32Array(size).fill(0.5) });
    const [values] = await plan.read(y);
    assert(values!.length === size && values!.every((value) => Math.abs(value - Math.tanh(0.5)) < 1e-6));
  }
  for (const { plan } of plans) plan.close();
  pool.close();
});

Deno.test("a tape refuses a tensor that the adapter cannot bind, naming it and the limit", () => {
  const limit = device.limits.maxStorageBufferBindingSize;
  const before = device.bufferCount;
  const tape = new Tape(device, { training: false });
  const record = () => tape.fill(tape.tensor([limit / 4 + 1], "logits"), 0);
  const error = assertThrows(record, RangeError, `Cannot bind "logits" of ${limit + 4} bytes`);
  const says = `to "fill:forward": this adapter's limit maxStorageBufferBindingSize is ${limit}.`;
  assert(error.message.includes(says), error.message);
  assertEquals(device.bufferCount, before);
});

Deno.test("run() fails once the device is closed", async () => {
  const own = await openDevice();
  const tape = new Tape(own, { training: false });
  tape.fill(tape.kept([3], "y"), 1);
  const plan = await Plan.compile(tape);
  own.close();
  assertThrows(() => plan.run(), Error, "Cannot use the device: it has been closed");
});
