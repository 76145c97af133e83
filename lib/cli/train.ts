// attend train: from a corpus to a model folder.

import type { Pair } from "../data/pair.ts";
import { sample } from "../data/sample.ts";
import { type Split, split } from "../data/split.ts";
import type { Device } from "../gpu/device.ts";
import { turn } from "../gpu/turn.ts";
import { completeSeq2Seq } from "../models/complete_seq2seq.ts";
import { Seq2Seq } from "../models/seq2seq.ts";
import { formatCount, formatDuration } from "../report/format.ts";
import { loadCheckpoint } from "../training/checkpoint.ts";
import { weightFiles } from "../training/checkpoint_files.ts";
import type { TrainingReport } from "../training/options.ts";
import { profileTraining } from "../training/profile.ts";
import type { TrainingProgress } from "../training/trainer.ts";
import { type Command, defineCommand } from "./command.ts";
import { corpusOptions, readCorpus } from "./corpus_options.ts";
import { deviceLossOptions, trainOrTellLoss } from "./device_loss.ts";
import { deviceOptions, openDeviceFor } from "./device_options.ts";
import { checkUsage, ExitCode, UsageError } from "./exit_code.ts";
import { flagOf, type GivenValues, type Values } from "./option.ts";
import type { Output } from "./output.ts";
import { tellProfile } from "./profile.ts";
import { RunLog, writePairs } from "./run_folder.ts";
import { resumedOptions, writeRunOptions } from "./run_options.ts";
import { readVectors, seq2seqOptions, seq2seqOptionsOf, vectorOptions } from "./seq2seq_options.ts";
import { tellSplit } from "./split.ts";
import { assertTokenizerOptions, learnTokenizers, tokenizerOptions } from "./tokenizer_options.ts";
import { courseOptions, stepOptions, trainingOptions } from "./training_options.ts";
import { tellProgress, tellReport, tellSummary } from "./training_report.ts";
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
    type: "string",
    value: "<folder>",
    description:
      "Go on with the run in that folder, from its last checkpoint and with its options. --epochs, --patience, " +
      "--learning-rate, --checkpoints, --keep, --corpus, --valid-corpus, --cache and --mirror can be given anew; " +
      "--max-steps, --save-every, --anomaly, --offline, --sha256, --memory-budget and --on-device-lost hold for one " +
      "call",
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
  ...deviceOptions,
  ...deviceLossOptions,
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
    "Trains a recurrent encoder and decoder, by default with Bahdanau's attention. Ctrl-C stops it and saves a " +
    "checkpoint, from which --resume goes on, as it does after a crash.",
  examples: [
    { description: "Names of emoji and symbols, English to German", args: "--output runs/names" },
    {
      description: "Sentences from Tatoeba",
      args: "--corpus tatoeba:deu-eng --cache data --sample 50000 --epochs 10",
      permissions: { also: { net: ["www.manythings.org"], write: ["data", "runs"] } },
    },
    {
      description: "Parts of words, shared by both languages",
      args: "--tokenizer bpe --merges 2000 --joint",
    },
    {
      description: "Multi30k",
      args: "--corpus data/train.de.gz,data/train.en.gz --valid-corpus data/val.de.gz,data/val.en.gz",
    },
    {
      description: "By gradient descent, as Luong et al. (2015)",
      args: "--optimizer sgd --learning-rate 1 --clip-norm 5 --schedule halving --decay-after 5",
    },
    { description: "Go on where it stopped", args: "--resume runs/names --epochs 20" },
    { description: "See where the time of a step goes", args: "--profile" },
  ],
  options,
  async run(called, { output, given, interruption, saveAsked }) {
    const { resume } = called;
    const values = resume === undefined ? called : await resumedOptions(resume, options, given);
    assertTokenizerOptions(values);
    assertUsed(values, given, output);
    if (resume === undefined) checkUsage(() => completeSeq2Seq(seq2seqOptionsOf(values)));
    const interrupted = values.profile ? undefined : interruption(); // there is nothing to save
    const pairs = await readCorpus(values.corpus, values, output, interrupted);
    await orLeave(interrupted);
    const data = await prepare(pairs, values, output, interrupted);
    const splitHash = await tellSplit(data, output);
    await orLeave(interrupted);
    let device = await openDeviceFor(values);
    output.line(`adapter     ${device.description}`);
    try {
      await orLeave(interrupted);
      const { model, state } = await open(device, data, values, output);
      await orLeave(interrupted);
      if (values.summary) tellSummary(model, output);
      const onReport = (report: TrainingReport) => tellReport(report, output);
      if (!interrupted) {
        const options = { ...stepOptions(values), onReport };
        tellProfile(await profileTraining(model, data.train, options), output);
        return ExitCode.ok;
      }
      let log = new RunLog(values.output, state?.position.step);
      let saved = state !== undefined;
      const training = trainOrTellLoss(
        model,
        data.train,
        {
          ...stepOptions(values),
          ...courseOptions(values),
          ...(state ? { resume: state } : {}),
          onReport,
          valid: data.valid,
          split: splitHash,
          signal: interrupted,
          folder: values.output,
          saveNow: saveAsked,
          onSave: () => saved = true,
          beforeFirstSave: () => begin(data, values, log),
          onSaveFailed: ({ message }, goesOn) =>
            output.notice(goesOn ? `${message} Training goes on.` : message),
        },
        values,
        output,
        {
          open: async () => device = await openDeviceFor(values),
          goOn: (step) => log = new RunLog(values.output, step),
        },
      );
      const started = performance.now();
      for await (const progress of training) {
        await keep(log, progress, output);
        tellProgress(progress, output);
      }
      output.progress().finish();
      const seconds = (performance.now() - started) / 1000;
      output.record({ type: "done", folder: values.output, seconds, interrupted: interrupted.aborted });
      output.line(
        !interrupted.aborted
          ? `trained in ${formatDuration(seconds)}; the model is in ${values.output}`
          : saved
          ? `interrupted; --resume ${values.output} goes on from the last checkpoint`
          : "interrupted before the first checkpoint; nothing was saved",
      );
      return ExitCode.ok;
    } finally {
      device.close();
    }
  },
});

