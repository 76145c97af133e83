// The same work by TensorFlow.js on the same adapter: matrix products, and a recurrent layer of the IMDB benchmark
// (300 steps, batch 100, 50 units over one feature), forward and backward.
// Run: deno task bench:peers   (downloads TensorFlow.js; not part of `deno task bench`)

import { openDevice, Parameters, Plan, type PlanInputs, Random, Tape, type Tensor } from "../mod.ts";
import { gru } from "../lib/ops/gru.ts";
import { lstm } from "../lib/ops/lstm.ts";
import { matmul } from "../lib/ops/matmul.ts";

// Computed, so that neither the lock file nor a type check needs these packages.
const version = "4.22.0";
const tf = await import(`npm:@tensorflow/tfjs@${version}`);
await import(`npm:@tensorflow/tfjs-backend-webgpu@${version}`);
await tf.setBackend("webgpu");
const device = await openDevice();
console.log(`adapter ${device.description}, profile ${device.profile}, deno ${Deno.version.deno}`);
console.log(`TensorFlow.js ${version}, backend ${tf.getBackend()}`);

/** Runs of a product between two waits for the GPU. */
const RUNS = 5;

function parametersOf(shapes: Record<string, readonly number[]>): Parameters {
  const parameters = new Parameters(device);
  for (const [name, shape] of Object.entries(shapes)) {
    parameters.declare(
      name,
      shape,
      (random, size) => Float32Array.from({ length: size }, () => random.normal() / 8),
    );
  }
  parameters.allocate(new Random(1));
  return parameters;
}

for (const n of [512, 1024]) {
  const group = `${RUNS} products ${n} x ${n} x ${n}, ${(RUNS * 2 * n ** 3 / 1e9).toFixed(2)} GFLOP`;
  const { tensors } = parametersOf({ a: [n, n], b: [n, n] });
  const tape = new Tape(device, { training: false });
  const c = tape.kept([n, n], "c");
  matmul(tape, { a: tensors.get("a")!, b: tensors.get("b")!, c });
  const plan = await Plan.compile(tape);
  Deno.bench(`attend, ${n}`, { group, baseline: true }, async () => {
    for (let run = 0; run < RUNS; run++) plan.run();
    await plan.read(c);
  });
  const [a, b] = [tf.randomNormal([n, n]), tf.randomNormal([n, n])];
  Deno.bench(`TensorFlow.js webgpu, ${n}`, { group }, async () => {
    const products = Array.from({ length: RUNS }, () => tf.matMul(a, b));
    await products.at(-1).data();
    tf.dispose(products);
  });
}

const [steps, batch, hidden] = [300, 100, 50];
for (const cell of ["lstm", "gru"] as const) {
  const group = `${cell.toUpperCase()} ${hidden} over [${steps}, ${batch}, 1], forward and backward`;
  const rows = (cell === "lstm" ? 4 : 3) * hidden;
  const shapes = { weightIh: [rows, 1], weightHh: [rows, hidden], biasIh: [rows], biasHh: [rows] };
  const { tensors } = parametersOf({ ...shapes, x: [steps, batch, 1] });
  const { x, ...weights } = Object.fromEntries(tensors) as Record<keyof typeof shapes | "x", Tensor>;
  const tape = new Tape(device, { training: true });
  const lengths = tape.input("lengths", [batch], "u32");
  const { final } = (cell === "lstm" ? lstm : gru)(tape, x, { ...weights, lengths });
  tape.fill(final.grad, 1);
  tape.backward(tensors.values());
  const plan = await Plan.compile(tape);
  const inputs: PlanInputs = { lengths: new Uint32Array(batch).fill(steps) };
  Deno.bench(`attend, ${cell}`, { group, baseline: true }, async () => {
    plan.run(inputs);
    await plan.read(weights.biasHh.grad);
  });
  const units = { units: hidden, inputShape: [steps, 1], recurrentActivation: "sigmoid" };
  const model = tf.sequential({ layers: [tf.layers[cell](units)] });
  const features = tf.randomNormal([batch, steps, 1]);
  Deno.bench(`TensorFlow.js webgpu, ${cell}`, { group, n: 3, warmup: 1 }, async () => {
    const { value, grads } = tf.variableGrads(() => tf.sum(model.apply(features, { training: true })));
    await Promise.all(
      Object.values(grads).map((gradient) => (gradient as { data(): Promise<unknown> }).data()),
    );
    tf.dispose([value, grads]);
  });
}
