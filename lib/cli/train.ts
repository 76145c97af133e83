// attend train: from a corpus to a model folder.

import type { Pair } from "../data/pair.ts";
import { sample } from "../data/sample.ts";
import { type Split, split } from "../data/split.ts";
import { type Device, openDevice } from "../gpu/device.ts";
import { Seq2Seq } from "../models/seq2seq.ts";
import { formatBytes, formatCount, formatDuration } from "../report/format.ts";
import { summary } from "../report/summary.ts";
import { loadCheckpoint } from "../training/checkpoint.ts";
import type { TrainingReport } from "../training/options.ts";
import { profileTraining } from "../training/profile.ts";
import { train, type TrainingProgress, type Validation } from "../training/trainer.ts";
import { type Command, defineCommand } from "./command.ts";
import { corpusOptions, readCorpus } from "./corpus_options.ts";
import { ExitCode } from "./exit_code.ts";
import type { Values } from "./option.ts";
import type { Output } from "./output.ts";
import { tellProfile } from "./profile.ts";
import { RunLog, writePairs } from "./run_folder.ts";
import { readVectors, seq2seqOptions, seq2seqOptionsOf, vectorOptions } from "./seq2seq_options.ts";
import { tellSplit } from "./split.ts";
import { assertTokenizerOptions, learnTokenizers, tokenizerOptions } from "./tokenizer_options.ts";
import { courseOptions, stepOptions, trainingOptions } from "./training_options.ts";
import { tellVocabulary } from "./vocabulary.ts";

const options = {
  corpus: {
    type: "string",
    value: "<corpus>",
    default: "cldr:en-de",
    description: "tatoeba:deu-eng, cldr:en-de, a .tsv, .txt or .zip file or URL, or two aligned files a,b",
  },
  output: {
    type: "string",
    short: "o",
    value: "<folder>",
    default: "runs/latest",
    description: "Where the model, its test pairs, the log and the loss curve go",
  },
  resume: {
    type: "boolean",
    description:
      "Go on from the last checkpoint in the output folder, with its model and tokenizers; give the other " +
      "options again",
  },
  sample: { type: "integer", minimum: 1, description: "Use so many pairs, drawn at random" },
  replacement: {
    type: "boolean",
    description: "Draw the sample with replacement, as the original series does",
  },
  valid: {
    type: "integer",
    minimum: 0,
    default: 200,
    description: "Pairs to hold out for validation, without --valid-corpus",
  },
  validCorpus: {
    type: "string",
    value: "<corpus>",
    description: "Pairs to validate on, in place of some of the corpus",
  },
  test: { type: "integer", minimum: 0, default: 200, description: "Pairs to hold out for the final test" },
  ...corpusOptions,
  ...tokenizerOptions,
  ...seq2seqOptions,
  ...vectorOptions,
  ...trainingOptions,
  seed: { type: "integer", default: 1, description: "Settles sample, split, weights and order" },
  summary: { type: "boolean", description: "Show the model's parts: output shapes and parameters" },
  profile: {
    type: "boolean",
    description: "Measure --max-steps steps, or 20, and show where the time goes; saves nothing",
  },
} as const;

type TrainValues = Values<typeof options>;

