// The loss of yes or no in plain loops of 64 bits. The operation begins its own backward pass, so it is recorded here
// as training records it.

import { Tape } from "../../lib/gpu/tape.ts";
import { type Tensor } from "../../lib/gpu/tensor.ts";
import { binaryCrossEntropy } from "../../lib/ops/binary_cross_entropy.ts";
import { Random } from "../../lib/random.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { device, testEachProfile } from "../device.ts";
import { assertClose } from "./check.ts";
import { type Case, check, IGNORED, reference, run } from "./binary_cross_entropy_check.ts";
import { SUMS } from "../tolerances.ts";

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
