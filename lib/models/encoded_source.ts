// Layer 3: sentences as a translator reads them: reversed or not, and for pointers in the numbering of the target as well.

import type { Tokenizer } from "../data/tokenizer.ts";
import type { MergeDropout } from "../data/tokenizer_kind.ts";
import { EOS, SOS, UNK } from "../data/vocabulary.ts";
import type { Seq2SeqConfig } from "./seq2seq_options.ts";

/** The most words that a sentence may have, `<sos>` and `<eos>` included, for a translator that has been trained. */
export const LONGEST_SENTENCE = 512;

/** A source sentence as a model reads it. */
export interface EncodedSource {
  /** The word numbers, `<sos>` and `<eos>` included, in the order in which they are read. */
  readonly ids: Uint32Array;
  /** The words themselves, in the same order. */
  readonly words: readonly string[];
  /** For models that copy: the words in the target's numbering, those that it lacks behind its vocabulary. */
  readonly copies?: Uint32Array;
  /** The words that the target's vocabulary lacks; the first one has the number of its size. */
  readonly unknown?: readonly string[];
}

/** What leaves out merges, of a tokenizer that has any. */
export function drawnBy({ kind }: Tokenizer, draw: MergeDropout | undefined): MergeDropout | undefined {
  return kind === "bpe" ? draw : undefined;
}

/** Turns a source sentence into numbers. */
export function encodeSource(
  text: string,
  { source, target }: { readonly source: Tokenizer; readonly target: Tokenizer },
  { reverseSource, copy }: Seq2SeqConfig,
  draw?: MergeDropout,
): EncodedSource {
  if (copy && drawnBy(source, draw)?.dropout) {
    throw new RangeError(
      "Cannot leave out merges for a model that copies: it needs the same parts on both sides.",
    );
  }
  const words = inReadingOrder(source.tokens(text, drawnBy(source, draw)), { reverseSource });
  const ids = Uint32Array.from(source.numbers(words));
  return copy ? { ids, words, ...copiesOf(words, target) } : { ids, words };
}

/** What belongs to the words in the order in which they are read, from the order of the sentence; and the other way round. */
export function inReadingOrder<T>(
  list: Iterable<T>,
  { reverseSource }: Pick<Seq2SeqConfig, "reverseSource">,
): T[] {
  const row = [...list];
  return reverseSource && row.length > 0 ? [row[0]!, ...row.slice(1, -1).reverse(), row.at(-1)!] : row;
}

/** Turns a target sentence into numbers; words that the vocabulary lacks but the source has are those of the source. */
export function encodeTarget(
  text: string,
  target: Tokenizer,
  { unknown = [] }: EncodedSource,
  draw?: MergeDropout,
): Uint32Array {
  const tokens = target.tokens(text, drawnBy(target, draw));
  const ids = Uint32Array.from(target.numbers(tokens));
  if (unknown.length === 0) return ids;
  tokens.forEach((token, t) => {
    const copied = unknown.indexOf(token);
    if (ids[t] === UNK && copied >= 0) ids[t] = target.vocabulary.size + copied;
  });
  return ids;
}

/** The words of a source in the target's numbering. */
function copiesOf(
  words: readonly string[],
  { vocabulary }: Tokenizer,
): { readonly copies: Uint32Array; readonly unknown: readonly string[] } {
  const inner = words.slice(1, -1); // between <sos> and <eos>
  const unknown = [...new Set(inner.filter((word) => !vocabulary.has(word)))];
  const number = (word: string) =>
    vocabulary.has(word) ? vocabulary.id(word) : vocabulary.size + unknown.indexOf(word);
  return { copies: Uint32Array.of(SOS, ...inner.map(number), EOS), unknown };
}
