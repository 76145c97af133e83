// Steps of several batches: the same as of one large batch, and nothing is made on the way.

import { type Batch, batches } from "../../lib/data/batches.ts";
import type { Device } from "../../lib/gpu/device.ts";
import { inGroups, Optimization } from "../../lib/training/optimization.ts";
import { completeTraining, type TrainingReport } from "../../lib/training/options.ts";
import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals } from "../assert.ts";
import { fingerprint, tinyModel, tinyPairs } from "./tiny.ts";
import { SUMS } from "../tolerances.ts";

const pairs = tinyPairs(16);
/** Every pair fits; what differs is how many at a time. */
const LENGTHS = { sourceLength: 8, targetLength: 8 };

/** Takes three steps over all pairs, each of batches with so many rows. */
async function stepped(device: Device, rows: number) {
  const model = tinyModel(device, { dropout: 0 });
  const options = { optimizer: "sgd", momentum: 0.9, learningRate: 0.5 } as const;
  const accumulation = Math.ceil(pairs.length / rows);
  const config = completeTraining({ ...options, accumulation }, model);
  const buckets = [{ ...LENGTHS, rows }];
  const optimization = new Optimization(model, buckets, config);
  await optimization.layout().allocate();
  const norms: number[] = [];
  let group: Batch[] = [];
  for (let step = 0; step < 3; step++) {
    group = [...batches(model.encode(pairs), buckets, { seed: 1, epoch: step })];
    optimization.step(group, step);
    norms.push((await optimization.sums()).gradientNorm);
  }
  const weights = await model.parameters.read();
  optimization.close();
  model.close();
  return { norms, weights, tokens: group.map(({ tokens }) => tokens) };
}

testWithDevice("a step of several batches is that of one large batch, to rounding", async (device) => {
  const large = await stepped(device, 16);
  for (const rows of [1, 6, 15]) {
    const small = await stepped(device, rows);
    assert(new Set(small.tokens).size > 1, "all batches weigh the same");
    small.norms.forEach((norm, step) => assert(Math.abs(norm / large.norms[step]! - 1) < SUMS));
    for (const [name, { data }] of large.weights) {
      // Sums of up to a hundred products in another order: some 1e-6, three steps long.
      const largest = data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
      small.weights.get(name)!.data.forEach((value, i) => {
        assert(Math.abs(value - data[i]!) < SUMS * largest, `${name}[${i}] is ${value}, not ${data[i]}`);
      });
    }
  }
});

testWithDevice("the batches of a step drop other elements", async (device) => {
  const model = tinyModel(device, { dropout: 0.5 });
  const config = completeTraining({ accumulation: 2 }, model);
  const buckets = [{ ...LENGTHS, rows: 16 }];
  const optimization = new Optimization(model, buckets, config);
  await optimization.layout().allocate();
  const [batch] = [...batches(model.encode(pairs), buckets, { seed: 1, epoch: 0 })] as [Batch];
  const loss = async (group: Batch[], number: number) => {
    optimization.startEpoch();
    optimization.step(group, number, 0); // the weights stay as they are
    return (await optimization.sums()).loss;
  };
  const [first, next] = [await loss([batch], 0), await loss([batch], 1)];
  const both = await loss([batch, batch], 0);
  assert(Math.abs(both - 2 * first) > 0.1, "both batches drop the same");
  assert(Math.abs(both - first - next) > 0.1, "the second batch drops what the next step does");
  assertEquals(await loss([batch, batch], 0), both);
  optimization.close();
  model.close();
});

testWithDevice(
  "train() takes fewer steps with several batches each, and makes no buffers",
  async (device) => {
    const many = tinyPairs(110);
    const counts = new Set<string>();
    const reports = new Map<number, TrainingReport>();
    const bits = new Set<string>();
    for (const accumulation of [1, 3, 3]) {
      const model = tinyModel(device);
      const onReport = (report: TrainingReport) => void reports.set(accumulation, report);
      let last = 0;
      counts.clear();
      for await (const { step } of train(model, many, { epochs: 4, batch: 8, accumulation, onReport })) {
        counts.add(JSON.stringify(device.bufferCount));
        last = step;
      }
      assertEquals(counts.size, 1);
      assertEquals(last, 4 * reports.get(accumulation)!.stepsPerEpoch);
      bits.add(await fingerprint(model));
      model.close();
    }
    assertEquals(
      bits.size,
      2,
      "two runs that are alike end with other bits, or two that are not with the same",
    );
    const [single, grouped] = [reports.get(1)!, reports.get(3)!];
    assertEquals(grouped.stepsPerEpoch, Math.ceil(single.stepsPerEpoch / 3));
    assert(grouped.parameterBytes > single.parameterBytes, "the sum of gradients is not accounted for");
  },
);

Deno.test("inGroups() leaves what is left to the last group", () => {
  const numbered = [1, 2, 3, 4, 5] as unknown as Batch[];
  assertEquals([...inGroups(numbered, 2)] as unknown, [[1, 2], [3, 4], [5]]);
  assertEquals([...inGroups(numbered, 5)].length, 1);
  assertEquals([...inGroups([], 2)], []);
});
