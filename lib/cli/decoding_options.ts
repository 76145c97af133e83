// How the program's commands translate: by beam search, at random, under constraints, with several models.

import type { Device } from "../gpu/device.ts";
import type { TranslateOptions } from "../inference/decoding_options.ts";
import { completeOptions, LARGEST_BEAM } from "../inference/decoding_options.ts";
import type { Seq2Seq } from "../models/seq2seq.ts";
import { MEANS } from "../ops/mixture.ts";
import { loadModel } from "../training/checkpoint.ts";
import { checkUsage, UsageError } from "./exit_code.ts";
import { modelOptions } from "./model_options.ts";
import type { Options, Values } from "./option.ts";

/**
 * Refuses what needs attention, of models that do not all have any.
 *
 * @param what It, in words that follow "Cannot".
 */
export function refuseBlind(models: readonly Seq2Seq[], what: string): void {
  const blind = models.find(({ config }) => config.attention === "none");
  if (!blind) return;
  throw new RangeError(
    `Cannot ${what}: a model with the decoder "${blind.config.decoder}" has no attention. Leave the option out.`,
  );
}

/** The options of commands that translate, those of the models included. */
export const decodingOptions = {
  ...modelOptions,
  ensemble: {
    type: "strings",
    value: "<folder>",
    description: "One more model, to decode as one with --model",
  },
  mean: {
    type: "choice",
    choices: MEANS,
    defaultText: "probabilities",
    description: "With --ensemble: what the mean of the models is taken of",
  },
  batch: { type: "integer", minimum: 1, default: 64, description: "Sentences at a time" },
  beam: {
    type: "integer",
    minimum: 1,
    maximum: LARGEST_BEAM,
    default: 1,
    description: "Hypotheses to follow; 1 takes the likeliest word each time",
  },
  lengthPenalty: {
    type: "number",
    minimum: 0,
    defaultText: "0.6",
    description: "GNMT's alpha: above 0, longer hypotheses of a beam are ranked higher",
  },
  coveragePenalty: {
    type: "number",
    minimum: 0,
    default: 0,
    description: "GNMT's beta: above 0, hypotheses that leave out source words are ranked lower",
  },
  minLength: { type: "integer", minimum: 0, default: 0, description: "The fewest words, the end included" },
  maxLength: {
    type: "integer",
    minimum: 1,
    defaultText: "14 more than twice the words",
    description: "The most words, the end included",
  },
  noRepeatNgram: {
    type: "integer",
    minimum: 0,
    default: 0,
    description: "Let no sequence of so many words come twice; 0 for no rule",
  },
  avoidUnknown: { type: "boolean", description: "Never write <unk>" },
  replaceUnknown: { type: "boolean", description: "Write the source word looked at most in place of <unk>" },
  sampling: { type: "boolean", description: "Draw words at random" },
  temperature: {
    type: "number",
    above: 0,
    defaultText: "1",
    description: "With --sampling: below 1, likely words become likelier",
  },
  topK: { type: "integer", minimum: 1, description: "With --sampling: draw from so many likeliest words" },
  topP: {
    type: "number",
    above: 0,
    maximum: 1,
    description: "With --sampling: draw from the likeliest words of this share of the probability",
  },
  seed: {
    type: "integer",
    minimum: 0,
    maximum: 2 ** 31 - 1,
    defaultText: "1",
    description: "With --sampling: the same seed draws the same words",
  },
} as const satisfies Options;

type DecodingValues = Values<typeof decodingOptions>;

/**
 * What to ask of `translate()`.
 *
 * @param values The values of {@linkcode decodingOptions}.
 * @param nBest How many translations are wanted of each sentence.
 * @throws {UsageError} If options do not go together.
 */
export function translateOptionsOf(values: DecodingValues, nBest = 1): TranslateOptions {
  const { batch, beam, lengthPenalty, coveragePenalty, minLength, maxLength, noRepeatNgram } = values;
  const { avoidUnknown, replaceUnknown, sampling, temperature, topK, topP, seed, mean } = values;
  const drawing = { "--temperature": temperature, "--top-k": topK, "--top-p": topP, "--seed": seed };
  for (const [flag, value] of Object.entries(drawing)) {
    if (value !== undefined && !sampling) {
      throw new UsageError(`Option ${flag} is for words that are drawn: give --sampling, too.`);
    }
  }
  const options = {
    ...{ batch, beam, nBest, coveragePenalty, minLength, noRepeatNgram, avoidUnknown, replaceUnknown },
    ...given({ lengthPenalty, maxLength, mean }),
    ...(sampling && { sampling: given({ temperature, topK, topP, seed }) }),
  };
  checkUsage(() => completeOptions(options));
  return options;
}

/** Loads `--model` and every `--ensemble`. */
export async function loadModels(device: Device, values: DecodingValues): Promise<[Seq2Seq, ...Seq2Seq[]]> {
  const first = await loadModel(device, values.model, values.which);
  const others = [];
  for (const folder of values.ensemble) others.push(await loadModel(device, folder, values.which));
  return [first, ...others];
}

/** The entries that are not undefined. */
function given<T extends object>(options: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}
