// Layers taken step by step give what the same layers give one after the other over the whole sequence, forward and back.

import type { Device } from "../../lib/gpu/device.ts";
import { Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { RecurrentLayers, type RecurrentLayersOptions } from "../../lib/models/recurrent_layers.ts";
import { RecurrentSteps } from "../../lib/models/recurrent_steps.ts";
import { copyInto } from "../../lib/ops/concatenate.ts";
import { Random } from "../../lib/random.ts";
import { assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import { assertClose, inject, normals } from "../ops/check.ts";
import { SUMS } from "../tolerances.ts";

const [STEPS, BATCH, INPUTS, HIDDEN] = [4, 3, 5, 6];
const random = new Random(3);
const given = {
  x: normals(random, STEPS * BATCH * INPUTS),
  lengths: Uint32Array.of(4, 1, 2),
  doutputs: normals(random, STEPS * BATCH * HIDDEN),
  dstates: normals(random, STEPS * BATCH * HIDDEN),
  step: Uint32Array.of(7),
};

/** What the layers give in training, and the gradients of their weights. */
async function run(device: Device, options: Partial<RecurrentLayersOptions>, stepwise: boolean) {
  const parameters = new Parameters(device);
  const layers = new RecurrentLayers(parameters.scope("layers"), {
    ...{ cell: "gru", inputs: INPUTS, hidden: HIDDEN, ...options },
  });
  parameters.allocate(new Random(1));
  const tape = new Tape(device, { training: true });
  const x = tape.input("x", [STEPS, BATCH, INPUTS], "f32");
  const input = { lengths: tape.input("lengths", [BATCH], "u32") };
  const steps = stepwise ? new RecurrentSteps(tape, layers, STEPS, [x], input) : undefined;
  const { outputs, states, finals, finalCells } = steps ?? layers.forward(tape, x, input);
  for (let t = 0; t < STEPS; t++) steps?.step(t);
  const results = [outputs, states, ...finals, ...finalCells].map((tensor) => {
    const kept = tape.kept(tensor.shape, `kept ${tensor.label}`);
    copyInto(tape, tensor, kept);
    return kept;
  });
  for (const [name, kept] of [["doutputs", results[0]!], ["dstates", results[1]!]] as const) {
    const d = tape.input(name, kept.shape, "f32");
    tape.onBackward(() => tape.dispatch(inject, { x: d, dy: kept.grad }, { size: kept.size }));
  }
  tape.backward(parameters.tensors.values());
  const plan = await Plan.compile(tape);
  const { step, ...inputs } = given;
  plan.run({ ...inputs, ...(tape.inputs.has("step") ? { step } : {}) });
  const values = await plan.read(...results);
  const gradients = await parameters.read("gradients");
  plan.close();
  parameters.close();
  return { values, gradients };
}

const cases: Partial<RecurrentLayersOptions>[] = [
  { cell: "gru" },
  { cell: "lstm", layers: 3 },
  { cell: "gru", layers: 3, residual: true },
  { cell: "lstm", layers: 2, residual: true, dropout: { rate: 0.4, seed: 5, stream: 3 } },
  { cell: "gru", layers: 3, dropout: { rate: 0.4, seed: 5, stream: 3, mask: "sequence" } },
];

for (const options of cases) {
  testEachProfile(
    `RecurrentSteps of ${JSON.stringify(options)} agree with RecurrentLayers`,
    async (device) => {
      const whole = await run(device, options, false);
      const steps = await run(device, options, true);
      assertEquals(steps.values.length, whole.values.length);
      whole.values.forEach((values, index) => {
        assertClose(steps.values[index]!, values, SUMS, `result ${index}`);
      });
      for (const [name, { data }] of whole.gradients) {
        assertClose(steps.gradients.get(name)!.data, data, SUMS, `gradient of ${name}`);
      }
    },
  );
}
