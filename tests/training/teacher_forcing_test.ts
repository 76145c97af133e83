// Which words a decoder is given: the share of right ones over the steps, and what training makes of it.

import { completeTeacherForcing, teacherShare } from "../../lib/training/teacher_forcing.ts";
import { train } from "../../lib/training/trainer.ts";
import type { TrainOptions } from "../../lib/training/options.ts";
import { loadCheckpoint } from "../../lib/training/checkpoint.ts";
import { testWithDevice } from "../adapter.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { TemporaryFolder } from "../data/temporary_folder.ts";
import { fingerprint, tinyModel, tinyPairs } from "./tiny.ts";

Deno.test("teacherShare() follows its course, of Bengio et al. 2015", () => {
  const shares = (options: Parameters<typeof completeTeacherForcing>[0], ...steps: number[]) =>
    steps.map((step) => teacherShare(completeTeacherForcing(options), step));
  assertEquals(shares({}, 0, 1000), [1, 1]);
  assertEquals(shares({ teacherForcing: "constant" }, 0, 9), [0.5, 0.5]);
  assertEquals(shares({ teacherForcing: "linear", teacherShare: 0.25, teacherSteps: 3 }, 0, 1, 2, 3, 4), [
    ...[1, 0.75, 0.5, 0.25, 0.25],
  ]);
  const sigmoid = shares({ teacherForcing: "inverse-sigmoid", teacherSteps: 10 }, 0, 10, 23, 1e6);
  for (const [index, x] of [0, 1, 2.3, 1e5].entries()) {
    assert(Math.abs(sigmoid[index]! - 10 / (10 + Math.exp(x))) < 1e-12);
  }
});

Deno.test("completeTeacherForcing() refuses what does not go together", () => {
  const refused = (options: object, message: string) =>
    assertThrows(() => completeTeacherForcing(options), RangeError, message);
  refused({ teacherForcing: "never" }, "teacherForcing never: it must be one of always, constant");
  refused({ teacherShare: 0.5 }, "the teacherForcing always has none, only constant and linear");
  refused({ teacherForcing: "constant", teacherShare: 2 }, "teacherShare 2: it must be from 0 to 1");
  refused({ teacherForcing: "constant", teacherSteps: 2 }, "only linear and inverse-sigmoid");
  refused({ teacherForcing: "linear", teacherSteps: 0.5 }, "it must be a positive integer");
});

const pairs = tinyPairs(60);

testWithDevice("train() gives the decoder its own words, more and more of them", async (device) => {
  const trained = async (options: TrainOptions) => {
    const model = tinyModel(device, { dropout: 0 });
    const losses = [];
    for await (const { loss } of train(model, pairs, { epochs: 2, batch: 16, ...options })) losses.push(loss);
    const bits = await fingerprint(model);
    model.close();
    assert(losses.every(Number.isFinite));
    return bits;
  };
  const always = await trained({});
  const half = await trained({ teacherForcing: "constant" });
  const falling = await trained({ teacherForcing: "linear", teacherSteps: 4 });
  assertEquals(new Set([always, half, falling]).size, 3);
  assertEquals(await trained({ teacherForcing: "constant" }), half);
});

testWithDevice("train() goes on with scheduled sampling where it stopped, bit for bit", async (device) => {
  await using folder = await TemporaryFolder.make();
  const common = { batch: 16, epochs: 2, teacherForcing: "linear", teacherSteps: 7 } as const;
  const straight = tinyModel(device);
  for await (const _ of train(straight, pairs, common));
  const first = tinyModel(device);
  for await (const _ of train(first, pairs, { ...common, epochs: 1, folder: folder.path }));
  const { model, state } = await loadCheckpoint(device, folder.path);
  assertEquals(state!.config.teacherForcing, { name: "linear", teacherShare: 0, teacherSteps: 7 });
  for await (const _ of train(model, pairs, { ...common, resume: state! }));
  assertEquals(await fingerprint(model), await fingerprint(straight));
  for (const each of [straight, first, model]) each.close();
});
