// What can be asked of a translation: how its words are searched for, or drawn. Defaults are filled in here, and what does
// not go together is refused.

import type { Mean } from "../ops/mixture.ts";

/** How words are drawn. */
export interface SamplingOptions {
  /** Divides the logits: below 1 likely words become likelier, above 1 less so; 1 by default. */
  readonly temperature?: number;
  /** Draw from so many of the likeliest words (Fan et al. 2018); from all by default. */
  readonly topK?: number;
  /** Draw from the likeliest words that together have this share of the probability (Holtzman et al. 2020); 1 by default. */
  readonly topP?: number;
  /** The same seed draws the same words for the sentence in the same place, whatever the batch; 1 by default. */
  readonly seed?: number;
}

/** How {@linkcode translate} searches, and what it makes of what it finds. `docs/decoding.md` says it exactly. */
export interface TranslateOptions {
  /** The most sentences at a time; 64 by default, fewer where they are very long. */
  readonly batch?: number;
  /** Hypotheses that are followed at a time; 1, greedy decoding, by default. At most {@linkcode LARGEST_BEAM}. */
  readonly beam?: number;
  /** Translations of each sentence, best first; at most as many as the beam has, or in sampling are drawn. 1 by default. */
  readonly nBest?: number;
  /** The alpha of the length penalty of Wu et al. 2016: 0 ranks by probability, which favours short ones; 0.6 by default. */
  readonly lengthPenalty?: number;
  /** The beta of their coverage penalty, against leaving parts of the source out; 0 by default. */
  readonly coveragePenalty?: number;
  /** The fewest words, `<eos>` included; 0 by default. */
  readonly minLength?: number;
  /** The most words, `<eos>` included; by default 2 n + 10 for n source words, `<sos>` and `<eos>` included. */
  readonly maxLength?: number;
  /** No sequence of so many words comes twice in a translation; 0, no rule, by default. */
  readonly noRepeatNgram?: number;
  /** How the translation begins: one text for all sentences, or one for each, which may be empty. */
  readonly prefix?: string | readonly string[];
  /** Whether never to write `<unk>`; false by default. */
  readonly avoidUnknown?: boolean;
  /** Whether the text has, in the place of `<unk>`, the source word that the model looked at most; false by default. */
  readonly replaceUnknown?: boolean;
  /** Draws words instead of searching for the best. */
  readonly sampling?: SamplingOptions;
  /** What several models take the mean of: probabilities, by default, or their logarithms. */
  readonly mean?: Mean;
}

/** The largest beam, and the most samples of a sentence. */
export const LARGEST_BEAM = 32;

/** Options with their defaults. */
export interface CompleteOptions
  extends Required<Omit<TranslateOptions, "maxLength" | "prefix" | "sampling">> {
  readonly maxLength: number | undefined;
  readonly prefix: string | readonly string[];
  readonly sampling:
    | Required<Omit<SamplingOptions, "topK">> & { readonly topK: number | undefined }
    | undefined;
}

/**
 * Fills in the defaults.
 *
 * @throws {RangeError} If a number is out of range, or options do not go together.
 */
export function completeOptions(options: TranslateOptions): CompleteOptions {
  const { beam = 1, nBest = 1, lengthPenalty = 0.6, coveragePenalty = 0, minLength = 0 } = options;
  const { maxLength, noRepeatNgram = 0, prefix = "", avoidUnknown = false, replaceUnknown = false } = options;
  const { batch = 64, mean = "probabilities" } = options;
  checkInteger("batch", batch, 1);
  checkInteger("beam", beam, 1, LARGEST_BEAM);
  checkInteger("nBest", nBest, 1, LARGEST_BEAM);
  checkNumber("lengthPenalty", lengthPenalty, (value) => value >= 0, "at least 0");
  checkNumber("coveragePenalty", coveragePenalty, (value) => value >= 0, "at least 0");
  checkInteger("minLength", minLength, 0);
  if (maxLength !== undefined) checkInteger("maxLength", maxLength, 1);
  checkInteger("noRepeatNgram", noRepeatNgram, 0);
  if (minLength > (maxLength ?? Infinity)) {
    refuse(`minLength ${minLength} and maxLength ${maxLength}`, "no translation has both");
  }
  if (avoidUnknown && replaceUnknown) {
    refuse("avoidUnknown and replaceUnknown", "there is no <unk> to replace where none is written");
  }
  const { sampling } = options;
  if (sampling && beam > 1) {
    refuse(`sampling and beam ${beam}`, "words are either drawn or searched for. Leave one of them out");
  }
  if (!sampling && nBest > beam) {
    refuse(`nBest ${nBest} and beam ${beam}`, "a beam finds as many translations as it has hypotheses");
  }
  checkRanking(options, sampling ? nBest : beam);
  return {
    ...{ batch, beam, nBest, lengthPenalty, coveragePenalty, minLength, maxLength, noRepeatNgram, prefix },
    ...{ avoidUnknown, replaceUnknown, mean, sampling: sampling && completeSampling(sampling) },
  };
}

/** Refuses penalties where a sentence gets one translation; a coverage penalty of 0 is none. */
function checkRanking({ lengthPenalty, coveragePenalty, sampling }: TranslateOptions, count: number): void {
  const [name, value] = lengthPenalty !== undefined
    ? ["lengthPenalty", lengthPenalty]
    : ["coveragePenalty", coveragePenalty];
  if (count > 1 || !value && name === "coveragePenalty") return;
  const why = "it ranks the translations of a sentence, and only one is looked for";
  refuse(`${name} ${value}`, `${why}; set ${sampling ? "nBest" : "beam"} above 1, or leave ${name} out`);
}

function completeSampling({ temperature = 1, topK, topP = 1, seed = 1 }: SamplingOptions) {
  checkNumber(
    "temperature",
    temperature,
    (value) => value > 0,
    "above 0; for the likeliest words leave sampling out",
  );
  if (topK !== undefined) checkInteger("topK", topK, 1);
  checkNumber("topP", topP, (value) => value > 0 && value <= 1, "above 0 and at most 1");
  checkInteger("seed", seed, 0, 2 ** 32 - 1);
  return { temperature, topK, topP, seed };
}

function checkInteger(name: string, value: number, least: number, most = Infinity): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  if (least === 1 && most === Infinity) refuse(`${name} ${value}`, "it must be a positive integer");
  const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`;
  refuse(`${name} ${value}`, `it must be an integer ${range}`);
}

function checkNumber(name: string, value: number, isRight: (value: number) => boolean, range: string): void {
  if (!Number.isFinite(value) || !isRight(value)) refuse(`${name} ${value}`, `it must be ${range}`);
}

function refuse(what: string, why: string): never {
  throw new RangeError(`Cannot translate with ${what}: ${why}.`);
}
