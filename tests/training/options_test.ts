// Which options go together, and what a checkpoint's config.json makes of them.

import * as v from "npm:valibot@1.5.0";
import type { Device } from "../../lib/gpu/device.ts";
import { parseConfig } from "../../lib/training/config.ts";
import { completeTraining, type TrainOptions } from "../../lib/training/options.ts";
import { testWithDevice } from "../adapter.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { tinyClassifier, tinyModel, tinyPairs } from "./tiny.ts";

const valid = tinyPairs(3);

function complete(device: Device, options: TrainOptions) {
  const model = tinyModel(device);
  try {
    return completeTraining(options, model);
  } finally {
    model.close();
  }
}

testWithDevice("optimizers have PyTorch's defaults", (device) => {
  const of = (options: TrainOptions): Record<string, unknown> => {
    const { optimizer, learningRate, clipNorm, clipValue } = complete(device, options);
    return { ...optimizer, learningRate, clipNorm, clipValue };
  };
  const clip = { clipNorm: 1, clipValue: null };
  const adam = {
    method: "adam",
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0,
    learningRate: 0.001,
  };
  assertEquals(of({}), { ...adam, ...clip });
  assertEquals(of({ optimizer: "adamw" }), { ...adam, method: "adamw", weightDecay: 0.01, ...clip });
  assertEquals(of({ optimizer: "sgd", momentum: 0.9, nesterov: true, learningRate: 0.1, clipValue: 5 }), {
    ...{ method: "sgd", momentum: 0.9, nesterov: true, weightDecay: 0, learningRate: 0.1 },
    ...{ clipNorm: Infinity, clipValue: 5 },
  });
  const adadelta = { method: "adadelta", rho: 0.9, epsilon: 1e-6, weightDecay: 0, learningRate: 1 };
  assertEquals(of({ optimizer: "adadelta" }), { ...adadelta, ...clip });
  const rmsprop = { method: "rmsprop", alpha: 0.99, epsilon: 1e-8, momentum: 0, weightDecay: 0 };
  assertEquals(of({ optimizer: "rmsprop" }), { ...rmsprop, learningRate: 0.01, ...clip });
});

/** Constants that belong to other optimizers, schedules and courses of teacher forcing than the one that is chosen. */
const constants: [TrainOptions, string][] = [
  [{ rho: 0.9 }, "rho 0.9: the optimizer adam has none, only adadelta"],
  [{ alpha: 0.9 }, "alpha 0.9: the optimizer adam has none, only rmsprop"],
  [{ nesterov: false }, "nesterov false: the optimizer adam has none, only sgd"],
  [{ optimizer: "adadelta", beta2: 0.9 }, "beta2 0.9: the optimizer adadelta has none, only adam and adamw"],
  [{ optimizer: "sgd", epsilon: 1e-8 }, "epsilon 1e-8: the optimizer sgd has none, only adam, "],
  [{ decaySteps: 9 }, "decaySteps 9: the schedule constant has none, only cosine"],
  [{ decayPatience: 1 }, "decayPatience 1: the schedule constant has none, only plateau"],
  [{ schedule: "cosine", decayAfter: 1 }, "decayAfter 1: the schedule cosine has none, only halving"],
  [
    { schedule: "inverse-sqrt", decayFactor: 0.5 },
    "decayFactor 0.5: the schedule inverse-sqrt has none, only pl",
  ],
  [
    { schedule: "halving", minLearningRate: 0 },
    "minLearningRate 0: the schedule halving has none, only cosine",
  ],
  [{ teacherShare: 0.5 }, "teacherShare 0.5: the teacherForcing always has none, only constant and linear"],
  [
    { teacherForcing: "constant", teacherSteps: 9 },
    "teacherSteps 9: the teacherForcing constant has none, only",
  ],
  [
    { teacherForcing: "inverse-sigmoid", teacherShare: 0 },
    "teacherShare 0: the teacherForcing inverse-sigmoid ",
  ],
];