/** `attend train` */
export const command: Command = defineCommand({
  name: "train",
  summary: "Train a translator on a corpus of sentence pairs",
  description:
    "Trains a recurrent encoder and decoder, by default with Bahdanau's attention. Ctrl-C stops it; the last " +
    "checkpoint stays.",
  examples: [
    { description: "Names of emoji and symbols, English to German", args: "--output runs/names" },
    {
      description: "Sentences from Tatoeba",
      args: "--corpus tatoeba:deu-eng --cache .cache --sample 50000 --epochs 10",
    },
    {
      description: "Parts of words, shared by both languages",
      args: "--tokenizer bpe --merges 2000 --joint",
    },
    {
      description: "Multi30k",
      args: "--corpus train.de.gz,train.en.gz --valid-corpus val.de.gz,val.en.gz --min-frequency 2",
    },
    {
      description: "By gradient descent, as Luong et al. (2015)",
      args: "--optimizer sgd --learning-rate 1 --clip-norm 5 --schedule halving --decay-after 5",
    },
    { description: "Go on where it stopped", args: "--output runs/names --resume --epochs 20" },
    { description: "See where the time of a step goes", args: "--profile" },
  ],
  options,
  async run(values, { output, interruption }) {
    assertTokenizerOptions(values);
    const interrupted = values.profile ? undefined : interruption(); // there is nothing to save
    const pairs = await readCorpus(values.corpus, values, output, interrupted);
    const data = await prepare(pairs, values, output, interrupted);
    const splitHash = await tellSplit(data, output);
    const device = await openDevice();
    output.line(`adapter     ${device.description}`);
    try {
      const { model, state } = await open(device, data, values, output);
      if (values.summary) tellSummary(model, output);
      const onReport = (report: TrainingReport) => tellReport(report, output);
      if (!interrupted) {
        const options = { ...stepOptions(values), onReport };
        tellProfile(await profileTraining(model, data.train, options), output);
        return ExitCode.ok;
      }
      const options = {
        ...{
          ...stepOptions(values),
          ...courseOptions(values),
          onReport,
          valid: data.valid,
          split: splitHash,
        },
        ...{ folder: values.output, ...(state ? { resume: state } : {}) },
      };
      let log: RunLog | undefined;
      const started = performance.now();
      for await (const progress of train(model, data.train, options)) {
        log ??= await begin(data, values);
        await log.add(progress);
        tellProgress(progress, output);
        if (interrupted.aborted) break;
      }
      output.progress().finish();
      const seconds = (performance.now() - started) / 1000;
      output.record({ type: "done", folder: values.output, seconds, interrupted: interrupted.aborted });
      output.line(
        interrupted.aborted
          ? `interrupted; the last checkpoint is in ${values.output}, --resume goes on from it`
          : `trained in ${formatDuration(seconds)}; the model is in ${values.output}`,
      );
      return ExitCode.ok;
    } finally {
      device.close();
    }
  },
});

/** Writes the held-out pairs and begins the log: as late as the first progress, so that a mistake replaces nothing. */
async function begin(data: Split, values: TrainValues): Promise<RunLog> {
  if (!values.resume) { // a split that turns out to be another must not replace the one of the model
    await writePairs(`${values.output}/test.tsv`, data.test);
    await writePairs(`${values.output}/valid.tsv`, data.valid);
  }
  return await RunLog.open(values.output, values.resume);
}

/** Samples and splits; pairs to validate on may come from elsewhere. */
async function prepare(
  pairs: readonly Pair[],
  values: TrainValues,
  output: Output,
  signal: AbortSignal | undefined,
): Promise<Split> {
  const { seed, test, replacement, validCorpus } = values;
  const given = validCorpus === undefined
    ? undefined
    : await readCorpus(validCorpus, { ...values, sha256: undefined }, output, signal);
  const valid = given ? 0 : values.valid;
  const drawn = values.sample === undefined ? pairs : sample(pairs, values.sample, { seed, replacement });
  const parts = split(drawn, { valid, test, seed });
  return given ? { ...parts, valid: given } : parts;
}

/** A fresh model, or with --resume the one in the output folder. */
async function open(device: Device, data: Split, values: TrainValues, output: Output) {
  if (values.resume) return await loadCheckpoint(device, values.output);
  const exists = await Deno.stat(`${values.output}/last.safetensors`).then(() => true, () => false);
  if (exists && !values.profile) output.notice(`The model in ${values.output} will be overwritten.`);
  const { source, target } = learnTokenizers(data.train, values);
  tellVocabulary("source", source, data.valid.map((pair) => pair.source), output);
  tellVocabulary("target", target, data.valid.map((pair) => pair.target), output);
  const options = { source, target, ...seq2seqOptionsOf(values), seed: values.seed };
  const model = new Seq2Seq(device, options);
  await readVectors(model, values, (side, found, words) => {
    output.record({ type: "vectors", side, found, words });
    output.line(`${side}      ${formatCount(found)} of ${formatCount(words)} words begin with given vectors`);
  });
  return { model, state: undefined };
}

/** Shows the parameters; to machines, each by itself. */
function tellSummary(model: Seq2Seq, output: Output): void {
  const { tensors, trainable } = model.parameters;
  const parameters = [...tensors].map(([name, { shape }]) => ({
    name,
    shape,
    trainable: trainable.has(name),
  }));
  output.record({ type: "summary", parameters });
  for (const line of summary(model).split("\n")) output.line(line);
}

function tellReport(report: TrainingReport, output: Output): void {
  output.record({ type: "plan", ...report });
  const {
    parameters,
    parameterBytes,
    activationBytes,
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
      `${formatBytes(activationBytes)} for activations`,
  );
  output.line(
    `plan        ${
      formatCount(stepsPerEpoch)
    } steps an epoch in ${buckets} shapes, up to ${dispatches} kernels a ` +
      `step, ${(100 * padding).toFixed(0)} % padding`,
  );
}

function tellProgress(progress: TrainingProgress, output: Output): void {
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
