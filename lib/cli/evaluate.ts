// attend evaluate: figures for a model on pairs that it has not learned from.

import type { Pair } from "../data/pair.ts";
import { openDevice } from "../gpu/device.ts";
import { type Bleu, corpusBleu } from "../evaluation/bleu.ts";
import { exactMatch } from "../evaluation/exact_match.ts";
import { heldOutLoss } from "../evaluation/held_out.ts";
import { perplexity } from "../evaluation/perplexity.ts";
import type { TranslateOptions } from "../inference/decoding_options.ts";
import { translate } from "../inference/translate.ts";
import type { Translation } from "../inference/translation.ts";
import type { Seq2Seq } from "../models/seq2seq.ts";
import { formatCount } from "../report/format.ts";
import { heatMap } from "../report/heat_map.ts";
import { writeAtomically } from "../training/write_atomically.ts";
import { type Command, defineCommand } from "./command.ts";
import { corpusOptions, readCorpus } from "./corpus_options.ts";
import { decodingOptions, loadModels, translateOptionsOf } from "./decoding_options.ts";
import { ExitCode } from "./exit_code.ts";
import type { Output } from "./output.ts";

/** `attend evaluate` */
export const command: Command = defineCommand({
  name: "evaluate",
  summary: "Measure a trained model on held-out sentence pairs",
  description:
    "References are prepared as the training text was: without --punctuation in lower case, words only.",
  examples: [
    { description: "On the test pairs that train set aside", args: "--model runs/names" },
    { description: "On pairs of your own", args: "--model runs/names --corpus pairs.tsv" },
    { description: "By beam search", args: "--model runs/names --beam 5 --length-penalty 1" },
    { description: "With examples and a heat map", args: "--model runs/names --show 5 --attention out.svg" },
  ],
  options: {
    ...decodingOptions,
    corpus: {
      type: "string",
      value: "<corpus>",
      defaultText: "test.tsv in the model's folder",
      description: "The pairs to measure on, as for train",
    },
    ...corpusOptions,
    show: { type: "integer", minimum: 0, default: 0, description: "Translations to show" },
    attention: {
      type: "string",
      value: "<file.svg>",
      description: "Draw the attention of the longest one shown",
    },
  },
  async run(values, { output }) {
    const decoding = translateOptionsOf(values);
    const device = await openDevice();
    try {
      const models = await loadModels(device, values);
      const pairs = await readCorpus(values.corpus ?? `${values.model}/test.tsv`, values, output);
      const figures = await measure(models, pairs, decoding);
      tell(figures, output);
      const shown = figures.translations.slice(
        0,
        Math.max(values.show, values.attention === undefined ? 0 : 1),
      );
      for (const [index, translation] of shown.slice(0, values.show).entries()) {
        const { source, target } = pairs[index]!;
        output.record({ type: "translation", source, reference: target, text: translation.text });
        output.line(`            ${source} → ${translation.text || "(nothing)"}  [${target}]`);
      }
      if (values.attention !== undefined) {
        const longest = shown.reduce((a, b) => b.target.length > a.target.length ? b : a);
        await writeAtomically(values.attention, heatMap(longest));
        output.line(`attention   ${values.attention}`);
      }
      return ExitCode.ok;
    } finally {
      device.close();
    }
  },
});

interface Figures {
  readonly loss: number;
  readonly tokens: number;
  readonly dropped: number;
  readonly bleu: Bleu;
  readonly exact: number;
  readonly translations: readonly Translation[];
}

/** The loss is that of the first model; all of them translate. */
async function measure(
  models: readonly [Seq2Seq, ...Seq2Seq[]],
  pairs: readonly Pair[],
  decoding: TranslateOptions,
): Promise<Figures> {
  const [model] = models;
  const { loss, tokens, dropped } = await heldOutLoss(model, pairs, { batch: decoding.batch ?? 64 });
  const translations = await translate(models, pairs.map(({ source }) => source), decoding);
  const hypotheses = translations.map(({ text }) => text);
  const references = pairs.map(({ target }) => model.target.normalize(target));
  const exact = exactMatch(hypotheses, references);
  return { loss, tokens, dropped, bleu: corpusBleu(hypotheses, references), exact, translations };
}

function tell({ loss, tokens, dropped, bleu, exact, translations }: Figures, output: Output): void {
  output.record({
    type: "evaluation",
    pairs: translations.length,
    loss,
    perplexity: perplexity(loss),
    tokens,
    dropped,
    bleu: bleu.score,
    signature: bleu.signature,
    exactMatch: exact,
  });
  output.line(`pairs       ${formatCount(translations.length)}, ${formatCount(tokens)} words to predict`);
  if (dropped > 0) {
    output.notice(`${formatCount(dropped)} pairs were too long for the loss and left out of it.`);
  }
  output.line(
    `loss        ${loss.toFixed(4)} nats a word, perplexity ${perplexity(loss).toFixed(2)}, teacher-forced`,
  );
  output.line(`BLEU        ${bleu.score.toFixed(2)}   ${bleu}`);
  output.line(`            ${bleu.signature}`);
  output.line(`exact       ${(100 * exact).toFixed(1)} % of the translations equal their reference`);
}
