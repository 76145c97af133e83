// A translation as users see it: words instead of numbers.

import { EOS, UNK } from "../data/vocabulary.ts";
import { type EncodedSource, inReadingOrder } from "../models/encoded_source.ts";
import type { Seq2Seq } from "../models/seq2seq.ts";
import type { Hypothesis } from "./hypotheses.ts";

/** How good a model finds a translation; both are 0 for a sentence without words, -Infinity if none was found. */
export interface TranslationScore {
  /** The natural logarithm of the probability of its words, `<eos>` included, given the source. */
  readonly logProbability: number;
  /** What translations of one sentence are ranked by: the same over the length penalty, plus the coverage penalty. */
  readonly normalized: number;
}

/** One way to translate a sentence. */
export interface TranslationAlternative {
  /** The translation as text. */
  readonly text: string;
  /** The target words as the model wrote them; `<eos>` is the last unless the limit came first. */
  readonly target: readonly string[];
  /** For each target word the attention to each source word; rows sum to 1, with span local-p to less. Empty rows if the model has no attention. */
  readonly attention: readonly (readonly number[])[];
  /** How good the model finds it. */
  readonly score: TranslationScore;
}

/** A sentence, its translation, and where the model looked for each word. */
export interface Translation extends TranslationAlternative {
  /** The source words as the model read them, from `<sos>` to `<eos>`. */
  readonly source: readonly string[];
  /** Source words that are not in the vocabulary; the model read `<unk>` in their place. */
  readonly unknown: readonly string[];
  /** The next best translations, best first, if more than one was asked for. */
  readonly alternatives: readonly TranslationAlternative[];
}

/** A sentence of which all hypotheses have been found. */
export interface Decoded {
  /** The sentence. */
  readonly text: string;
  /** The same in numbers. */
  readonly encoded: EncodedSource;
  /** Its translations, best first. */
  readonly hypotheses: readonly Hypothesis[];
}

/** What stands for the translation of a sentence for which none was found: the constraints leave no word. */
const NONE: Hypothesis = { ids: [], attention: [], logProbability: -Infinity, normalized: -Infinity };

/** Puts the translations of a sentence into words; a sentence without words translates to the empty text. */
export function describe(model: Seq2Seq, decoded: Decoded, replaceUnknown: boolean): Translation {
  const { text, encoded, hypotheses } = decoded;
  const source = model.source.tokens(text);
  const say = (hypothesis: Hypothesis) =>
    alternative(model, { ...decoded, source }, hypothesis, replaceUnknown);
  const empty = { ...say(NONE), score: { logProbability: 0, normalized: 0 } };
  const [best = say(NONE), ...alternatives] = encoded.ids.length <= 2 ? [empty] : hypotheses.map(say);
  return { ...best, source, unknown: model.source.unknown(text), alternatives };
}

function alternative(
  model: Seq2Seq,
  { source, encoded }: Decoded & { readonly source: readonly string[] },
  { ids, attention: weights, logProbability, normalized }: Hypothesis,
  replaceUnknown: boolean,
): TranslationAlternative {
  const { target: tokenizer } = model;
  const { size } = tokenizer.vocabulary;
  const attention = ids.map((_, t) =>
    inReadingOrder(weights[t]?.subarray(0, source.length) ?? [], model.config)
  );
  // Words that were copied and that the vocabulary lacks have numbers from its size on.
  const target = ids.map((id) => id < size ? tokenizer.vocabulary.token(id) : encoded.unknown![id - size]!);
  const words = target.map((word, t) =>
    replaceUnknown && ids[t] === UNK ? lookedAt(source, attention[t]!) ?? word : word
  );
  const end = ids.indexOf(EOS);
  const text = tokenizer.join(end < 0 ? words : words.slice(0, end));
  return { text, target, attention, score: { logProbability, normalized } };
}

/** The word that got most attention, `<sos>` and `<eos>` aside; undefined if there is none. */
function lookedAt(source: readonly string[], weights: readonly number[]): string | undefined {
  let best: number | undefined;
  for (let s = 1; s < source.length - 1; s++) {
    if (best === undefined || weights[s]! > weights[best]!) best = s;
  }
  return best === undefined ? undefined : source[best];
}
