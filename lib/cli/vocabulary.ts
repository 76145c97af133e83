// How commands tell what a vocabulary knows.

import type { Tokenizer } from "../data/tokenizer.ts";
import { formatCount } from "../report/format.ts";
import type { Output } from "./output.ts";

/** Unknown words that are shown, if they occur more than once; records have more. */
const MOST_SHOWN = 5;

/** Tells how many words a side has, how much of the validation text they cover, and what they miss most. */
export function tellVocabulary(
  side: "source" | "target",
  tokenizer: Tokenizer,
  texts: readonly string[],
  output: Output,
): void {
  const { vocabulary } = tokenizer;
  const { fraction, ...counts } = vocabulary.coverage(texts.map((text) => tokenizer.tokenize(text)));
  const { tokens, types, knownTypes, unknown } = counts;
  output.record({
    type: "vocabulary",
    side,
    words: vocabulary.size,
    coverage: tokens === 0 ? null : fraction,
    ...counts,
  });
  const covered = tokens === 0
    ? ""
    : `, which cover ${percent(fraction)} of the validation text and ${
      percent(knownTypes / types)
    } of its vocabulary`;
  output.line(
    `${side}      ${formatCount(vocabulary.size)} ${
      tokenizer.kind === "words" ? "words" : "tokens"
    }${covered}`,
  );
  const frequent = unknown.filter(({ count }) => count > 1).slice(0, MOST_SHOWN);
  if (frequent.length === 0) return;
  const list = frequent.map(({ token, count }) => `${token} (${count})`).join(", ");
  output.line(`            most often unknown: ${list}`);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
