// Layer 3: what a Seq2Seq can be made of.

import { RECURRENT_CELLS } from "./recurrent_layer.ts";

/** The choices of each option that is a choice; the first one is the default, unless the decoder has another. */
export const SEQ2SEQ_CHOICES = {
  cell: RECURRENT_CELLS,
  decoder: ["bahdanau", "luong", "cho", "sutskever"],
  attention: ["additive", "dot", "scaled-dot", "general", "location", "none"],
  span: ["global", "local-m", "local-p"],
  bridge: ["project", "copy"],
  readout: ["tanh", "maxout", "direct"],
  tied: ["none", "output", "all"],
  frozen: ["none", "source", "target", "both"],
} as const;

/** One of the choices for an option. */
export type Seq2SeqChoice<Name extends keyof typeof SEQ2SEQ_CHOICES> = typeof SEQ2SEQ_CHOICES[Name][number];

/** What a `Seq2Seq` is made of; everything has a default. */
export interface Seq2SeqOptions {
  /** The recurrent cell of encoder and decoder: `"gru"` by default. */
  readonly cell?: Seq2SeqChoice<"cell">;
  /** Recurrent layers of the encoder, and of the decoder, 1 to 8; 1 by default. */
  readonly layers?: number;
  /** Whether the encoder also reads from the end; by default with Bahdanau's decoder only. */
  readonly bidirectional?: boolean;
  /** Whether layers from the second on add their input to their outputs (Wu et al. 2016); false by default. */
  readonly residual?: boolean;
  /** Whether the source is read from its last word to its first (Sutskever et al. 2014); false by default. */
  readonly reverseSource?: boolean;
  /**
   * How the decoder uses the source:
   * - `"bahdanau"`: attention asks with the state before a step, the context enters the step (Bahdanau et al. 2015);
   * - `"luong"`: attention asks with the state after a step; state and context make an attentional vector, which predicts
   *   the word (Luong et al. 2015);
   * - `"cho"`: a summary of the source enters every step and the output (Cho et al. 2014);
   * - `"sutskever"`: the source is known by the state that the decoder starts from alone (Sutskever et al. 2014).
   */
  readonly decoder?: Seq2SeqChoice<"decoder">;
  /** How attention scores a source word; by default `"additive"` for Bahdanau's decoder, `"general"` for Luong's. */
  readonly attention?: Seq2SeqChoice<"attention">;
  /** Which source words attention looks at (Luong et al. 2015, section 3.2): `"global"`, all of them, by default. */
  readonly span?: Seq2SeqChoice<"span">;
  /** How far from its centre a local span reaches, in words; 10 by default. */
  readonly window?: number;
  /** How many source positions attention of score `"location"` knows, 50 by default; it does not look at later ones. */
  readonly locations?: number;
  /** Whether Luong's attentional vector enters the next step; true by default. */
  readonly inputFeeding?: boolean;
  /** Whether attention knows what it has looked at (See et al. 2017); false by default. */
  readonly coverage?: boolean;
  /** The weight of the loss for looking at the same words again, with `coverage`; 1 by default. */
  readonly coverageLoss?: number;
  /** Whether words can be copied from the source (See et al. 2017); false by default. */
  readonly copy?: boolean;
  /** Where the decoder starts: the encoder's final states themselves, or a layer upon them. */
  readonly bridge?: Seq2SeqChoice<"bridge">;
  /** The layer before the output layer, none with `"direct"`; Luong's decoder has its attentional vector there. */
  readonly readout?: Seq2SeqChoice<"readout">;
  /** Whether the output layer is the table of target embeddings, or that of the source as well; `"none"` by default. */
  readonly tied?: Seq2SeqChoice<"tied">;
  /** Which embeddings training leaves as they are, such as those of pretrained vectors; `"none"` by default. */
  readonly frozen?: Seq2SeqChoice<"frozen">;
  /** Width of the word embeddings; 128 by default. */
  readonly embedding?: number;
  /** Width of the recurrent states; 256 by default. */
  readonly hidden?: number;
  /** Width of the alignment model's hidden layer; that of the states by default. */
  readonly attentionWidth?: number;
  /** Width of the layer before the output; that of the states by default, with `tied` that of the embeddings. */
  readonly readoutWidth?: number;
  /** The share of embeddings, readouts and outputs between layers that is dropped in training; 0.2 by default. */
  readonly dropout?: number;
  /** Whether dropout drops the same elements at each step of a sentence (Gal & Ghahramani 2016); false by default. */
  readonly variational?: boolean;
  /** The share of words that is dropped whole in training; 0 by default. */
  readonly wordDropout?: number;
  /** Draws the initial weights and the dropped elements; 1 by default. */
  readonly seed?: number;
}

/** A model's options with all defaults filled in: what `config.json` stores. */
export type Seq2SeqConfig = Required<Seq2SeqOptions>;
