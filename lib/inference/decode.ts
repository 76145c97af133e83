// Decodes one batch of encoded sentences. The plan goes through all steps that there could be; it runs in parts, and
// between them the host looks whether all sentences are over.

import { SOS } from "../data/vocabulary.ts";
import type { Plan } from "../gpu/plan.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { ensemble } from "../models/ensemble.ts";
import type { DecodingShape, WordByWord } from "../models/word_by_word.ts";
import type { Mean } from "../ops/mixture.ts";
import { type FoundHypotheses, hypothesesOf, type Hypothesis } from "./hypotheses.ts";
import { pad, Plans, shapeFor, type UsedModel } from "./plans_by_shape.ts";
import { recordSearch, type Search, type SearchRules } from "./search.ts";

/** A model that can decode. */
export interface DecodedModel extends UsedModel {
  /**
   * Records the encoding of a batch. The plan gets the inputs `source` [sourceLength, sentences], `source_lengths`
   * [sentences] and, of a model that copies, `copies` [sourceLength, sentences], all of them shared between models.
   */
  wordByWord(tape: Tape, shape: DecodingShape): WordByWord;
}

/** A sentence to decode. */
export interface EncodedSentence {
  /** The source words, in the order in which they are read. */
  readonly ids: Uint32Array;
  /** For models that copy: the same words in the target's numbering. */
  readonly copies?: Uint32Array;
  /** The most words of its translation; 0 if it needs none. */
  readonly limit: number;
  /** The words that the translation begins with. */
  readonly prefix: readonly number[];
  /** What its random numbers depend on, besides the seed. */
  readonly number: number;
}

/** How to decode. */
export interface Decoding extends SearchRules {
  /** Hypotheses of a beam, or samples, of each sentence. */
  readonly copies: number;
  /** Of the samples. */
  readonly seed: number;
  /** The mean that several models take. */
  readonly mean: Mean;
  /** The most words of the translation of a source of this length. */
  readonly limitOf: (sourceLength: number) => number;
}

/** A search and how many steps of it to take between two looks. */
interface PacedSearch {
  readonly search: Search;
  /** Follows from the time of the steps before. */
  stepsALook: number;
}

/** Steps before the first look. */
const FIRST_STEPS = 8;
/** The fewest and the most steps between two looks. */
const [FEWEST_STEPS, MOST_STEPS] = [4, 256];
/** Milliseconds of work to aim at between two looks, which take about ten: timers and signals wait as long. */
const MILLISECONDS_A_LOOK = 60;
/** The most bytes to read at a look: if they hold all that has been found, and all is over, no other wait is needed. */
const LOOK_BYTES = 2 ** 20;

const plans = new Plans<PacedSearch>();

/**
 * Decodes some sentences together.
 *
 * @param models One, or several that decode as one.
 * @returns For each sentence its hypotheses, best first; none if the constraints leave none.
 */
export async function decode(
  models: readonly DecodedModel[],
  sentences: readonly EncodedSentence[],
  decoding: Decoding,
): Promise<Hypothesis[][]> {
  const { length: sourceLength, rows } = shapeFor(sentences.map(({ ids }) => ids.length));
  const { copies, limitOf, seed: _, mean, ...rules } = decoding;
  const steps = limitOf(sourceLength);
  const prefix = Math.max(...sentences.map(({ prefix }) => prefix.length));
  const shape = { sourceLength, sentences: rows, copies, steps, prefix };
  const set = plans.of(models);
  const record = (tape: Tape): PacedSearch => {
    const decoder = ensemble(tape, models.map((model) => model.wordByWord(tape, shape)), mean);
    return { search: recordSearch(tape, decoder, shape, rules), stepsALook: FIRST_STEPS };
  };
  return await set.use(JSON.stringify([shape, rules, mean]), record, async ({ plan, output }) => {
    const found = await run(plan, output, inputsOf(sentences, decoding, shape), sourceLength);
    return sentences.map((_, sentence) => found ? hypothesesOf(found, searchesOf(sentence, decoding)) : []);
  });
}

