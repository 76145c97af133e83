// attend evaluate: figures for a model on pairs that it has not learned from.

import type { Pair } from "../data/pair.ts";
import type { Tokenizer } from "../data/tokenizer.ts";
import type { Coverage } from "../data/vocabulary.ts";
import { type Bleu, corpusBleu } from "../evaluation/bleu.ts";
import { BLEU_TOKENIZERS, type BleuTokenizer } from "../evaluation/bleu_tokenizer.ts";
import { type Chrf, corpusChrf } from "../evaluation/chrf.ts";
import { exactMatch } from "../evaluation/exact_match.ts";
import { heldOutLoss } from "../evaluation/held_out.ts";
import { perplexity } from "../evaluation/perplexity.ts";
import { scoreByLength } from "../evaluation/score_by_length.ts";
import type { TranslateOptions } from "../inference/decoding_options.ts";
import { translate } from "../inference/translate.ts";
import type { Translation } from "../inference/translation.ts";
import type { Seq2Seq } from "../models/seq2seq.ts";
import { formatCount } from "../report/format.ts";
import { heatMap } from "../report/heat_map.ts";
import { writeAtomically } from "../training/write_atomically.ts";
import { alignmentOptions, assertAlignmentOptions, tellAlignments } from "./alignments.ts";
import { type Command, defineCommand } from "./command.ts";
import { corpusOptions, readCorpus } from "./corpus_options.ts";
import { decodingOptions, loadModels, refuseBlind, translateOptionsOf } from "./decoding_options.ts";
import { deviceOptions, openDeviceFor } from "./device_options.ts";
import { ExitCode } from "./exit_code.ts";
import type { Output } from "./output.ts";

/** `attend evaluate` */
export const command: Command = defineCommand({
  name: "evaluate",
  summary: "Measure a trained model on held-out sentence pairs",
  description:
    "References are prepared as the training text was: words without --punctuation in lower case, words only; " +
    "byte pairs and characters as they stand.",
  examples: [
    { description: "On the test pairs that train set aside", args: "--model runs/names" },
    { description: "On pairs of your own", args: "--model runs/names --corpus data/pairs.tsv" },
    { description: "By beam search", args: "--model runs/names --beam 5 --length-penalty 1" },
    {
      description: "With examples and a heat map",
      args: "--model runs/names --show 5 --attention runs/attention.svg",
    },
    {
      description: "How far attention to the references is from the links that people made",
      args: "--model runs/names --alignment-of references --alignment-gold gold.align",
    },
    { description: "For a language without spaces", args: "--model runs/kanji --bleu-tokenizer char" },
  ],
  options: {
    ...decodingOptions,
    ...deviceOptions,
    corpus: {
      type: "string",
      value: "<corpus>",
      defaultText: "test.tsv in the model's folder",
      description: "The pairs to measure on, as for train",
    },
    ...corpusOptions,
    bleuTokenizer: {
      type: "choice",
      choices: BLEU_TOKENIZERS,
      default: "13a",
      description: "How BLEU cuts words, by sacreBLEU's names",
    },
    chrfWords: { type: "boolean", description: "Let chrF count words, too: chrF++" },
    ignoreCase: { type: "boolean", description: "Let BLEU and chrF pass over case" },
    show: { type: "integer", minimum: 0, default: 0, description: "Translations to show" },
    attention: {
      type: "string",
      value: "<file.svg>",
      description: "Draw the attention of the longest one shown",
    },
    byLength: {
      type: "string",
      value: "<file.svg>",
      description: "Draw BLEU by the length of the source",
    },
    ...alignmentOptions,
  },
  async run(values, { output }) {
    const decoding = translateOptionsOf(values);
    assertAlignmentOptions(values);
    const device = await openDeviceFor(values);
    try {
      const models = await loadModels(device, values);
      const written = values.alignment ?? values.attention;
      if (written !== undefined) refuseBlind(models, `write "${written}"`);
      if (values.alignmentGold !== undefined) refuseBlind(models, `compare with "${values.alignmentGold}"`);
      const pairs = await readCorpus(values.corpus ?? `${values.model}/test.tsv`, values, output);
      const figures = await measure(models, pairs, decoding, values);
      tell(figures, output);
      tellTranslations(figures, values.show, output);
      if (values.attention !== undefined) await drawAttention(figures, values.show, values.attention, output);
      if (values.byLength !== undefined) await drawByLength(figures, values, values.byLength, output);
      await tellAlignments(models[0], figures, values, output);
      return ExitCode.ok;
    } finally {
      device.close();
    }
  },
});

interface Figures {
  readonly pairs: readonly Pair[];
  /** The loss when the decoder is given the right words. */
  readonly loss: number;
  /** The loss when it is given its own. */
  readonly freeRunningLoss: number;
  readonly tokens: number;
  readonly dropped: number;
  /** What each vocabulary knows of the pairs. */
  readonly coverage: { readonly source: Coverage; readonly target: Coverage };
  readonly bleu: Bleu;
  readonly chrf: Chrf;
  readonly exact: number;
  readonly translations: readonly Translation[];
  readonly hypotheses: readonly string[];
  readonly references: readonly string[];
}

