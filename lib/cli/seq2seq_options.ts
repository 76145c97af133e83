// What a new translator is made of, on the command line: every option of a Seq2Seq.

import { SEQ2SEQ_CHOICES, type Seq2SeqOptions } from "../models/seq2seq_options.ts";
import { loadWordVectors } from "../data/word_vectors.ts";
import type { Seq2Seq } from "../models/seq2seq.ts";
import type { Options, Values } from "./option.ts";

const THE_DECODER = "as in the decoder's paper";

/** The options; their names are those of `Seq2SeqOptions`. */
export const seq2seqOptions = {
  decoder: {
    type: "choice",
    choices: SEQ2SEQ_CHOICES.decoder,
    default: "bahdanau",
    description: "How the source reaches the decoder",
  },
  cell: { type: "choice", choices: SEQ2SEQ_CHOICES.cell, default: "gru", description: "The recurrent cell" },
  layers: {
    type: "integer",
    minimum: 1,
    maximum: 8,
    default: 1,
    description: "Layers of encoder and decoder",
  },
  bidirectional: {
    type: "boolean",
    defaultText: "with bahdanau only",
    description: "Let the encoder read from the end, too",
  },
  residual: { type: "boolean", description: "Add the input of layers to their output" },
  reverseSource: { type: "boolean", description: "Read the source from its last word to its first" },
  attention: {
    type: "choice",
    choices: SEQ2SEQ_CHOICES.attention,
    defaultText: THE_DECODER,
    description: "How attention scores a source word",
  },
  span: {
    type: "choice",
    choices: SEQ2SEQ_CHOICES.span,
    default: "global",
    description: "Where attention looks",
  },
  window: {
    type: "integer",
    minimum: 1,
    defaultText: "10",
    description: "How far a local span reaches, in words",
  },
  locations: {
    type: "integer",
    minimum: 1,
    defaultText: "50",
    description: "Source positions that attention of score location knows",
  },
  inputFeeding: {
    type: "boolean",
    defaultText: "with luong only",
    description: "Let the attentional vector enter the next step",
  },
  coverage: { type: "boolean", description: "Let attention know what it has looked at" },
  coverageLoss: {
    type: "number",
    minimum: 0,
    defaultText: "1",
    description: "Weight of the loss for looking there again, with --coverage",
  },
  copy: { type: "boolean", description: "Let words be copied from the source" },
  bridge: {
    type: "choice",
    choices: SEQ2SEQ_CHOICES.bridge,
    defaultText: THE_DECODER,
    description: "From the encoder's final states to the decoder's first",
  },
  readout: {
    type: "choice",
    choices: SEQ2SEQ_CHOICES.readout,
    defaultText: THE_DECODER,
    description: "The layer before the output layer",
  },
  tied: {
    type: "choice",
    choices: SEQ2SEQ_CHOICES.tied,
    default: "none",
    description: "Share target embeddings with the output layer, or with the source as well",
  },
  frozen: {
    type: "choice",
    choices: SEQ2SEQ_CHOICES.frozen,
    default: "none",
    description: "Embeddings that training leaves as they are",
  },
  embedding: { type: "integer", minimum: 1, default: 128, description: "Width of the word embeddings" },
  hidden: { type: "integer", minimum: 1, default: 256, description: "Width of the recurrent states" },
  attentionWidth: {
    type: "integer",
    minimum: 1,
    defaultText: "--hidden",
    description: "Width of the alignment model",
  },
  readoutWidth: {
    type: "integer",
    minimum: 1,
    defaultText: "--hidden, or --embedding if tied",
    description: "Width of the readout",
  },
  dropout: {
    type: "number",
    minimum: 0,
    below: 1,
    default: 0.2,
    description: "Share of activations to drop",
  },
  variational: { type: "boolean", description: "Drop the same elements at every step of a sentence" },
  wordDropout: { type: "number", minimum: 0, below: 1, default: 0, description: "Share of words to drop" },
} as const satisfies Options;

/** Files of word vectors that embeddings begin with. */
export const vectorOptions = {
  sourceVectors: {
    type: "string",
    value: "<file>",
    description: "Word vectors (.vec, .txt, .vec.gz) that source embeddings begin with",
  },
  targetVectors: { type: "string", value: "<file>", description: "The same for target embeddings" },
} as const satisfies Options;

/**
 * Lets a model's embeddings begin with the vectors of files.
 *
 * @param tell Is told what was found.
 */
export async function readVectors(
  model: Seq2Seq,
  values: Values<typeof vectorOptions>,
  tell: (side: string, found: number, of: number) => void,
): Promise<void> {
  for (const side of ["source", "target"] as const) {
    const path = values[`${side}Vectors`];
    if (path === undefined) continue;
    const { vocabulary } = model[side];
    const vectors = await loadWordVectors(path, { keep: (word) => vocabulary.has(word) });
    tell(side, model.setEmbeddings(side, vectors), vocabulary.size);
  }
}

/** The model's options among the values of a command line. */
export function seq2seqOptionsOf(values: Values<typeof seq2seqOptions>): Seq2SeqOptions {
  const names = Object.keys(seq2seqOptions) as (keyof typeof seq2seqOptions)[];
  return Object.fromEntries(names.map((name) => [name, values[name]]));
}