testWithDevice("options that do not go together are refused with the reason", (device) => {
  const refused: [TrainOptions, string][] = [
    [
      { optimizer: "lion" as "adam" },
      "optimizer lion: it must be one of adam, adamw, sgd, adadelta, rmsprop",
    ],
    [{ momentum: 0.9 }, "momentum 0.9: the optimizer adam has none, only sgd and rmsprop; leave it out"],
    [{ optimizer: "sgd", beta1: 0.5 }, "beta1 0.5: the optimizer sgd has none, only adam and adamw"],
    [{ optimizer: "sgd", nesterov: true }, "nesterov true: it needs a momentum above 0"],
    [{ optimizer: "sgd", momentum: 1 }, "momentum 1: it must be in [0, 1)"],
    [{ epsilon: 0 }, "epsilon 0: it must be a positive number"],
    [{ weightDecay: -1 }, "weightDecay -1: it must be a number of at least 0"],
    [{ clipValue: 0 }, "clipValue 0: it must be positive"],
    [{ clipValue: 1, clipNorm: 2 }, "clipValue 1: gradients are clipped to clipNorm 2 already; leave one"],
    [{ accumulation: 0 }, "accumulation 0: it must be a positive integer"],
    [{ averageDecay: 1 }, "averageDecay 1: it must be in (0, 1)"],
    [{ patience: 0, valid }, "patience 0: it must be a positive integer"],
    [{ patience: 3 }, "patience 3: there are no examples to validate on"],
    [{ bestBy: "bleu", valid: [] }, "bestBy bleu: there are no examples to validate on"],
    [
      { bestBy: "loss" },
      "bestBy loss: there are no examples to validate on; give some as valid, or leave bestBy",
    ],
    [
      { samples: 0 },
      "samples 0: there are no examples to validate on; give some as valid, or leave samples out",
    ],
    [
      { batch: 8, batchTokens: 90 },
      "batch 8: batches are made by their batchTokens, 90; leave one of them out",
    ],
    [{ bestBy: "chrf" as "bleu" }, "bestBy chrf: it must be one of loss, bleu"],
    [{ schedule: "plateau" }, "schedule plateau: there are no examples to validate on"],
    [{ keep: 2 }, "keep 2: there is no folder to save in; give one as folder, or leave keep out"],
    [{ saveEvery: 0 }, "saveEvery 0: there is no folder to save in"],
    [{ checkpoints: 3 }, "checkpoints 3: there is no folder to save in"],
    [{ saveNow: () => true }, "saveNow set: there is no folder to save in"],
    [{ beforeFirstSave: () => Promise.resolve() }, "beforeFirstSave set: there is no folder to save in"],
    [{ onSave: () => {} }, "onSave set: there is no folder to save in"],
    [{ onSaveFailed: () => {} }, "onSaveFailed set: there is no folder to save in"],
    ...constants,
    [{ keep: -1, folder: "runs" }, "keep -1: it must be an integer of at least 0"],
  ];
  for (const [options, message] of refused) {
    assertThrows(() => complete(device, options), RangeError, `Cannot train with ${message}`);
  }
  const classifier = tinyClassifier(device);
  assertThrows(
    () => completeTraining({ bestBy: "bleu", valid: [{}] }, classifier),
    RangeError,
    "bestBy bleu: a SequenceClassifier does not translate",
  );
  classifier.close();
});

testWithDevice("options that config.json could not be read with again are refused", (device) => {
  const most = 2 ** 20;
  const refused: [TrainOptions, string][] = [
    ...(["epochs", "batch", "batchTokens", "accumulation", "maxLength"] as const).map((
      name,
    ): [TrainOptions, string] => [{ [name]: most + 1 }, name]),
    [{ patience: most + 1, valid }, "patience"],
    [{ teacherForcing: "linear", teacherSteps: most + 1 }, "teacherSteps"],
  ];
  for (const [options, name] of refused) {
    const message = `Cannot train with ${name} ${most + 1}: it must be at most ${most}.`;
    assertThrows(() => complete(device, options), RangeError, message);
  }
  assertEquals(complete(device, { epochs: most }).epochs, most);
  const model = tinyModel(device, { span: "local-m", window: 70_000 });
  const message = "Cannot train with window 70000: it must be at most 65536.";
  assertThrows(() => completeTraining({}, model), RangeError, message);
  model.close();
});

testWithDevice("config.json says all options, and reads as they were", (device) => {
  const all: TrainOptions[] = [
    {},
    { optimizer: "adamw", beta1: 0.8, schedule: "cosine", decaySteps: 70, warmup: 7, minLearningRate: 1e-5 },
    { optimizer: "sgd", momentum: 0.9, nesterov: true, clipValue: 0.5, schedule: "halving", decayAfter: 8 },
    { optimizer: "adadelta", rho: 0.95, clipNorm: Infinity, schedule: "plateau", decayPatience: 4, valid },
    {
      optimizer: "rmsprop",
      alpha: 0.9,
      momentum: 0.5,
      schedule: "inverse-sqrt",
      patience: 3,
      bestBy: "bleu",
      valid,
    },
    { accumulation: 4, averageDecay: 0.99, keep: 2, folder: "runs", batchTokens: 100 },
  ];
  for (const options of all) {
    const training = complete(device, options);
    const json = JSON.parse(JSON.stringify({ format: "attend 2", kind: "Seq2Seq", model: {}, training }));
    const parsed = parseConfig(json, v.strictObject({}));
    assertEquals(parsed.training, training);
    assertEquals(JSON.stringify(parsed.training), JSON.stringify(training), "keys come in another order");
  }
});

testWithDevice("a config.json of the first version reads as Adam at a constant rate", (device) => {
  const training = {
    ...{ epochs: 3, batch: 8, batchTokens: null, learningRate: 0.001, clipNorm: 1 },
    ...{ labelSmoothing: 0.1, maxLength: 50, seed: 1 },
  };
  const parsed = parseConfig(
    { format: "attend 2", kind: "Seq2Seq", model: {}, training },
    v.strictObject({}),
  );
  assertEquals(parsed.training, complete(device, { epochs: 3, batch: 8, labelSmoothing: 0.1 }));
});
