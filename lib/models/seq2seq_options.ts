// Layer 3: what a Seq2Seq can be made of, the defaults that go together, and what does not go together.

/** The choices of each option that is a choice; the first one is the default, unless the decoder has another. */
export const SEQ2SEQ_CHOICES = {
  cell: ["gru", "lstm"],
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

/** What goes with each decoder unless something else is asked for. */
const DEFAULTS = {
  bahdanau: { bidirectional: true, attention: "additive", bridge: "project", readout: "tanh" },
  luong: { bidirectional: false, attention: "general", bridge: "copy", readout: "tanh" },
  cho: { bidirectional: false, attention: "none", bridge: "project", readout: "maxout" },
  sutskever: { bidirectional: false, attention: "none", bridge: "copy", readout: "direct" },
} as const;

/**
 * Fills in the defaults.
 *
 * @throws {RangeError} If an option is out of range, or does not go with another; the message says why.
 */
export function completeSeq2Seq(options: Seq2SeqOptions): Seq2SeqConfig {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const { decoder = "bahdanau", embedding = 128, hidden = 256, tied = "none" } = given as Seq2SeqOptions;
  checkChoices({ decoder });
  const readout = (given as Seq2SeqOptions).readout ?? DEFAULTS[decoder].readout;
  const config: Seq2SeqConfig = {
    cell: "gru",
    layers: 1,
    residual: false,
    reverseSource: false,
    decoder,
    ...DEFAULTS[decoder],
    span: "global",
    window: 10,
    locations: 50,
    inputFeeding: decoder === "luong",
    coverage: false,
    coverageLoss: 1,
    copy: false,
    tied,
    frozen: "none",
    embedding,
    hidden,
    attentionWidth: hidden,
    readoutWidth: tied !== "none" && readout !== "direct" ? embedding : hidden,
    dropout: 0.2,
    variational: false,
    wordDropout: 0,
    seed: 1,
    ...pick(given),
  };
  checkChoices(config);
  checkNumbers(config);
  checkCombinations(config);
  return config;
}

const KEYS: readonly (keyof Seq2SeqConfig)[] = [
  "cell",
  "layers",
  "bidirectional",
  "residual",
  "reverseSource",
  "decoder",
  "attention",
  "span",
  "window",
  "locations",
  "inputFeeding",
  "coverage",
  "coverageLoss",
  "copy",
  "bridge",
  "readout",
  "tied",
  "frozen",
  "embedding",
  "hidden",
  "attentionWidth",
  "readoutWidth",
  "dropout",
  "variational",
  "wordDropout",
  "seed",
];

/** The options among other things, such as tokenizers. */
function pick(given: Readonly<Record<string, unknown>>): Partial<Seq2SeqConfig> {
  return Object.fromEntries(KEYS.filter((key) => key in given).map((key) => [key, given[key]]));
}

function checkChoices(config: Partial<Seq2SeqConfig>): void {
  for (const [name, choices] of Object.entries(SEQ2SEQ_CHOICES)) {
    const chosen = config[name as keyof typeof SEQ2SEQ_CHOICES];
    if (chosen === undefined || (choices as readonly string[]).includes(chosen)) continue;
    const known = choices.map((choice) => `"${choice}"`);
    refuse(`${name} "${chosen}"`, `known are ${known.slice(0, -1).join(", ")} and ${known.at(-1)}`);
  }
}

function checkNumbers(config: Seq2SeqConfig): void {
  const { layers, embedding, hidden, attentionWidth, readoutWidth, window, locations } = config;
  const sizes = { embedding, hidden, attentionWidth, readoutWidth, window, locations };
  for (const [name, size] of Object.entries(sizes)) {
    if (!Number.isInteger(size) || size < 1) refuse(`${name} ${size}`, "it must be a positive integer");
  }
  if (!Number.isInteger(layers) || layers < 1 || layers > 8) {
    refuse(`layers ${layers}`, "it must be an integer from 1 to 8");
  }
  for (const name of ["dropout", "wordDropout"] as const) {
    const share = config[name];
    if (!(share >= 0 && share < 1)) refuse(`${name} ${share}`, "it must be in [0, 1)");
  }
  if (!(config.coverageLoss >= 0)) refuse(`coverageLoss ${config.coverageLoss}`, "it must be 0 or more");
}

function checkCombinations(config: Seq2SeqConfig): void {
  const { decoder, attention, bidirectional, bridge, tied, embedding, hidden } = config;
  const { readout, readoutWidth } = config;
  const attends = decoder === "bahdanau" || decoder === "luong";
  if (attends === (attention === "none")) {
    const why = attends
      ? 'it attends; for none take "cho" or "sutskever"'
      : 'it has none: attention is "none"';
    refuse(`decoder "${decoder}" and attention "${attention}"`, why);
  }
  if (!attends && config.span !== "global") {
    refuse(`span "${config.span}"`, "there is no attention to narrow");
  }
  if (!attends && config.copy) refuse("copy", "words are copied by attention, and there is none");
  if (config.inputFeeding && decoder !== "luong") {
    refuse("inputFeeding", 'only Luong\'s attentional vector can be fed back: take decoder "luong"');
  }
  if (config.coverage && attention !== "additive") {
    refuse(`coverage and attention "${attention}"`, 'coverage is part of the score "additive"');
  }
  if (bridge === "copy" && bidirectional) {
    refuse('bridge "copy" and bidirectional', "there are two final states to start from one; project them");
  }
  if (bridge === "copy" && decoder === "cho") {
    refuse('bridge "copy" and decoder "cho"', "it starts from the summary of the source; project that");
  }
  if (attention === "dot" && bidirectional) {
    const why = `states have ${hidden} numbers and annotations ${2 * hidden}; take "general" or "scaled-dot"`;
    refuse('attention "dot" and bidirectional', why);
  }
  if (decoder === "luong" && readout !== "tanh") {
    refuse(`readout "${readout}" and decoder "luong"`, "Luong's attentional vector is a tanh");
  }
  if (readout === "direct" && decoder !== "sutskever") {
    refuse('readout "direct"', `the output of decoder "${decoder}" takes more than the state`);
  }
  if (readout === "direct" && readoutWidth !== hidden) {
    refuse(
      `readoutWidth ${readoutWidth}`,
      `with readout "direct" it is the state itself, of ${hidden} numbers`,
    );
  }
  if (attention === "location" && config.span !== "global") {
    const why = "a window could lie beyond the locations that are known";
    refuse(`attention "location" and span "${config.span}"`, why);
  }
  const output = tied === "all" ? config.frozen !== "none" : ["target", "both"].includes(config.frozen);
  if (tied !== "none" && output) {
    refuse(
      `frozen "${config.frozen}" and tied "${tied}"`,
      "the output layer would be frozen with the embeddings",
    );
  }
  if (tied !== "none" && readoutWidth !== embedding) {
    const why = `tied to embeddings of width ${embedding} the readout has to be as wide`;
    refuse(`readoutWidth ${readoutWidth} and tied "${tied}"`, why);
  }
}

function refuse(what: string, why: string): never {
  throw new RangeError(`Cannot create a Seq2Seq with ${what}: ${why}.`);
}
