// What PyTorch computed for the models of the Seq2Seq family: written by tests/oracle/family_fixture.py.

import type { Batch } from "../../lib/data/batches.ts";
import { UNK } from "../../lib/data/vocabulary.ts";
import type { NamedArray } from "../../lib/gpu/parameters.ts";
import type { Seq2Seq, Seq2SeqOptions } from "../../lib/models/seq2seq.ts";
import { decodeSafetensors } from "../training/safetensors.ts";
import type { Hyperparameters } from "./one_batch.ts";

/** Word numbers, time-major, padded at the end. */
type Ids = readonly (readonly number[])[];

interface Sentences {
  readonly ids: Ids;
  readonly lengths: readonly number[];
}

/** Greedy translations of the source. */
export interface Greedy {
  /** `<eos>` ends a row. */
  readonly ids: Ids;
  /** [steps, batch, source steps]; null where there is no attention. */
  readonly attention: readonly (readonly (readonly number[])[])[] | null;
}

/** A model, and what PyTorch's does. */
export interface FamilyCase {
  readonly options: Seq2SeqOptions;
  readonly source_vocabulary: number;
  readonly target_vocabulary: number;
  readonly smoothing: number;
  readonly clip_norm: number;
  readonly loss_without_smoothing: number;
  readonly losses: readonly number[];
  readonly gradient_norms: readonly number[];
  readonly greedy: { readonly before: Greedy; readonly after: Greedy };
}

interface Family {
  readonly training: Omit<Hyperparameters, "clip_norm"> & { readonly steps: number };
  readonly maximum_length: number;
  readonly source: Sentences;
  readonly target: Sentences;
  /** The source in target numbering. */
  readonly copies: Ids;
  /** The target of models that copy. */
  readonly copied_target: Sentences;
  readonly cases: Readonly<Record<string, FamilyCase>>;
}

/** A batch, and for models that copy the source in target numbering. */
interface CopyBatch extends Batch {
  /** [sourceLength, rows] */
  readonly copies?: Uint32Array;
}

const folder = new URL("../fixtures/", import.meta.url);

/** Hyper-parameters, batch and cases. */
export const family: Family = JSON.parse(await Deno.readTextFile(new URL("family.json", folder)));

const { tensors } = decodeSafetensors(await Deno.readFile(new URL("family.safetensors", folder)));

/** A case's tensors whose names begin with a prefix, without it: none stands for the initial weights. */
export function familyTensors(name: string, prefix: "" | "grad." | "after."): Map<string, NamedArray> {
  const start = `${name}/${prefix}`;
  const chosen = [...tensors].filter(([key]) => {
    return key.startsWith(start) && (prefix !== "" || !/\/(grad|after)\./.test(key));
  });
  return new Map(chosen.map(([key, { shape, data }]) => {
    return [key.slice(start.length), { shape, data: data as Float32Array<ArrayBuffer> }];
  }));
}

/** The fixture's batch for a case's model, with `more` empty rows and padding after every sentence. */
export function familyBatch(model: Seq2Seq, { options }: FamilyCase, more = 0): CopyBatch {
  const copy = "copy" in options && options.copy === true;
  const source = encodedSource(model, options);
  const target = rowsOf(copy ? family.copied_target : family.target);
  const rows = source.length + more;
  const longest = (sentences: readonly (readonly number[])[]) =>
    Math.max(...sentences.map(({ length }) => length));
  const bucket = { sourceLength: longest(source) + more, targetLength: longest(target) + more, rows };
  const pad = (sentences: readonly (readonly number[])[], steps: number) => {
    return Uint32Array.from(
      { length: steps * rows },
      (_, i) => sentences[i % rows]?.[Math.floor(i / rows)] ?? 0,
    );
  };
  const lengths = (sentences: readonly (readonly number[])[]) => {
    return Uint32Array.from({ length: rows }, (_, row) => sentences[row]?.length ?? 0);
  };
  const { copies: ids, source: { lengths: sourceLengths } } = family;
  return {
    bucket,
    size: source.length,
    source: pad(source, bucket.sourceLength),
    sourceLengths: lengths(source),
    target: pad(target, bucket.targetLength),
    targetLengths: lengths(target),
    tokens: target.reduce((sum, { length }) => sum + length - 1, 0),
    indices: Uint32Array.from(source, (_, i) => i),
    ...(copy ? { copies: pad(rowsOf({ ids, lengths: sourceLengths }), bucket.sourceLength) } : {}),
  };
}

/** The source as a batch has it: where words are reversed, that is done on the way from text to batch. */
function encodedSource(model: Seq2Seq, options: Seq2SeqOptions): (readonly number[])[] {
  const rows = rowsOf(family.source);
  if (!("reverseSource" in options)) return rows;
  const word = (id: number) => id === UNK ? "unheard" : model.source.vocabulary.token(id);
  const texts = rows.map((row) => row.slice(1, -1).map(word).join(" "));
  return model.encode(texts.map((source) => ({ source, target: "" }))).map(({ source }) => [...source]);
}

/** The sentences one by one, without padding. */
function rowsOf({ ids, lengths }: Sentences): number[][] {
  return lengths.map((length, row) => ids.slice(0, length).map((step) => step[row]!));
}
