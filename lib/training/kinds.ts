// Training: the kinds of models there are. What a model itself cannot say, because it stands below: the contract of its
// config.json, how to make it from that, and what to show of it at a validation.

import * as v from "npm:valibot@1.5.0";
import type { LabelledText } from "../data/labelled_text.ts";
import type { Pair } from "../data/pair.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import { corpusBleu } from "../evaluation/bleu.ts";
import type { Device } from "../gpu/device.ts";
import { classify } from "../inference/classify.ts";
import { translate } from "../inference/translate.ts";
import { LONGEST_SENTENCE } from "../models/encoded_source.ts";
import type { Model } from "../models/model.ts";
import { RECURRENT_CELLS } from "../models/recurrent_layer.ts";
import { Seq2Seq } from "../models/seq2seq.ts";
import { SEQ2SEQ_CHOICES, type Seq2SeqConfig } from "../models/seq2seq_options.ts";
import { SequenceClassifier, type SequenceClassifierConfig } from "../models/sequence_classifier.ts";
import type { ClassificationSample, TranslationSample } from "./progress.ts";
import { seed, share, upTo, width } from "./schemas.ts";

/** A class of models, {@linkcode Seq2Seq} or {@linkcode SequenceClassifier}. */
// deno-lint-ignore no-explicit-any -- what a constructor takes differs from class to class
export type ModelClass<M> = new (device: Device, options: any) => M;

/** What training knows of a class of models. */
export interface ModelKind<M, Config, Example, Sample> {
  /** The class; its name stands in config.json. */
  readonly of: ModelClass<M>;
  /** The names of its tokenizers. */
  readonly tokenizers: readonly string[];
  /** The contract of its options. */
  readonly config: v.GenericSchema<unknown, Config>;
  /** A number of weights that a model of these options has at the least; large if one of its widths is. */
  readonly leastWeights: (config: Config, tokenizers: Readonly<Record<string, Tokenizer>>) => number;
  /** What the model makes of examples. */
  readonly samples: (model: M, examples: readonly Example[]) => Promise<Sample[]>;
  /** BLEU of what the model makes of examples, if it translates; references are prepared as its training text was. */
  readonly bleu?: (model: M, examples: readonly Example[]) => Promise<number>;
}

/** A kind whose types do not matter. */
// deno-lint-ignore no-explicit-any -- it holds for every model
export type AnyKind = ModelKind<any, any, any, any>;

/** Whether a sentence is short enough for translate(); longer ones are passed over, as by held-out losses. */
function isTranslatable(model: Seq2Seq, sentence: string): boolean {
  return model.encodeSource(sentence).ids.length <= LONGEST_SENTENCE;
}

/** The choices for an option of a translator. */
const choice = <Name extends keyof typeof SEQ2SEQ_CHOICES>(name: Name) => v.picklist(SEQ2SEQ_CHOICES[name]);

const seq2seq: ModelKind<Seq2Seq, Seq2SeqConfig, Pair, TranslationSample> = {
  of: Seq2Seq,
  tokenizers: ["source", "target"],
  config: v.strictObject({
    cell: choice("cell"),
    layers: upTo(8),
    bidirectional: v.boolean(),
    residual: v.boolean(),
    reverseSource: v.boolean(),
    decoder: choice("decoder"),
    attention: choice("attention"),
    span: choice("span"),
    window: width,
    locations: width,
    inputFeeding: v.boolean(),
    coverage: v.boolean(),
    coverageLoss: v.pipe(v.number(), v.minValue(0)),
    copy: v.boolean(),
    bridge: choice("bridge"),
    readout: choice("readout"),
    tied: choice("tied"),
    frozen: choice("frozen"),
    embedding: width,
    hidden: width,
    attentionWidth: width,
    readoutWidth: width,
    dropout: share,
    variational: v.boolean(),
    wordDropout: share,
    seed,
  }),
  // The states' own matrices of both sides, and one table of embeddings: every model has them.
  leastWeights: ({ layers, hidden, embedding }, { target }) =>
    6 * layers * hidden ** 2 + embedding * target!.vocabulary.size,
  samples: async (model, pairs) => {
    const short = pairs.filter(({ source }) => isTranslatable(model, source));
    const translations = await translate(model, short.map(({ source }) => source));
    return short.map(({ source, target }, index) => ({
      source,
      target,
      translation: translations[index]!.text,
    }));
  },
  bleu: async (model, pairs) => {
    const short = pairs.filter(({ source }) => isTranslatable(model, source));
    const translations = await translate(model, short.map(({ source }) => source));
    const references = short.map(({ target }) => model.target.normalize(target));
    return corpusBleu(translations.map(({ text }) => text), references).score;
  },
};

const sequenceClassifier: ModelKind<
  SequenceClassifier,
  SequenceClassifierConfig,
  LabelledText,
  ClassificationSample
> = {
  of: SequenceClassifier,
  tokenizers: ["text"],
  config: v.strictObject({
    cell: v.picklist(RECURRENT_CELLS),
    embedding: v.nullable(width),
    layers: v.pipe(v.array(width), v.minLength(1), v.maxLength(64)),
    bidirectional: v.boolean(),
    output: v.picklist(["linear", "state"]),
    length: width,
    dropout: share,
    seed,
  }),
  leastWeights: ({ layers, embedding }, { text }) =>
    layers.reduce((sum, units) => sum + 3 * units ** 2, (embedding ?? 0) * text!.vocabulary.size),
  samples: async (model, texts) => {
    const answers = await classify(model, texts.map(({ text }) => text));
    return texts.map(({ text, label }, index) => ({ text, label, probability: answers[index]!.probability }));
  },
};

const KINDS: readonly AnyKind[] = [seq2seq, sequenceClassifier];

/** What is known of a class of models. */
export function kindOf(of: ModelClass<unknown>): AnyKind {
  const kind = KINDS.find((kind) => kind.of === of);
  if (kind) return kind;
  const known = KINDS.map(({ of: { name } }) => name).join(" and ");
  throw new TypeError(`Cannot train, save or load a "${of.name}": known are ${known}.`);
}

/** What is known of a model's class. */
export function kindOfModel(model: Model<never>): AnyKind {
  const kind = KINDS.find((kind) => model instanceof kind.of);
  return kind ?? kindOf(model.constructor as ModelClass<unknown>);
}
