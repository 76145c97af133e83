// What `attend train` does where the GPU is lost: tells what is left and how to go on, or goes on by itself.

import type { Pair } from "../data/pair.ts";
import { type Device, DeviceLostError } from "../gpu/device.ts";
import type { Seq2Seq } from "../models/seq2seq.ts";
import { trainThroughDeviceLosses } from "../training/device_losses.ts";
import type { TrainOptions } from "../training/options.ts";
import type { TrainingProgress } from "../training/trainer.ts";
import type { Options, Values } from "./option.ts";
import type { Output } from "./output.ts";

/** Losses in a row, without a new checkpoint in between, that training goes on from. */
const MOST_LOSSES = 3;

/** What to do where the GPU is lost. */
export const deviceLossOptions = {
  onDeviceLost: {
    type: "choice",
    choices: ["stop", "resume"],
    default: "stop",
    description: "resume: open the GPU again where it is lost, and go on from the last checkpoint",
  },
} as const satisfies Options;

/** What it takes to go on after a loss. */
export interface AfterLoss {
  /** Opens the GPU again. */
  readonly open: () => Promise<Device>;
  /** Called with the step of the checkpoint that it goes on from, undefined for the start, for what has to go back too. */
  readonly goOn: (step: number | undefined) => void;
}

/** Trains; where the GPU is lost, tells what is saved and what is not, and with `--on-device-lost resume` goes on. */
export async function* trainOrTellLoss(
  model: Seq2Seq,
  pairs: readonly Pair[],
  options: TrainOptions & { readonly folder: string },
  values: Values<typeof deviceLossOptions>,
  output: Output,
  { open, goOn }: AfterLoss,
): AsyncGenerator<TrainingProgress, void, void> {
  let saved = options.resume?.position.step ?? 0;
  let reached = saved;
  const tell = (then: string) => {
    const kept = saved > 0
      ? `The checkpoint in ${options.folder} is of step ${saved}; ${stepsSince(reached - saved)}.`
      : `No checkpoint of this training is in ${options.folder} yet.`;
    output.record({ type: "lost", saved, step: reached });
    output.notice(`${kept} ${then}`);
  };
  const training = trainThroughDeviceLosses(model, pairs, {
    ...options,
    onSave: (position) => {
      saved = position.step;
      options.onSave?.(position);
    },
  }, {
    open,
    mostLosses: values.onDeviceLost === "resume" ? MOST_LOSSES : 0,
    onLoss: ({ error, losses }) => {
      output.notice(error.message);
      tell(`Opening the GPU again to go on (${losses} of ${MOST_LOSSES} times without a new checkpoint).`);
    },
    onGoOn: ({ step, passedOver }) => {
      for (const problem of passedOver) output.notice(`A checkpoint was passed over. ${problem}`);
      output.record({ type: "resume", folder: options.folder, step: step ?? 0, passedOver });
      goOn(step);
    },
  });
  try {
    for await (const progress of training) {
      reached = progress.step;
      yield progress;
    }
  } catch (error) {
    const next = saved > 0
      ? `train --resume ${options.folder} goes on from it`
      : "The same command starts again";
    if (error instanceof DeviceLostError) tell(`${next}; with --on-device-lost resume it does so by itself.`);
    throw error;
  }
}

function stepsSince(count: number): string {
  return count > 0 ? `at least ${count} steps since are lost` : "no reported step since is lost";
}
