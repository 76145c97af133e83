// The tokenizer.json of Hugging Face's libraries: what all kinds of tokenizers write into it alike.

import type { Merge } from "./merges.ts";
import type { HuggingFaceStep } from "./normalization.ts";
import { EOS, SOS, SPECIALS, type Vocabulary } from "./vocabulary.ts";

/** The model of a tokenizer.json: how a piece of text becomes tokens, and the tokens' numbers. */
export interface HuggingFaceModel extends HuggingFaceStep {
  /** The number of each token. */
  readonly vocab: Readonly<Record<string, number>>;
  /** The merges of byte pair encoding in order. */
  readonly merges?: readonly Merge[];
}

/** A tokenizer.json, as plain data. */
export interface HuggingFaceTokenizer {
  /** The format's version. */
  readonly version: "1.0";
  /** Long texts are not cut. */
  readonly truncation: null;
  /** Short texts are not filled up. */
  readonly padding: null;
  /** The special tokens. */
  readonly added_tokens: readonly HuggingFaceStep[];
  /** What is done to the text first. */
  readonly normalizer: HuggingFaceStep | null;
  /** Where the text is cut. */
  readonly pre_tokenizer: HuggingFaceStep | null;
  /** How the pieces become tokens. */
  readonly model: HuggingFaceModel;
  /** `<sos>` before and `<eos>` after. */
  readonly post_processor: HuggingFaceStep;
  /** How tokens become text. */
  readonly decoder: HuggingFaceStep | null;
}

/** The parts that differ between the kinds. */
export interface HuggingFaceParts {
  readonly normalizers: readonly HuggingFaceStep[];
  readonly preTokenizer: HuggingFaceStep | null;
  readonly model: HuggingFaceStep;
  readonly merges?: readonly Merge[];
  readonly decoder: HuggingFaceStep | null;
}

/**
 * The `tokenizer_config.json` that goes with every `tokenizer.json` of this library: which tokens are special, and
 * that decoded text is left as it is.
 *
 * @example
 * ```ts
 * import { Tokenizer as HuggingFaceTokenizer } from "npm:@huggingface/tokenizers@0.2.0";
 * import { HUGGING_FACE_CONFIG } from "./hugging_face.ts";
 * import { Tokenizer } from "./tokenizer.ts";
 *
 * const ours = Tokenizer.bpe(["the cat", "the hat"], { merges: 5 });
 * const theirs = new HuggingFaceTokenizer(ours.toHuggingFace(), HUGGING_FACE_CONFIG);
 * console.assert(theirs.encode("the hat").ids.join() === ours.encode("the hat").join());
 * ```
 */
export const HUGGING_FACE_CONFIG: Readonly<Record<string, string | boolean>> = {
  tokenizer_class: "PreTrainedTokenizerFast",
  pad_token: "<pad>",
  unk_token: "<unk>",
  bos_token: "<sos>",
  eos_token: "<eos>",
  clean_up_tokenization_spaces: false,
};

/** Puts a tokenizer.json together. Its fields are those that the libraries write themselves, defaults included. */
export function huggingFaceTokenizer(vocabulary: Vocabulary, parts: HuggingFaceParts): HuggingFaceTokenizer {
  const { normalizers, preTokenizer, model, merges, decoder } = parts;
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: SPECIALS.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: normalizers.length > 0 ? { type: "Sequence", normalizers } : null,
    pre_tokenizer: preTokenizer,
    post_processor: sentenceTemplate(),
    decoder,
    model: {
      ...model,
      // Unlike an assignment, this makes a token of "__proto__" like any other.
      vocab: Object.fromEntries(vocabulary.tokens.map((token, id) => [token, id])),
      ...(merges ? { merges } : {}),
    },
  };
}

/** The model of byte pair encoding, which without merges is one of characters. */
export function bpeModel(byteFallback: boolean): HuggingFaceStep {
  return {
    type: "BPE",
    dropout: null,
    unk_token: "<unk>",
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: byteFallback,
    ignore_merges: false,
  };
}

function sentenceTemplate(): HuggingFaceStep {
  const special = (id: number, sequence: number) => ({
    SpecialToken: { id: SPECIALS[id]!, type_id: sequence },
  });
  const sentence = (sequence: number) => [
    special(SOS, sequence),
    { Sequence: { id: "AB"[sequence], type_id: sequence } },
    special(EOS, sequence),
  ];
  return {
    type: "TemplateProcessing",
    single: sentence(0),
    pair: [...sentence(0), ...sentence(1)],
    special_tokens: Object.fromEntries(
      [EOS, SOS].map((id) => [SPECIALS[id]!, { id: SPECIALS[id]!, ids: [id], tokens: [SPECIALS[id]!] }]),
    ),
  };
}
