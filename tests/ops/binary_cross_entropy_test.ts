// The loss of yes or no in plain loops of 64 bits. The operation begins its own backward pass, so it is recorded here
// as training records it.

import type { Device } from "../../lib/gpu/device.ts";
import { Parameters } from "../../lib/gpu/parameters.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { overwrite, persistent, type Tensor } from "../../lib/gpu/tensor.ts";
import { binaryCrossEntropy } from "../../lib/ops/binary_cross_entropy.ts";
import { Random } from "../../lib/random.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";
import { assertClose, type Numbers } from "./check.ts";
import { CHAINS, SUMS } from "../tolerances.ts";

interface Case {
  readonly logits: readonly number[];
  readonly labels: readonly number[];
  readonly smoothing?: number;
}

const IGNORED = 2;

/** The sums over the rows that count: the loss, -log p(label), and how many are right. */
function reference(logits: Numbers, { labels, smoothing = 0 }: Case): [number, number, number] {
  let [loss, surprises, right] = [0, 0, 0];
  labels.forEach((label, row) => {
    if (label === IGNORED) return;
    const x = logits[row]!;
    // -log sigmoid(x) and -log(1 - sigmoid(x)), by the definition, not by the formula of the kernel.
    const [yes, no] = [Math.log1p(Math.exp(-x)), Math.log1p(Math.exp(x))];
    const target = label * (1 - smoothing) + smoothing / 2;
    loss += target * yes + (1 - target) * no;
    surprises += label === 1 ? yes : no;
    right += Number((x > 0) === (label === 1));
  });
  return [loss, surprises, right];
}

/** Runs the operation twice over, on a view into a larger tensor, so that gradients have to be added up. */
async function run(device: Device, options: Case, training = true) {
  const { logits, labels, smoothing = 0 } = options;
  const rows = logits.length;
  const parameters = new Parameters(device);
  const above = 3; // the logits are the end of a tensor, as a recurrent layer's final state is
  const x = parameters.declare("x", [above + rows, 1], (_, size) => {
    return Float32Array.from({ length: size }, (_, i) => logits[i - above] ?? NaN);
  });
  parameters.allocate(new Random(1));
  const totals = persistent(device, [3], "totals");
  const tape = new Tape(device, { training });
  const targets = tape.input("labels", [rows], "u32");
  const times = training ? 2 : 1;
  for (let i = 0; i < times; i++) {
    const part = x.slice(above, above + rows);
    binaryCrossEntropy(tape, part, { labels: targets, ignored: IGNORED, smoothing, totals });
  }
  if (training) tape.backward(parameters.tensors.values());
  const plan = await Plan.compile(tape);
  const counted = labels.filter((label) => label !== IGNORED).length;
  const scale = counted === 0 ? 0 : 1 / counted;
  const runs: { sums: Numbers; gradients: Float32Array }[] = [];
  for (let i = 0; i < 2; i++) {
    overwrite(device, totals, Float32Array.of(0.5, 0.25, 3));
    plan.run({ labels: Uint32Array.from(labels), scale: Float32Array.of(scale) });
    const [sums] = await plan.read(totals);
    const gradients = training ? (await parameters.read("gradients")).get("x")!.data : new Float32Array();
    runs.push({ sums: sums!, gradients });
  }
  plan.close();
  parameters.close();
  device.destroyBuffer(totals.storage.buffer!);
  assertEquals(runs[1], runs[0], "a second run gives other numbers");
  const added = [0.5, 0.25, 3].map((before, i) => (runs[0]!.sums[i]! - before) / times);
  return {
    added,
    above: runs[0]!.gradients.slice(0, above),
    gradients: runs[0]!.gradients.slice(above),
    scale,
  };
}

async function check(device: Device, options: Case): Promise<void> {
  const { added, above, gradients, scale } = await run(device, options);
  const name = JSON.stringify(options);
  assertClose(added, reference(options.logits, options), SUMS, `the sums of ${name}`);
  assertEquals([...above], [0, 0, 0]);
  const step = 1e-5;
  const expected = options.logits.map((_, element) => {
    const [up, down] = [step, -step].map((change) => {
      return reference(options.logits.map((x, i) => i === element ? x + change : x), options)[0];
    });
    return 2 * scale * (up! - down!) / (2 * step);
  });
  assertClose(gradients, expected, CHAINS, `dx of ${name}`);
}

const random = new Random(3);
const cases: Readonly<Record<string, Case>> = {
  "one row": { logits: [0.3], labels: [1] },
  "both labels and rows that do not count": { logits: [-1, 2, 0.5, -3, 7], labels: [1, 0, 2, 0, 1] },
  "label smoothing": { logits: [-1, 2, 0.5, -3], labels: [1, 0, 2, 0], smoothing: 0.2 },
  "nothing that counts": { logits: [1, -1], labels: [2, 2], smoothing: 0.1 },
  "a logit of zero, which says no": { logits: [0, 0, 0], labels: [0, 1, 0] },
  "logits near the ends": { logits: [-20, 20, -20, 20], labels: [0, 0, 1, 1] },
  "more rows than a workgroup has lanes": {
    logits: Array.from({ length: 131 }, () => 3 * random.normal()),
    labels: Array.from({ length: 131 }, (_, i) => i % 3),
  },
};

for (const [name, options] of Object.entries(cases)) {
  testEachProfile(`binaryCrossEntropy() of ${name}`, (device) => check(device, options));
}

testEachProfile("binaryCrossEntropy() stays finite where exp(x) does not", async (device) => {
  const { added, gradients } = await run(device, { logits: [300, -300, 300, -300], labels: [1, 1, 0, 0] });
  assertEquals(added, [600, 600, 2]);
  assertEquals([...gradients], [0, -0.5, 0.5, 0]);
});

testEachProfile(
  "binaryCrossEntropy() of a logit that is no number has no finite gradient",
  async (device) => {
    const { gradients } = await run(device, { logits: [NaN, 1], labels: [1, 1] });
    const bits = new Uint32Array(gradients.buffer)[0]! & 0x7fffffff;
    assert(bits >= 0x7f800000, `its gradient is ${gradients[0]}`);
  },
);

testEachProfile("binaryCrossEntropy() outside training only adds to the totals", async (device) => {
  const options = { logits: [1, -2, 3], labels: [1, 1, 2] };
  const { added } = await run(device, options, false);
  assertClose(added, reference(options.logits, options), SUMS, "the sums");
});

Deno.test("binaryCrossEntropy() refuses a wrong number of labels, and logits that are apart", () => {
  const tape = new Tape(device, { training: true });
  const labels = tape.input("labels", [3], "u32");
  const totals = tape.tensor([3], "totals");
  const record = (logits: Tensor) => () =>
    binaryCrossEntropy(tape, logits, { labels, ignored: IGNORED, totals });
  assertThrows(record(tape.tensor([4, 1], "x")), RangeError, "Cannot compare logits [4,1] with 3 labels");
  assertThrows(record(tape.tensor([3, 2], "x").columnSlice(0, 1)), RangeError, "each label takes one logit");
});
