// Layer 3: the defaults of a Seq2Seq that go together, and what does not go together.

import { SEQ2SEQ_CHOICES, type Seq2SeqConfig, type Seq2SeqOptions } from "./seq2seq_options.ts";

/** What goes with each decoder unless something else is asked for. */
const DEFAULTS = {
  bahdanau: { bidirectional: true, attention: "additive", bridge: "project", readout: "tanh" },
  luong: { bidirectional: false, attention: "general", bridge: "copy", readout: "tanh" },
  cho: { bidirectional: false, attention: "none", bridge: "project", readout: "maxout" },
  sutskever: { bidirectional: false, attention: "none", bridge: "copy", readout: "direct" },
} as const;

/** Options that count only together with others: when, and what to do where they do not. */
const CONDITIONS: readonly (readonly [
  name: keyof Seq2SeqConfig,
  counts: (config: Seq2SeqConfig) => boolean,
  why: string,
])[] = [
  ["window", ({ span }) => span !== "global", 'only the spans "local-m" and "local-p" have one; set span'],
  [
    "locations",
    ({ attention }) => attention === "location",
    'only attention "location" knows positions; set it',
  ],
  ["coverageLoss", ({ coverage }) => coverage, "it is the loss of coverage, and there is none; set coverage"],
  [
    "attentionWidth",
    ({ attention, span }) => ["additive", "scaled-dot"].includes(attention) || span === "local-p",
    'only attention "additive" or "scaled-dot", and span "local-p", have a layer of that width; set one of them',
  ],
  ["residual", ({ layers }) => layers > 1, "the first layer adds nothing to its outputs; set layers above 1"],
  ["variational", ({ dropout }) => dropout > 0, "there is no dropout to repeat; set dropout above 0"],
];

/**
 * Fills in the defaults.
 *
 * Options that would do nothing are refused, but not where every single one is given, as `config.json` stores them.
 *
 * @throws {RangeError} If an option is out of range, does nothing, or does not go with another; the message says why.
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
  if (!KEYS.every((key) => key in given)) checkConditions(given, config);
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

/** Refuses what was asked for and would do nothing; a switch that is off asks for nothing. */
function checkConditions(given: Readonly<Record<string, unknown>>, config: Seq2SeqConfig): void {
  for (const [name, counts, why] of CONDITIONS) {
    if (!(name in given) || given[name] === false || counts(config)) continue;
    refuse(`${name} ${config[name]}`, `${why}, or leave ${name} out`);
  }
}

function refuse(what: string, why: string): never {
  throw new RangeError(`Cannot create a Seq2Seq with ${what}: ${why}.`);
}
