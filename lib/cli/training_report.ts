// What train tells of a model and its training.

import type { Seq2Seq } from "../models/seq2seq.ts";
import { formatBytes, formatCount, formatDuration } from "../report/format.ts";
import { summary } from "../report/summary.ts";
import type { TrainingReport } from "../training/options.ts";
import type { TrainingProgress, Validation } from "../training/trainer.ts";
import type { Output } from "./output.ts";

/** Shows the parameters; to machines, each by itself. */
export function tellSummary(model: Seq2Seq, output: Output): void {
  const { tensors, trainable } = model.parameters;
  const parameters = [...tensors].map(([name, { shape }]) => ({
    name,
    shape,
    trainable: trainable.has(name),
  }));
  output.record({ type: "summary", parameters });
  for (const line of summary(model).split("\n")) output.line(line);
}

/** Tells what a training is about to take. */
export function tellReport(report: TrainingReport, output: Output): void {
  output.record({ type: "plan", ...report });
  const {
    parameters,
    parameterBytes,
    activationBytes,
    memoryBudget,
    stepsPerEpoch,
    buckets,
    dispatches,
    dropped,
    padding,
  } = report;
  if (dropped > 0) {
    output.notice(`${formatCount(dropped)} pairs are longer than --max-length and were left out.`);
  }
  output.line(
    `model       ${formatCount(parameters)} parameters; ${
      formatBytes(parameterBytes)
    } with gradients and moments, ` +
      `${formatBytes(activationBytes)} for activations` +
      (memoryBudget < Infinity ? `, of a budget of ${formatBytes(memoryBudget)}` : ""),
  );
  output.line(
    `plan        ${
      formatCount(stepsPerEpoch)
    } steps an epoch in ${buckets} shapes, up to ${dispatches} kernels a ` +
      `step, ${(100 * padding).toFixed(0)} % padding`,
  );
}

/** Tells how a training is going. */
export function tellProgress(progress: TrainingProgress, output: Output): void {
  const { validation, ...figures } = progress;
  const { epoch, step, steps, loss, tokensPerSecond, secondsLeft, skipped } = figures;
  output.progress().update({
    label: `epoch ${epoch}`,
    fraction: step / steps,
    fields: [
      `loss ${loss.toFixed(3)}`,
      `${formatCount(Math.round(tokensPerSecond))} words/s`,
      `${formatDuration(secondsLeft)} left`,
      ...(skipped > 0 ? [`${skipped} steps skipped`] : []),
    ],
  });
  output.record({ type: "progress", ...figures });
  if (validation) tellValidation(epoch, validation, output);
}

function tellValidation(epoch: number, validation: Validation, output: Output): void {
  const { trainingLoss, loss, perplexity, bleu, best, sinceBest, stops, samples } = validation;
  output.record({ type: "validation", epoch, ...validation });
  const figures = [
    `perplexity ${perplexity.toFixed(1)}`,
    ...bleu === undefined ? [] : [`BLEU ${bleu.toFixed(1)}`],
  ];
  const mark = best ? ", the best so far" : "";
  output.line(
    `epoch ${String(epoch).padEnd(5)} loss ${trainingLoss.toFixed(3)}, validation ${loss.toFixed(3)} ` +
      `(${figures.join(", ")}${mark})`,
  );
  if (stops) output.line(`stopped     none of the last ${sinceBest} validations was better`);
  for (const { source, target, translation } of samples) {
    output.line(output.dim(`            ${source} → ${translation || "(nothing)"}  [${target}]`));
  }
}
