// attend translate: sentences in, translations out.

import type { TranslateOptions } from "../inference/decoding_options.ts";
import { translate } from "../inference/translate.ts";
import type { Translation } from "../inference/translation.ts";
import { heatMap } from "../report/heat_map.ts";
import { writeAtomically } from "../training/write_atomically.ts";
import { type Command, defineCommand } from "./command.ts";
import { decodingOptions, loadModels, refuseBlind, translateOptionsOf } from "./decoding_options.ts";
import { deviceOptions, openDeviceFor } from "./device_options.ts";
import { ExitCode, UsageError } from "./exit_code.ts";
import type { Output } from "./output.ts";
import { linesOf, readText } from "./text_file.ts";

/** Sentences from a file or a pipe that are translated at a time. */
const SENTENCES_AT_A_TIME = 256;

/** `attend translate` */
export const command: Command = defineCommand({
  name: "translate",
  summary: "Translate sentences with a trained model",
  description: "Takes sentences from the arguments, from --input, or from standard input, one a line.",
  examples: [
    { description: "Two sentences", args: '--model runs/names "red apple" "black cat"' },
    { description: "A file", args: "--model runs/names --input data/names.txt" },
    { description: "The three best", args: '--model runs/names --beam 5 --n-best 3 "red apple"' },
    {
      description: "See where the model looked",
      args: '--model runs/names --attention runs/attention.svg "red apple"',
      permissions: { also: { write: ["runs"] } },
    },
  ],
  positional: { name: "sentence", description: "What to translate", many: true },
  options: {
    ...decodingOptions,
    ...deviceOptions,
    nBest: {
      type: "integer",
      minimum: 1,
      default: 1,
      description: "Translations of each sentence, best first, with their scores; with --sampling, drawn",
    },
    prefix: { type: "string", value: "<text>", description: "How every translation begins" },
    input: {
      type: "string",
      short: "i",
      value: "<file>",
      description: "Sentences, one a line; - for standard input",
    },
    attention: {
      type: "string",
      value: "<file.svg>",
      description: "Draw the attention; from the second sentence on the file's name gets a number",
    },
  },
  async run(values, { output, positional }) {
    if (positional.length > 0 && values.input !== undefined) {
      throw new UsageError("Give sentences as arguments or with --input, not both.");
    }
    const sentences = positional.length > 0 ? positional : await readSentences(values.input ?? "-");
    if (sentences.length === 0) throw new UsageError("There is nothing to translate: no sentence was given.");
    const decoding = { ...translateOptionsOf(values, values.nBest), prefix: values.prefix ?? "" };
    const device = await openDeviceFor(values);
    try {
      const models = await loadModels(device, values);
      if (values.attention !== undefined) refuseBlind(models, `write "${values.attention}"`);
      for (let start = 0; start < sentences.length; start += SENTENCES_AT_A_TIME) {
        const part = sentences.slice(start, start + SENTENCES_AT_A_TIME);
        const translations = await translate(models, part, reseeded(decoding, start));
        for (const [index, translation] of translations.entries()) {
          await tell(part[index]!, translation, start + index, values, output);
        }
      }
      return ExitCode.ok;
    } finally {
      device.close();
    }
  },
});

/** The options for the sentences from `start` on, for which others are to be drawn than for the first ones. */
function reseeded(options: TranslateOptions, start: number): TranslateOptions {
  const { sampling } = options;
  return sampling ? { ...options, sampling: { ...sampling, seed: (sampling.seed ?? 1) + start } } : options;
}

async function tell(
  sentence: string,
  translation: Translation,
  index: number,
  { attention, nBest }: { readonly attention: string | undefined; readonly nBest: number },
  output: Output,
): Promise<void> {
  const { source, unknown } = translation;
  output.record({ type: "translation", sentence, ...translation });
  if (nBest > 1) { for (const line of ranking(translation)) output.line(line); }
  else output.line(translation.text);
  if (source.length <= 2) {
    output.notice(`Sentence ${index + 1} has no words, so its translation is empty.`);
    return;
  }
  if (unknown.length > 0) {
    const words = unknown.map((word) => `"${word}"`).join(", ");
    output.notice(`The model does not know ${words} (sentence ${index + 1}); it was trained without.`);
  }
  if (attention !== undefined) {
    const path = index === 0 ? attention : attention.replace(/(\.svg)?$/i, `.${index + 1}$1`);
    await writeAtomically(path, heatMap(translation));
  }
}

/** A translation and its alternatives with their scores, and an empty line behind them. */
function ranking(translation: Translation): string[] {
  const all = [translation, ...translation.alternatives];
  return [...all.map(({ text, score }) => `${score.normalized.toFixed(4).padStart(9)}  ${text}`), ""];
}

/** The lines of a file or of standard input. */
async function readSentences(path: string): Promise<string[]> {
  if (path === "-" && Deno.stdin.isTerminal()) {
    throw new UsageError(
      "There is nothing to translate: give sentences as arguments, with --input, or through a pipe.",
    );
  }
  return linesOf(
    path === "-" ? await new Response(Deno.stdin.readable).text() : await readText(path, "the sentences"),
  );
}