/** Lets a signal arrive, which before training ends the program: there is nothing to save. */
async function orLeave(interrupted: AbortSignal | undefined): Promise<void> {
  await turn();
  interrupted?.throwIfAborted();
}

/** Writes what stands beside the weights, when the folder is this run's. */
async function begin(data: Split, values: TrainValues, log: RunLog): Promise<void> {
  const { output } = values;
  if (log.step === undefined) {
    await writePairs(`${output}/test.tsv`, data.test);
    await writePairs(`${output}/valid.tsv`, data.valid);
  }
  const { valid, ...others } = values;
  await writeRunOptions(output, values.validCorpus === undefined ? { valid, ...others } : others);
  await log.begin();
}

/** Adds a report to the log; a full disk there is no reason to stop. */
async function keep(log: RunLog, progress: TrainingProgress, output: Output): Promise<void> {
  try {
    await log.add(progress);
  } catch (error) {
    if (!(error instanceof Error) || error instanceof Deno.errors.NotCapable) throw error;
    output.notice(`Cannot add step ${progress.step} to the log in ${log.folder}: ${error.message}.`);
  }
}

/**
 * Tells of options that do nothing.
 *
 * @throws {UsageError} If one contradicts another, or lacks one.
 */
function assertUsed(values: TrainValues, given: GivenValues, output: Output): void {
  if (values.replacement && values.sample === undefined) {
    throw new UsageError("Option --replacement is for samples: give --sample, too.");
  }
  if (values.validCorpus !== undefined && given["valid"] !== undefined) {
    throw new UsageError("Option --valid is for pairs of the corpus: leave it or --valid-corpus out.");
  }
  const idle = values.profile ? Object.keys(given).filter((name) => name in courseOptions(values)) : [];
  // Not refused, because a configuration file for training serves for a profile as well.
  if (idle.length > 0) output.notice(`With --profile ${idle.map(flagOf).join(", ")} would change nothing.`);
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
  await orLeave(signal);
  const valid = given ? 0 : values.valid;
  const drawn = values.sample === undefined ? pairs : sample(pairs, values.sample, { seed, replacement });
  const parts = split(drawn, { valid, test, seed });
  return given ? { ...parts, valid: given } : parts;
}

/** A fresh model, or with --resume the one in its folder. */
async function open(device: Device, data: Split, values: TrainValues, output: Output) {
  if (values.resume !== undefined) return await reopen(device, values.resume, output);
  const exists = (await weightFiles(values.output)).length > 0;
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

/** The model of a run and where it stood, as the last checkpoint says that is whole. */
async function reopen(device: Device, folder: string, output: Output) {
  const { model, state, passedOver } = await loadCheckpoint(device, folder);
  for (const problem of passedOver) output.notice(`A checkpoint was passed over. ${problem}`);
  const { step } = state!.position;
  output.record({ type: "resume", folder, step, passedOver });
  output.line(`resume      ${folder}, from step ${formatCount(step)}`);
  return { model, state };
}