/** How translations are compared with references. */
interface Scoring {
  readonly bleuTokenizer: BleuTokenizer;
  readonly chrfWords: boolean;
  readonly ignoreCase: boolean;
}

/** BLEU as the options have it. */
function bleuOf(hypotheses: readonly string[], references: readonly string[], scoring: Scoring): Bleu {
  const { bleuTokenizer: tokenize, ignoreCase: lowerCase } = scoring;
  return corpusBleu(hypotheses, references, { tokenize, lowerCase });
}

/** The losses are those of the first model; all of them translate. */
async function measure(
  models: readonly [Seq2Seq, ...Seq2Seq[]],
  pairs: readonly Pair[],
  decoding: TranslateOptions,
  scoring: Scoring,
): Promise<Figures> {
  const [model] = models;
  const { batch = 64 } = decoding;
  const { loss, tokens, dropped } = await heldOutLoss(model, pairs, { batch });
  const { loss: freeRunningLoss } = await heldOutLoss(model, pairs, { batch, given: "own" });
  const translations = await translate(models, pairs.map(({ source }) => source), decoding);
  const hypotheses = translations.map(({ text }) => text);
  const references = pairs.map(({ target }) => model.target.normalize(target));
  const { chrfWords, ignoreCase: lowerCase } = scoring;
  return {
    pairs,
    ...{ loss, freeRunningLoss, tokens, dropped, translations, hypotheses, references },
    bleu: bleuOf(hypotheses, references, scoring),
    chrf: corpusChrf(hypotheses, references, { wordOrder: chrfWords ? 2 : 0, lowerCase }),
    exact: exactMatch(hypotheses, references),
    coverage: {
      source: coverageOf(model.source, pairs.map(({ source }) => source)),
      target: coverageOf(model.target, pairs.map(({ target }) => target)),
    },
  };
}

function coverageOf(tokenizer: Tokenizer, texts: readonly string[]): Coverage {
  return tokenizer.vocabulary.coverage(texts.map((text) => tokenizer.tokenize(text)));
}

function tell(figures: Figures, output: Output): void {
  const { pairs, loss, freeRunningLoss, tokens, dropped, bleu, chrf, exact } = figures;
  output.record({
    type: "evaluation",
    pairs: pairs.length,
    loss,
    perplexity: perplexity(loss),
    freeRunning: { loss: freeRunningLoss, perplexity: perplexity(freeRunningLoss) },
    tokens,
    dropped,
    bleu: bleu.score,
    signature: bleu.signature,
    chrf: { score: chrf.score, signature: chrf.signature },
    exactMatch: exact,
    coverage: figures.coverage,
  });
  output.line(`pairs       ${formatCount(pairs.length)}, ${formatCount(tokens)} words to predict`);
  if (dropped > 0) {
    output.notice(`${formatCount(dropped)} pairs were too long for the loss and left out of it.`);
  }
  output.line(
    `loss        ${loss.toFixed(4)} nats a word, perplexity ${perplexity(loss).toFixed(2)}, teacher-forced`,
  );
  output.line(
    `            ${freeRunningLoss.toFixed(4)} nats a word, perplexity ${
      perplexity(freeRunningLoss).toFixed(2)
    }, free-running`,
  );
  output.line(`BLEU        ${bleu.score.toFixed(2)}   ${bleu}`);
  output.line(`            ${bleu.signature}`);
  output.line(`chrF        ${chrf.score.toFixed(2)}   ${chrf.signature}`);
  output.line(`exact       ${(100 * exact).toFixed(1)} % of the translations equal their reference`);
}

function tellTranslations({ pairs, translations }: Figures, count: number, output: Output): void {
  for (const [index, { text }] of translations.slice(0, count).entries()) {
    const { source, target } = pairs[index]!;
    output.record({ type: "translation", source, reference: target, text });
    output.line(`            ${source} → ${text || "(nothing)"}  [${target}]`);
  }
}

async function drawAttention({ translations }: Figures, shown: number, file: string, output: Output) {
  const longest = translations.slice(0, Math.max(shown, 1))
    .reduce((a, b) => b.target.length > a.target.length ? b : a);
  await writeAtomically(file, heatMap(longest));
  output.record({ type: "attention", file });
  output.line(`attention   ${file}`);
}

async function drawByLength(
  { pairs, hypotheses, references }: Figures,
  options: Scoring & { readonly model: string },
  file: string,
  output: Output,
) {
  const { lengthChart } = await import("../report/length_chart.ts"); // a third of a second, for those who ask
  const scores = scoreByLength(pairs.map(({ source }) => source), hypotheses, references, {
    score: (hypotheses, references) => bleuOf(hypotheses, references, options).score,
  });
  await writeAtomically(
    file,
    lengthChart([{ label: options.model, scores }], { title: "BLEU by length of the source" }),
  );
  output.record({ type: "lengths", measure: "BLEU", scores, file });
  output.line(`by length   ${file}`);
}
