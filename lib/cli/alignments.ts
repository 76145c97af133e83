// The alignments of attend evaluate: of what the model wrote, or of the references, to a file or against those of people.

import type { Pair } from "../data/pair.ts";
import {
  alignment,
  alignmentErrorRate,
  type Attended,
  formatAlignment,
  parseAlignment,
  type ReferenceAlignment,
} from "../evaluation/alignment.ts";
import { forcedAttention } from "../evaluation/forced_attention.ts";
import type { Seq2Seq } from "../models/seq2seq.ts";
import { writeAtomically } from "../training/write_atomically.ts";
import { UsageError } from "./exit_code.ts";
import type { Options, Values } from "./option.ts";
import type { Output } from "./output.ts";
import { linesOf, readText } from "./text_file.ts";

/** The options. */
export const alignmentOptions = {
  alignment: {
    type: "string",
    value: "<file>",
    description: "Write which words attention links, a line a pair, in Pharaoh format",
  },
  alignmentGold: {
    type: "string",
    value: "<file>",
    description: "Links made by people, in the same format: tell the alignment error rate",
  },
  alignmentOf: {
    type: "choice",
    choices: ["translations", "references"],
    defaultText: "translations",
    description: "Whether words of translations are linked, or those of the references, by --model",
  },
  alignmentThreshold: {
    type: "number",
    above: 0,
    maximum: 1,
    defaultText: "the most a word has",
    description: "The least attention that links two words",
  },
} as const satisfies Options;

type AlignmentValues = Values<typeof alignmentOptions>;

/** @throws {UsageError} If options would do nothing. */
export function assertAlignmentOptions(values: AlignmentValues): void {
  if (values.alignment !== undefined || values.alignmentGold !== undefined) return;
  const idle = {
    "--alignment-of": values.alignmentOf,
    "--alignment-threshold": values.alignmentThreshold,
  };
  for (const [flag, value] of Object.entries(idle)) {
    if (value === undefined) continue;
    throw new UsageError(`Option ${flag} is for alignments: give --alignment or --alignment-gold, too.`);
  }
}

/** Writes and compares the alignments that were asked for. */
export async function tellAlignments(
  model: Seq2Seq,
  { pairs, translations }: { readonly pairs: readonly Pair[]; readonly translations: readonly Attended[] },
  values: AlignmentValues & { readonly batch: number },
  output: Output,
): Promise<void> {
  const { alignment: file, alignmentGold: gold, alignmentThreshold: threshold } = values;
  if (file === undefined && gold === undefined) return;
  const references = gold === undefined ? [] : await readAlignments(gold, pairs.length);
  const of = values.alignmentOf ?? "translations";
  const attended = of === "translations"
    ? translations
    : await forcedAttention(model, pairs, { batch: values.batch });
  const alignments = attended.map((one) => alignment(one, threshold === undefined ? {} : { threshold }));
  if (file !== undefined) {
    await writeAtomically(file, alignments.map((links) => `${formatAlignment(links)}\n`).join(""));
    const links = alignments.reduce((sum, { length }) => sum + length, 0);
    output.record({ type: "alignment", of, file, links });
    output.line(`alignment   ${file}`);
  }
  if (gold === undefined) return;
  const rate = alignmentErrorRate(alignments, references);
  output.record({ type: "alignment error", of, gold, rate });
  output.line(`alignment   error rate ${rate.toFixed(4)} of the ${of}`);
}

/** Reads a line for each pair. */
async function readAlignments(path: string, count: number): Promise<ReferenceAlignment[]> {
  const lines = linesOf(await readText(path, "the alignments"));
  if (lines.length !== count) {
    throw new RangeError(
      `Cannot compare with the alignments in "${path}": it has ${lines.length} lines, and there are ${count} pairs. ` +
        "Give a line for each pair.",
    );
  }
  return lines.map((line, index) => {
    try {
      return parseAlignment(line);
    } catch (error) {
      throw new SyntaxError(`In "${path}", line ${index + 1}: ${(error as Error).message}`);
    }
  });
}
