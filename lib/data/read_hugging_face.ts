// Reading a tokenizer.json that this library wrote, or another that cuts text in the same way.

import { excerpt } from "../strict_json.ts";
import { BpeTokens, isReserved } from "./bpe_tokens.ts";
import { BYTE_TOKENS } from "./bytes.ts";
import { CharacterTokens } from "./character_tokens.ts";
import type { HuggingFaceTokenizer } from "./hugging_face.ts";
import type { Merge } from "./merges.ts";
import { everyChoice, type TextOptions } from "./normalization.ts";
import type { TokenizerKind } from "./tokenizer_kind.ts";
import { MOST_TOKENS, Vocabulary } from "./vocabulary.ts";
import { WordTokens } from "./word_tokens.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * Restores a tokenizer from a tokenizer.json.
 *
 * @param json The parsed JSON; it may come from anywhere.
 * @throws {TypeError} If it is malformed, or cuts text in a way that none of our tokenizers does.
 */
export function readHuggingFace(json: unknown): TokenizerKind {
  const file = fields("the file", json);
  const model = fields("its model", file["model"]);
  const vocabulary = readVocabulary(model["vocab"]);
  const create = reader(file, model, vocabulary);
  for (const treatment of everyChoice()) {
    const normalizer = create(EMPTY, treatment).toHuggingFace().normalizer;
    if (!same(normalizer, file["normalizer"])) continue;
    const kind = create(vocabulary, treatment);
    assertRestIsSame(file, kind.toHuggingFace());
    return kind;
  }
  throw fault("its normalizer is not one of those that this library writes");
}

const EMPTY = Vocabulary.from([]);

/** What makes a tokenizer of the kind in the file, for a vocabulary and what is done to the text first. */
function reader(
  file: Fields,
  model: Fields,
  vocabulary: Vocabulary,
): (vocabulary: Vocabulary, treatment: Required<TextOptions>) => TokenizerKind {
  if (model["type"] === "WordLevel") {
    const punctuation = file["decoder"] !== null;
    return (vocabulary, treatment) => new WordTokens(vocabulary, { ...treatment, punctuation });
  }
  if (model["type"] !== "BPE") {
    throw fault(`its model must be of type "WordLevel" or "BPE", got ${excerpt(model["type"])}`);
  }
  const byteFallback = model["byte_fallback"];
  if (typeof byteFallback !== "boolean") throw fault("byte_fallback must be true or false");
  const missing = byteFallback ? BYTE_TOKENS.find((token) => !vocabulary.has(token)) : undefined;
  if (missing !== undefined) throw fault(`byte_fallback needs the token ${missing}, which is absent`);
  const merges = readMerges(model["merges"], vocabulary);
  if (file["pre_tokenizer"] !== null) {
    return (vocabulary, treatment) => new BpeTokens(vocabulary, merges, { ...treatment, byteFallback });
  }
  if (merges.length > 0) throw fault("it has merges, but no pre_tokenizer to keep them within words");
  return (vocabulary, treatment) => new CharacterTokens(vocabulary, { ...treatment, byteFallback });
}

function readVocabulary(json: unknown): Vocabulary {
  const entries = Object.entries(fields("the vocab of its model", json));
  const tokens: string[] = [];
  for (const [token, id] of entries) {
    if (!Number.isInteger(id) || (id as number) < 0 || (id as number) >= entries.length) {
      throw fault(
        `the number of token ${excerpt(token)} must be from 0 to ${entries.length - 1}, ` +
          `got ${excerpt(id)}`,
      );
    }
    const other = tokens[id as number];
    if (other !== undefined) {
      throw fault(`tokens ${excerpt(other)} and ${excerpt(token)} have the same number ${id}`);
    }
    tokens[id as number] = token;
  }
  return Vocabulary.fromJSON(tokens);
}

function readMerges(json: unknown, vocabulary: Vocabulary): Merge[] {
  if (!Array.isArray(json)) throw fault("the merges of its model must be a list");
  if (json.length > MOST_TOKENS) { // each one that is learned makes a token
    throw fault(`it has ${json.length} merges, and at most ${MOST_TOKENS} are read`);
  }
  const seen = new Set<string>();
  return json.map((entry: unknown, index) => {
    const pair = typeof entry === "string" ? entry.split(" ") : entry;
    if (!Array.isArray(pair) || pair.length !== 2 || !pair.every((token) => typeof token === "string")) {
      throw fault(`merge ${index} must be two tokens, got ${excerpt(entry)}`);
    }
    const [left, right] = pair as [string, string];
    for (const token of [left, right, left + right]) {
      if (!vocabulary.has(token)) {
        throw fault(`merge ${index} refers to the token ${excerpt(token)}, which is absent`);
      }
      if (isReserved(token)) throw fault(`merge ${index} must not take part in the token ${token}`);
    }
    const key = JSON.stringify(pair);
    if (seen.has(key)) throw fault(`merge ${index}, ${excerpt(pair)}, is there twice`);
    seen.add(key);
    return [left, right];
  });
}

/** What is not read in detail must be what would be written: anything else would cut text differently. */
function assertRestIsSame(file: Fields, written: HuggingFaceTokenizer): void {
  const { model: writtenModel, ...writtenRest } = written;
  const { model, ...rest } = file;
  for (const name of new Set([...Object.keys(rest), ...Object.keys(writtenRest)])) {
    if (!same(rest[name], (writtenRest as Fields)[name])) {
      throw fault(`its ${excerpt(name)} is not one of those that this library writes`);
    }
  }
  const large = { vocab: null, merges: null };
  if (!same({ ...(model as Fields), ...large }, { ...writtenModel, ...large })) {
    throw fault("its model has settings that this library does not write");
  }
}

function same(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && same((a as Fields)[key], (b as Fields)[key]));
}

function fields(what: string, json: unknown): Fields {
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as Fields;
  throw fault(`${what} must be an object, got ${Array.isArray(json) ? "a list" : excerpt(json)}`);
}

function fault(problem: string): TypeError {
  return new TypeError(`Cannot read a tokenizer.json: ${problem}`);
}
