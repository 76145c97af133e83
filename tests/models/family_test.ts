// Every model of the Seq2Seq family against the same one in PyTorch: losses, every gradient, ten optimizer steps,
// translations.

import { EOS, SOS } from "../../lib/data/vocabulary.ts";
import type { Device } from "../../lib/gpu/device.ts";
import { Plan } from "../../lib/gpu/plan.ts";
import { Tape } from "../../lib/gpu/tape.ts";
import { Seq2Seq } from "../../lib/models/seq2seq.ts";
import { assert, assertEquals } from "../assert.ts";
import { testEachProfile } from "../device.ts";
import { family, familyBatch, type FamilyCase, familyTensors, type Greedy } from "./family_fixture.ts";
import { greedy } from "./greedy.ts";
import { inventedWords } from "./invented_words.ts";
import { assertNear, assertTensors, OneBatchTraining } from "./one_batch.ts";
import { SUMS } from "../tolerances.ts";

/** A case's model with the fixture's initial weights; a name or shape that differs is refused. */
function createModel(device: Device, name: string, expected: FamilyCase): Seq2Seq {
  const { options, source_vocabulary, target_vocabulary } = expected;
  const target = inventedWords(target_vocabulary);
  const source = source_vocabulary === target_vocabulary ? target : inventedWords(source_vocabulary);
  const model = new Seq2Seq(device, { source, target, ...options, dropout: 0 });
  model.parameters.load(familyTensors(name, ""));
  return model;
}

/** Training of a model on the fixture's batch, with `more` padding. */
function create(model: Seq2Seq, expected: FamilyCase, more = 0): Promise<OneBatchTraining> {
  const { clip_norm, smoothing } = expected;
  const batch = familyBatch(model, expected, more);
  return OneBatchTraining.create(model, batch, { ...family.training, clip_norm }, smoothing);
}

/** Fails unless ten steps are PyTorch's. */
async function checkTraining(model: Seq2Seq, name: string, expected: FamilyCase): Promise<void> {
  const run = await create(model, expected);
  for (let step = 0; step < family.training.steps; step++) {
    const { loss, unsmoothed, norm } = await run.step();
    assertNear(loss, expected.losses[step]!, `the loss of step ${step}`);
    assertNear(norm, expected.gradient_norms[step]!, `the gradient's norm in step ${step}`);
    if (step > 0) continue;
    assertNear(unsmoothed, expected.loss_without_smoothing, "the loss without smoothing and coverage");
    assertTensors(await model.parameters.read("gradients"), familyTensors(name, "grad."));
  }
  assertTensors(await model.parameters.read(), familyTensors(name, "after."));
  run.close();
}

/** Fails unless empty rows and more padding change neither the loss nor a gradient. */
async function checkPadding(model: Seq2Seq, name: string, expected: FamilyCase): Promise<void> {
  const run = await create(model, expected, 3);
  const { loss } = await run.step();
  assertNear(loss, expected.losses[0]!, "the loss with more padding");
  assertTensors(await model.parameters.read("gradients"), familyTensors(name, "grad."));
  run.close();
}

/** Fails unless the model translates as PyTorch's does, with its attention. */
async function checkGreedy(model: Seq2Seq, expected: FamilyCase, which: "before" | "after"): Promise<void> {
  const batch = familyBatch(model, expected);
  const { bucket: { sourceLength, rows } } = batch;
  const steps = family.maximum_length;
  const tape = new Tape(model.device, { training: false });
  const { words, attention } = greedy(model, tape, { sourceLength, rows, steps });
  const plan = await Plan.compile(tape);
  const given = {
    ...model.inputs(batch),
    first: new Uint32Array(rows).fill(SOS),
    steps: new Uint32Array(rows).fill(steps),
  };
  plan.run(Object.fromEntries(Object.entries(given).filter(([name]) => tape.inputs.has(name))));
  const [ids, weights] = await plan.read(words, ...(attention ? [attention] : []));
  assertEquals(weights === undefined, expected.greedy[which].attention === null);
  assertTranslations({ ids: ids!, weights }, expected.greedy[which], sourceLength);
  plan.close();
}

/** Fails unless words are the expected ones, and each attention weight is off by no more than 1e-5. */
function assertTranslations(
  { ids, weights }: { ids: ArrayLike<number>; weights: ArrayLike<number> | undefined },
  expected: Greedy,
  sourceLength: number,
): void {
  const rows = expected.ids[0]!.length;
  for (let row = 0; row < rows; row++) {
    const length = expected.ids.findIndex((step) => step[row] === EOS) + 1 || expected.ids.length;
    for (let t = 0; t < length; t++) {
      const name = `row ${row}, word ${t}`;
      assertEquals(ids[t * rows + row]!, expected.ids[t]![row]!, name);
      const start = (t * rows + row) * sourceLength;
      expected.attention?.[t]?.[row]?.forEach((weight, s) => {
        assert(Math.abs(weights![start + s]! - weight) <= SUMS, `the attention of ${name} to ${s}`);
      });
    }
  }
}

for (const [name, expected] of Object.entries(family.cases)) {
  testEachProfile(`${name}: PyTorch's loss, gradients, ten steps and translations`, async (device) => {
    const model = createModel(device, name, expected);
    await checkGreedy(model, expected, "before");
    await checkTraining(model, name, expected);
    model.parameters.load(familyTensors(name, ""));
    await checkPadding(model, name, expected);
    model.parameters.load(familyTensors(name, "after."));
    await checkGreedy(model, expected, "after");
    model.close();
  });
}
