import { HeldOut, type HeldOutLoss, heldOutLoss } from "../../lib/evaluation/held_out.ts";
import { BufferPool } from "../../lib/gpu/memory.ts";
import type { Seq2Seq } from "../../lib/models/seq2seq.ts";
import { Random } from "../../lib/random.ts";
import { train } from "../../lib/training/trainer.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { tinyModel, tinyPairs } from "../training/tiny.ts";
import { FEW_ROUNDINGS, SUMS } from "../tolerances.ts";

const pairs = tinyPairs(50);

function assertClose(actual: number, expected: number, tolerance: number): void {
  assert(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} ± ${tolerance}`);
}

/** Makes a model answer with the same probabilities always: softmax(bias). */
async function answerAlways(model: Seq2Seq, bias: Float32Array<ArrayBuffer>): Promise<void> {
  const weights = await model.parameters.read();
  weights.get("decoder.output.weight")!.data.fill(0);
  weights.set("decoder.output.bias", { shape: [bias.length], data: bias });
  model.parameters.load(weights);
}

testWithDevice("heldOutLoss() is the mean of -log p over all target words and <eos>", async (device) => {
  const model = tinyModel(device);
  const { size } = model.target.vocabulary;
  await answerAlways(model, new Float32Array(size));
  assertClose((await heldOutLoss(model, pairs)).loss, Math.log(size), SUMS);

  const random = new Random(5);
  const bias = Float32Array.from({ length: size }, () => 2 * random.normal());
  await answerAlways(model, bias);
  const partition = Math.log(bias.reduce((sum, value) => sum + Math.exp(value), 0));
  const answers = pairs.flatMap(({ target }) => model.target.encode(target).slice(1));
  const sum = answers.reduce((sum, id) => sum + partition - bias[id]!, 0);
  const measured = await heldOutLoss(model, pairs, { batch: 7 });
  assertEquals(measured.tokens, answers.length);
  assertEquals(measured.dropped, 0);
  assertClose(measured.loss, sum / answers.length, SUMS);
  model.close();
});

testWithDevice("heldOutLoss() is the loss that training begins with, without its dropout", async (device) => {
  const model = tinyModel(device, { dropout: 0 });
  const { loss } = await heldOutLoss(model, pairs);
  const options = { epochs: 1, batch: pairs.length, learningRate: 1e-30, maxSteps: 1 };
  for await (const progress of train(model, pairs, options)) assertClose(progress.loss, loss, SUMS);

  const dropping = tinyModel(device, { dropout: 0.5 });
  dropping.parameters.load(await model.parameters.read());
  assertClose((await heldOutLoss(dropping, pairs)).loss, loss, FEW_ROUNDINGS);
  for (const each of [model, dropping]) each.close();
});

testWithDevice(
  "heldOutLoss() does not depend on how the pairs are batched, and leaves no buffers",
  async (device) => {
    const model = tinyModel(device, { seed: 4 });
    const before = device.bufferCount;
    const whole = await heldOutLoss(model, pairs, { batch: 50 });
    for (const batch of [1, 8, 23, 64]) {
      const measured: HeldOutLoss = await heldOutLoss(model, pairs, { batch });
      assertClose(measured.loss, whole.loss, SUMS);
      assertEquals(measured.tokens, whole.tokens);
    }
    assertClose((await heldOutLoss(model, pairs.toReversed())).loss, whole.loss, SUMS);
    assertEquals(device.bufferCount, before);
    model.close();
  },
);

testWithDevice(
  "heldOutLoss() leaves out what is too long, and refuses what cannot be measured",
  async (device) => {
    const model = tinyModel(device);
    const short = pairs.filter(({ source }) => source.split(" ").length <= 3);
    const part = await heldOutLoss(model, pairs, { maxLength: 5 });
    assertEquals(part.dropped, pairs.length - short.length);
    assertClose(part.loss, (await heldOutLoss(model, short)).loss, SUMS);
    await assertRejects(
      () => heldOutLoss(model, pairs, { maxLength: 2 }),
      RangeError,
      "Cannot measure a loss: none of 50 pairs has at most 2 words on both sides.",
    );
    await assertRejects(() => heldOutLoss(model, pairs, { batch: 0 }), RangeError);
    model.close();
  },
);

testWithDevice(
  "a measurement takes turns, gives up at a signal, and has the same bits later",
  async (device) => {
    const model = tinyModel(device);
    const pool = new BufferPool(device);
    const heldOut = await HeldOut.create(model, tinyPairs(1_200), { batch: 4 }, pool);
    let batches = 0;
    const { inputs } = model;
    model.inputs = function (batch) {
      batches++;
      return inputs.call(this, batch);
    };
    let turns = 0;
    const timer = setInterval(() => turns++);
    const first = await heldOut.measure();
    clearInterval(timer);
    const all = batches;
    assert(all >= 300 && turns > 2, `${turns} turns in ${all} batches`);
    for (const [milliseconds, most] of [[0, all - 1], [undefined, 0]] as const) {
      const interruption = new AbortController();
      if (milliseconds === undefined) interruption.abort();
      else setTimeout(() => interruption.abort(), milliseconds);
      batches = 0;
      assertEquals(await heldOut.measure(interruption.signal), undefined);
      assert(batches <= most, `it measured ${batches} of ${all} batches`);
    }
    assertEquals(await heldOut.measure(), first);
    heldOut.close();
    pool.close();
    model.close();
  },
);
