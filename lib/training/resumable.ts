// Training: whether a training can go on from a checkpoint as if it had never stopped.

import type { TrainingConfig } from "./config.ts";
import { differenceOf, type ModelIdentity } from "./identity.ts";
import type { TrainOptions } from "./options.ts";
import type { TrainingState } from "./state.ts";

/** The options of a training that it may change when it goes on: how long, at which rate, and what is saved or looked at. */
export const CHANGEABLE_OPTIONS = [
  ...["epochs", "maxSteps", "patience", "learningRate"] as const,
  ...["saveEvery", "checkpoints", "keep", "anomaly"] as const,
] satisfies readonly (keyof TrainOptions)[];

/**
 * Refuses a checkpoint that a training cannot go on from as if it had never stopped.
 *
 * @param config The options of the training that is to go on.
 * @param stepsPerEpoch The steps of its epochs.
 * @param identity Its model.
 * @throws {RangeError} If the model, the steps of an epoch, the split, or an option that is not one of
 *   {@linkcode CHANGEABLE_OPTIONS} is another one; the message names what differs, as it was and as it is.
 */
export function checkResumable(
  state: TrainingState,
  config: TrainingConfig,
  stepsPerEpoch: number,
  identity: ModelIdentity,
): void {
  const { position, config: saved } = state;
  const difference = state.identity && differenceOf(state.identity, identity, "here");
  if (difference) throw new RangeError(`Cannot resume: ${difference}. Train the model that was saved.`);
  const [was, is] = [optionsOf(saved), optionsOf(config)];
  for (const name of new Set([...Object.keys(was), ...Object.keys(is)])) {
    if ((CHANGEABLE_OPTIONS as readonly string[]).includes(name) || was[name] === is[name]) continue;
    const show = (value: unknown) => value ?? "not set";
    throw new RangeError(
      `Cannot resume: ${name} was ${show(was[name])}, and now is ${show(is[name])}. Give it as it was.`,
    );
  }
  const { split } = config;
  if (split !== null && saved.split !== null && split !== saved.split) {
    throw new RangeError(
      `Cannot resume: the split was ${saved.split}, and now is ${split}. ` +
        "Use the same corpus, sample, sizes and seed.",
    );
  }
  if (position.stepsPerEpoch !== stepsPerEpoch) {
    throw new RangeError(
      `Cannot resume: an epoch had ${position.stepsPerEpoch} steps, and now has ${stepsPerEpoch}. ` +
        "Use the same corpus, sample and split.",
    );
  }
}

/** All options by the names that {@linkcode TrainOptions} has for them, but for the split, which need not be given. */
function optionsOf(config: TrainingConfig): Readonly<Record<string, unknown>> {
  const { split: _, optimizer, schedule, teacherForcing, ...others } = config;
  const { method, ...constants } = optimizer;
  const { name: scheduleName, ...course } = schedule;
  const { name: teacherForcingName, ...share } = teacherForcing;
  return {
    ...others,
    ...{ optimizer: method, ...constants },
    ...{ schedule: scheduleName, ...course },
    ...{ teacherForcing: teacherForcingName, ...share },
  };
}
