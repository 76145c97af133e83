// attend train: from a corpus to a model folder.

import type { Pair } from "../data/pair.ts";
import { sample } from "../data/sample.ts";
import { type Split, split } from "../data/split.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { type Device, openDevice } from "../gpu/device.ts";
import { Seq2Seq } from "../models/seq2seq.ts";
import { formatBytes, formatCount, formatDuration } from "../report/format.ts";
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
import { seq2seqOptions, seq2seqOptionsOf } from "./seq2seq_options.ts";
import { assertTokenizerOptions, learnTokenizers, tokenizerOptions } from "./tokenizer_options.ts";

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
  resume: { type: "boolean", description: "Go on from the last checkpoint in the output folder" },
  sample: { type: "integer", minimum: 1, description: "Use so many pairs, drawn at random" },
  replacement: {
    type: "boolean",
    description: "Draw the sample with replacement, as the original series does",
  },
  valid: { type: "integer", minimum: 0, default: 200, description: "Pairs to hold out for validation" },
  test: { type: "integer", minimum: 0, default: 200, description: "Pairs to hold out for the final test" },
  ...corpusOptions,
  ...tokenizerOptions,
  ...seq2seqOptions,
  epochs: { type: "integer", minimum: 1, default: 10, description: "Passes over the training pairs" },
  maxSteps: { type: "integer", minimum: 1, description: "Stop after so many steps" },
  batch: { type: "integer", minimum: 1, default: 64, description: "Sentence pairs a step" },
  batchTokens: { type: "integer", minimum: 1, description: "Tokens a step, in place of --batch" },
  learningRate: { type: "number", above: 0, default: 0.001, description: "Adam's learning rate" },
  clipNorm: { type: "number", above: 0, default: 1, description: "Largest norm of a gradient" },
  precision: { type: "choice", choices: ["f32", "f16"], default: "f32", description: "f16: half precision" },
  labelSmoothing: { type: "number", minimum: 0, below: 1, default: 0, description: "Label smoothing" },
  maxLength: {
    type: "integer",
    minimum: 3,
    default: 50,
    description: "Leave out longer pairs (words, with both ends)",
  },
  seed: { type: "integer", default: 1, description: "Settles sample, split, weights and order" },
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
    { description: "Sentences from Tatoeba", args: "--corpus tatoeba:deu-eng --sample 50000 --epochs 10" },
    {
      description: "Parts of words, shared by both languages",
      args: "--tokenizer bpe --merges 2000 --joint",
    },
    { description: "Multi30k", args: "--corpus train.de.gz,train.en.gz --min-frequency 2" },
    { description: "Go on where it stopped", args: "--output runs/names --resume --epochs 20" },
    { description: "See where the time of a step goes", args: "--profile" },
  ],
  options,
  async run(values, { output, interruption }) {
    assertTokenizerOptions(values);
    const interrupted = values.profile ? undefined : interruption(); // there is nothing to save
    const pairs = await readCorpus(values.corpus, values, output);
    const data = prepare(pairs, values, output);
    const device = await openDevice();
    output.line(`adapter     ${device.description}`);
    try {
      const { model, state } = await open(device, data, values, output);
      const options = {
        ...trainOptions(values),
        onReport: (report: TrainingReport) => tellReport(report, output),
      };
      if (!interrupted) {
        tellProfile(await profileTraining(model, data.train, options), output);
        return ExitCode.ok;
      }
      await writePairs(`${values.output}/test.tsv`, data.test);
      await writePairs(`${values.output}/valid.tsv`, data.valid);
      const log = await RunLog.open(values.output, values.resume);
      const started = performance.now();
      const training = train(model, data.train, {
        ...options,
        valid: data.valid,
        folder: values.output,
        ...(state ? { resume: state } : {}),
      });
      for await (const progress of training) {
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

/** Samples and splits, and tells how the held-out parts overlap with training. */
function prepare(pairs: readonly Pair[], values: TrainValues, output: Output): Split {
  const { seed, valid, test, replacement } = values;
  const drawn = values.sample === undefined ? pairs : sample(pairs, values.sample, { seed, replacement });
  const data = split(drawn, { valid, test, seed });
  const { overlap, randomOverlap } = data;
  output.record({
    type: "split",
    train: data.train.length,
    valid: data.valid.length,
    test: data.test.length,
    overlap: overlap.test,
    randomOverlap: randomOverlap.test,
  });
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  output.line(
    `split       ${
      formatCount(data.train.length)
    } to train, ${data.valid.length} to validate, ${data.test.length} ` +
      `to test; of the test's sentences ${percent(overlap.test.sourceFraction)} stand in training too ` +
      `(split at random: ${percent(randomOverlap.test.sourceFraction)})`,
  );
  return data;
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
  return { model: new Seq2Seq(device, options), state: undefined };
}

/** Tells how many tokens a side has, and how much of the validation text they cover. */
function tellVocabulary(side: string, tokenizer: Tokenizer, texts: readonly string[], output: Output): void {
  const { vocabulary } = tokenizer;
  const { fraction, tokens } = vocabulary.coverage(texts.map((text) => tokenizer.tokenize(text)));
  output.record({
    type: "vocabulary",
    side,
    words: vocabulary.size,
    coverage: tokens === 0 ? null : fraction,
  });
  const covered = tokens === 0 ? "" : `, which cover ${(100 * fraction).toFixed(1)} % of the validation text`;
  const what = tokenizer.kind === "words" ? "words" : "tokens";
  output.line(`${side}      ${formatCount(vocabulary.size)} ${what}${covered}`);
}

function trainOptions(values: TrainValues) {
  const { epochs, batch, learningRate, clipNorm, labelSmoothing, maxLength, seed, precision } = values;
  return {
    ...{ epochs, batch, learningRate, clipNorm, labelSmoothing, maxLength, seed, precision },
    ...(values.batchTokens === undefined ? {} : { batchTokens: values.batchTokens }),
    ...(values.maxSteps === undefined ? {} : { maxSteps: values.maxSteps }),
  };
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
  const { epoch, step, steps, loss, gradientNorm, tokensPerSecond, secondsLeft, skipped, validation } =
    progress;
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
  output.record({
    type: "progress",
    epoch,
    step,
    steps,
    loss,
    gradientNorm,
    tokensPerSecond,
    secondsLeft,
    skipped,
  });
  if (validation) tellValidation(epoch, validation, output);
}

function tellValidation(epoch: number, validation: Validation, output: Output): void {
  const { trainingLoss, perplexity, best, samples } = validation;
  output.record({
    type: "validation",
    epoch,
    trainingLoss,
    loss: validation.loss,
    perplexity,
    best,
    samples,
  });
  const mark = best ? ", the best so far" : "";
  output.line(
    `epoch ${String(epoch).padEnd(5)} loss ${trainingLoss.toFixed(3)}, validation ${
      validation.loss.toFixed(3)
    } ` +
      `(perplexity ${perplexity.toFixed(1)}${mark})`,
  );
  for (const { source, target, translation } of samples) {
    output.line(output.dim(`            ${source} → ${translation || "(nothing)"}  [${target}]`));
  }
}
