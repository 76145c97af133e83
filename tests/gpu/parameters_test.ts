// Named parameters in flat buffers.

import { BufferPool } from "../../lib/gpu/memory.ts";
import { type NamedArray, Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { persistent } from "../../lib/gpu/tensor.ts";
import { linear } from "../../lib/ops/linear.ts";
import { CONTROL_SIZE, optimizerStep } from "../../lib/ops/optimizer.ts";
import { Random } from "../../lib/random.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { device } from "../device.ts";
import { normals } from "../ops/check.ts";

function parametersOf(shapes: Record<string, number[]>, seed = 1): Parameters {
  const parameters = new Parameters(device);
  for (const [name, shape] of Object.entries(shapes)) parameters.declare(name, shape, normals);
  parameters.allocate(new Random(seed));
  return parameters;
}

const shapes = { "a.weight": [3, 5], "a.bias": [1], "b.weight": [65, 2] };

Deno.test("declare() refuses a name twice, and any once there are buffers", () => {
  const parameters = new Parameters(device);
  parameters.declare("weight", [2], normals);
  const declare = () => parameters.declare("weight", [2], normals);
  assertThrows(declare, TypeError, 'the parameter "weight": it exists already');
  assertThrows(() => parameters.flat, TypeError, "they have not been allocated");
  parameters.allocate(new Random(1));
  assertThrows(
    () => parameters.declare("late", [2], normals),
    TypeError,
    '"late": the buffers exist already',
  );
  parameters.close();
});

Deno.test("scopes put their prefixes before every name", () => {
  const parameters = new Parameters(device);
  const scope = parameters.scope("decoder").scope("cell");
  scope.declare("weight_ih", [2, 3], normals);
  parameters.declare("bias", [1], normals);
  assertEquals([...parameters.tensors.keys()], ["decoder.cell.weight_ih", "bias"]);
  assertEquals(parameters.count, 7);
});

Deno.test("parameters are drawn in the order of their declaration, from one generator", async () => {
  const parameters = parametersOf(shapes, 3);
  const random = new Random(3);
  for (const [name, { shape, data }] of await parameters.read()) {
    assertEquals(shape, shapes[name as keyof typeof shapes]);
    assertEquals(data, normals(random, data.length), name);
  }
  parameters.close();
});

Deno.test("the flat buffers hold every parameter at an aligned place, and zeros between them", async () => {
  const before = device.bufferCount;
  const parameters = parametersOf(shapes);
  assertEquals(parameters.bytes, 4 * (256 + 256 + 768));
  assertEquals(device.bufferCount, { buffers: before.buffers + 4, bytes: before.bytes + parameters.bytes });
  assertEquals([...parameters.tensors.values()].map(({ storage }) => storage.byteOffset), [0, 256, 512]);
  for (const which of ["gradients", "firstMoments", "secondMoments"] as const) {
    for (const [, { data }] of await parameters.read(which)) assert(data.every((value) => value === 0));
  }
  parameters.close();
  assertEquals(device.bufferCount, before);
});

Deno.test("load() writes what read() gave, and only that", async () => {
  const [saved, parameters] = [parametersOf(shapes, 1), parametersOf(shapes, 2)];
  const values = await saved.read();
  parameters.load(values);
  assertEquals(await parameters.read(), values);
  const moments = new Map(
    [...values].map(([name, array]) => [name, { ...array, data: array.data.map((x) => 2 * x) }]),
  );
  parameters.loadMoments("secondMoments", moments);
  assertEquals(await parameters.read("secondMoments"), moments);
  assertEquals(await parameters.read(), values);
  saved.close();
  parameters.close();
});

Deno.test("load() refuses missing, unknown and misshapen tensors by name, and changes nothing", async () => {
  const parameters = parametersOf(shapes);
  const values = await parameters.read();
  const changed = (change: (tensors: Map<string, NamedArray>) => void) => () => {
    const tensors = new Map(
      [...values].map(([name, { shape, data }]) => [name, { shape, data: new Float32Array(data.length) }]),
    );
    change(tensors);
    parameters.load(tensors);
  };
  const data = new Float32Array(15);
  assertThrows(changed((tensors) => tensors.delete("b.weight")), TypeError, '"b.weight" is missing');
  assertThrows(
    changed((tensors) => tensors.set("c.weight", { shape: [15], data })),
    TypeError,
    'Cannot load the parameter "c.weight": the model has none of that name',
  );
  assertThrows(
    changed((tensors) => tensors.set("a.weight", { shape: [5, 3], data })),
    TypeError,
    `Cannot load "a.weight" of shape [5,3]: the model's is [3,5]`,
  );
  assertThrows(
    () =>
      parameters.loadMoments(
        "firstMoments",
        new Map([["a.bias", { shape: [2], data: new Float32Array(2) }]]),
      ),
    TypeError,
    'Cannot load the moments of "a.bias"',
  );
  assertEquals(await parameters.read(), values);
  parameters.close();
});

Deno.test("frozen parameters stand behind the others, and have nothing but values", async () => {
  const parameters = new Parameters(device);
  parameters.declare("a", [65, 2], normals, { frozen: true });
  parameters.declare("b", [3], normals);
  parameters.scope("c").declare("d", [5], normals, { frozen: true });
  parameters.declare("e", [70], normals);
  parameters.allocate(new Random(4));
  const places = [...parameters.tensors].map(([name, { storage }]) => [name, storage.byteOffset]);
  assertEquals(places, [["a", 768], ["b", 0], ["c.d", 1536], ["e", 256]]);
  assertEquals([...parameters.trainable.keys()], ["b", "e"]);
  assertEquals([parameters.count, parameters.trainableCount], [208, 73]);
  assertEquals(parameters.bytes, 4 * 768 + 1024);
  const { values, gradients, firstMoments } = parameters.flat;
  assertEquals([values.size, gradients.size, firstMoments.size], [448, 192, 192]);

  const random = new Random(4); // drawn in the order of their declaration
  for (const [, { data }] of await parameters.read()) assertEquals(data, normals(random, data.length));
  assertEquals([...(await parameters.read("gradients")).keys()], ["b", "e"]);
  const moments = await parameters.read("firstMoments");
  parameters.loadMoments("firstMoments", moments);
  moments.set("a", { shape: [65, 2], data: new Float32Array(130) });
  assertThrows(() => parameters.loadMoments("firstMoments", moments), TypeError, 'the moments of "a"');
  parameters.close();
});

Deno.test("a training step leaves frozen parameters alone, whose gradients go on to others", async () => {
  const parameters = new Parameters(device);
  const weight = parameters.declare("weight", [7, 5], normals, { frozen: true });
  const x = parameters.declare("x", [3, 5], normals);
  const bias = parameters.declare("bias", [7], normals);
  parameters.allocate(new Random(2));
  const control = persistent(device, [CONTROL_SIZE], "control");
  const before = await parameters.read();
  const tapes = [1, 2].map((times) => {
    const tape = new Tape(device, { training: true });
    for (let i = 0; i < times; i++) {
      const y = linear(tape, x, { weight, bias });
      tape.onBackward(() => tape.fill(y.grad, 1));
    }
    tape.backward(parameters.trainable.values());
    optimizerStep(tape, parameters.flat, control, { method: "adamw", weightDecay: 0.5 });
    return tape;
  });
  const pool = new BufferPool(device); // as the plans of a training, whose gradients of frozen parameters it holds
  const plans = [];
  for (const tape of tapes) plans.push(await Plan.compile(tape, pool));
  for (const [index, plan] of plans.entries()) {
    plan.run({ learning_rate: Float32Array.of(0.1) });
    const gradients = await parameters.read("gradients");
    assertEquals(gradients.get("bias")!.data, new Float32Array(7).fill(3 * (index + 1)));
    for (let i = 0; i < 15; i++) {
      let expected = 0;
      for (let row = 0; row < 7; row++) {
        expected += before.get("weight")!.data[5 * row + i % 5]! * (index + 1);
      }
      assert(Math.abs(gradients.get("x")!.data[i]! - expected) < 1e-5);
    }
  }
  const after = await parameters.read();
  assertEquals(after.get("weight"), before.get("weight"));
  for (const name of ["x", "bias"]) {
    assert(after.get(name)!.data.every((value, i) => value !== before.get(name)!.data[i]), name);
  }
  for (const plan of plans) plan.close();
  pool.close();
  parameters.close();
  device.destroyBuffer(control.storage.buffer!);
});
