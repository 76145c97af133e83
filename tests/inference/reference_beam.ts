// Beam search in plain loops and 64 bits, as docs/decoding.md has it: what the search on the GPU is compared with, word for
// word.

/** What a step makes of a hypothesis. */
export interface ReferenceStep<State> {
  readonly logits: readonly number[];
  readonly attention: readonly number[];
  readonly state: State;
}

/** A model that reads one sentence. */
export interface ReferenceModel<State> {
  readonly initial: State;
  step(word: number, state: State, t: number): ReferenceStep<State>;
}

/** The rules of a search; see `TranslateOptions`. */
export interface ReferenceRules {
  readonly beam: number;
  readonly limit: number;
  readonly minLength?: number;
  readonly lengthPenalty?: number;
  readonly coveragePenalty?: number;
  readonly noRepeatNgram?: number;
  readonly prefix?: readonly number[];
  /** Words that are never chosen. */
  readonly never?: readonly number[];
  readonly start?: number;
  readonly end?: number;
}

/** A translation. */
export interface ReferenceHypothesis {
  readonly ids: readonly number[];
  readonly attention: readonly (readonly number[])[];
  readonly logProbability: number;
  readonly normalized: number;
}

interface Live<State> {
  readonly ids: readonly number[];
  readonly attention: readonly (readonly number[])[];
  readonly logProbability: number;
  readonly state: State;
}

/** The hypotheses that a beam search finds, best first. */
export function referenceBeam<State>(
  model: ReferenceModel<State>,
  rules: ReferenceRules,
): ReferenceHypothesis[] {
  const { beam, limit, start = 2, end = 3 } = rules;
  let live: Live<State>[] = [{ ids: [], attention: [], logProbability: 0, state: model.initial }];
  const finished: ReferenceHypothesis[] = [];
  for (let t = 0; t < limit && finished.length < beam; t++) {
    const candidates = live.flatMap((hypothesis, index) => {
      const step = model.step(hypothesis.ids.at(-1) ?? start, hypothesis.state, t);
      const normalizer = Math.log(step.logits.reduce((sum, x) => sum + Math.exp(x), 0));
      return step.logits.flatMap((logit, word) => {
        if (!allowed(hypothesis.ids, word, rules, end)) return [];
        const next = {
          ids: [...hypothesis.ids, word],
          attention: [...hypothesis.attention, step.attention],
          logProbability: hypothesis.logProbability + logit - normalizer,
          state: step.state,
        };
        return [{ next, index, word }];
      });
    });
    candidates.sort((a, b) =>
      b.next.logProbability - a.next.logProbability || a.index - b.index || a.word - b.word
    );
    for (const { next, word } of candidates.slice(0, beam)) {
      if (word === end && finished.length < beam) finished.push(scored(next, rules));
    }
    live = candidates.filter(({ word }) => word !== end).slice(0, beam).map(({ next }) => next);
  }
  const cut = finished.length === beam ? [] : live.map((hypothesis) => scored(hypothesis, rules));
  const best = (list: ReferenceHypothesis[]) => list.toSorted((a, b) => b.normalized - a.normalized);
  return [...best(finished), ...best(cut)];
}

function allowed(ids: readonly number[], word: number, rules: ReferenceRules, end: number): boolean {
  const { prefix = [], never = [0, 2], minLength = 0, noRepeatNgram: size = 0 } = rules;
  const t = ids.length;
  if (t < prefix.length) return word === prefix[t];
  if (never.includes(word) || (word === end && t + 1 < minLength)) return false;
  if (size === 0) return true;
  const after = [...ids, word];
  const last = after.slice(-size).join();
  for (let i = 0; i + size <= t; i++) if (ids.slice(i, i + size).join() === last) return false;
  return true;
}

function scored<State>(
  { ids, attention, logProbability }: Live<State>,
  rules: ReferenceRules,
): ReferenceHypothesis {
  const { lengthPenalty = 0, coveragePenalty = 0 } = rules;
  const looked = attention[0]!.map((_, s) => attention.reduce((sum, row) => sum + row[s]!, 0));
  const coverage = looked.reduce((sum, x) => sum + Math.log(Math.min(Math.max(x, 1e-10), 1)), 0);
  const normalized = logProbability / ((5 + ids.length) / 6) ** lengthPenalty + coveragePenalty * coverage;
  return { ids, attention, logProbability, normalized };
}