/** Runs a plan until all sentences are over; returns what has been found, or nothing if no sentence needs a word. */
async function run(
  plan: Plan,
  paced: PacedSearch,
  inputs: ReturnType<typeof inputsOf>,
  sourceLength: number,
): Promise<FoundHypotheses | undefined> {
  const { memory: { counts, links, finished, beam, sentences }, attention, ends } = paced.search;
  const { limits } = inputs;
  const most = Math.max(...limits);
  for (let done = 0; done < most;) {
    const start = performance.now();
    const next = Math.min(most, done + paced.stepsALook);
    if (done === 0) plan.run(inputs, ends[next - 1]!);
    else plan.runPart(ends[done - 1]!, ends[next - 1]!);
    const steps = next - done;
    done = next;
    const all = [
      counts.at(done),
      links.slice(0, done),
      finished,
      ...attention ? [attention.slice(0, done)] : [],
    ];
    const looked = done === most || bytesOf(all) <= LOOK_BYTES ? all : all.slice(0, 1);
    let arrays = await plan.read(...looked);
    if (done < most) {
      const pace = steps * MILLISECONDS_A_LOOK / (performance.now() - start);
      paced.stepsALook = Math.min(MOST_STEPS, Math.max(FEWEST_STEPS, Math.round(pace)));
      if (!limits.every((limit, sentence) => done >= limit || arrays[0]![sentence] === beam)) continue;
      if (looked.length < all.length) arrays = await plan.read(...all);
    }
    const [count, link, places, weights] = arrays as [Uint32Array, Uint32Array, Uint32Array, Float32Array?];
    const rows = sentences * beam;
    return { beam, rows, counts: count, links: link, finished: places, attention: weights, sourceLength };
  }
  return undefined;
}

function bytesOf(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, { size }) => sum + 4 * size, 0);
}

/** The searches for a sentence: one, or one for each sample. */
function searchesOf(sentence: number, { sampling, copies }: Decoding): number[] {
  return sampling ? Array.from({ length: copies }, (_, copy) => sentence * copies + copy) : [sentence];
}

/** The inputs of a plan for some sentences; rows that none uses are over from the start. */
function inputsOf(
  sentences: readonly EncodedSentence[],
  { copies, sampling, seed }: Decoding,
  shape: { sourceLength: number; sentences: number; prefix: number },
) {
  const text = { length: shape.sourceLength, rows: shape.sentences };
  const { words: source, lengths } = pad(sentences.map(({ ids }) => ids), text);
  const rows = shape.sentences * copies;
  const integers = (size: number, value: (index: number) => number) =>
    Uint32Array.from({ length: size }, (_, index) => value(index));
  const of = (row: number) => sentences[Math.floor(row / copies)];
  return {
    source,
    source_lengths: lengths,
    ...(sentences[0]!.copies && { copies: pad(sentences.map(({ copies }) => copies!), text).words }),
    first: new Uint32Array(rows).fill(SOS),
    start: Float32Array.from({ length: rows }, (_, row) => sampling || row % copies === 0 ? 0 : -1e30),
    limits: sampling
      ? integers(rows, (row) => of(row)?.limit ?? 0)
      : integers(shape.sentences, (sentence) => sentences[sentence]?.limit ?? 0),
    ...(shape.prefix > 0 && {
      forced: integers(shape.prefix * shape.sentences, (index) => {
        const [t, sentence] = [Math.floor(index / shape.sentences), index % shape.sentences];
        return (sentences[sentence]?.prefix[t] ?? -1) + 1;
      }),
    }),
    ...(sampling && {
      draws: integers(3 * rows, (index) => {
        const row = Math.floor(index / 3);
        return [seed, of(row)?.number ?? 0, row % copies][index % 3]!;
      }),
    }),
  };
}
