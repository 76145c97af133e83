// What a search on the GPU has found, as the host reads it: hypotheses, followed back from their last word.

import { FINISHED_FIELDS } from "../ops/beam_step.ts";

/** A translation in numbers. */
export interface Hypothesis {
  /** The words; `<eos>` is the last unless the limit came first. */
  readonly ids: readonly number[];
  /** For each word where the model looked before it chose it, [source steps], padding included; empty without attention. */
  readonly attention: readonly Float32Array[];
  /** The logarithm of the probability of all words, given the source. */
  readonly logProbability: number;
  /** What hypotheses are ranked by: the log-probability over the length penalty, plus the coverage penalty. */
  readonly normalized: number;
}

/** A search that has been read. */
export interface FoundHypotheses {
  /** Hypotheses of a sentence. */
  readonly beam: number;
  /** Rows: sentences times beam. */
  readonly rows: number;
  /** [steps, 2, rows] */
  readonly links: Uint32Array;
  /** [sentences]: how many have finished. */
  readonly counts: Uint32Array;
  /** [sentences, 2 beam, {@linkcode FINISHED_FIELDS}] */
  readonly finished: Uint32Array;
  /** [steps, rows, source steps] */
  readonly attention: Float32Array | undefined;
  /** Steps of the longest source. */
  readonly sourceLength: number;
}

/** Scores of hypotheses that cannot be are below. */
const POSSIBLE = -1e29;

/**
 * The hypotheses of some searches of one sentence, best first: those that have finished by their score, equal ones in the
 * order in which they finished; behind them those that were cut off at the limit of a search in which not all have finished.
 */
export function hypothesesOf(found: FoundHypotheses, searches: readonly number[]): Hypothesis[] {
  const { beam, counts } = found;
  const take = (search: number, start: number, count: number) =>
    Array.from({ length: count }, (_, place) => follow(found, 2 * beam * search + start + place));
  const finished = searches.flatMap((search) => take(search, 0, counts[search]!));
  const cut = searches.flatMap((search) => counts[search] === beam ? [] : take(search, beam, beam));
  const best = (hypotheses: readonly Hypothesis[]) =>
    hypotheses.toSorted((a, b) => b.normalized - a.normalized);
  return [...best(finished), ...best(cut.filter(({ logProbability }) => logProbability > POSSIBLE))];
}

/** The hypothesis in one of the places of `finished`. */
function follow(found: FoundHypotheses, place: number): Hypothesis {
  const { finished, links, attention, rows, sourceLength } = found;
  const start = place * FINISHED_FIELDS;
  const [, , step, parent, last] = finished.subarray(start, start + FINISHED_FIELDS);
  const scores = new Float32Array(finished.buffer, finished.byteOffset + 4 * start, 2);
  const ids = [last!];
  const weights: Float32Array[] = [];
  let row = parent!;
  for (let t = step!; t >= 0; t--) {
    const look = (t * rows + row) * sourceLength;
    if (attention) weights.unshift(attention.subarray(look, look + sourceLength));
    if (t === 0) break;
    ids.unshift(links[(2 * t - 1) * rows + row]!);
    row = links[(2 * t - 2) * rows + row]!;
  }
  return { ids, attention: weights, logProbability: scores[0]!, normalized: scores[1]! };
}
