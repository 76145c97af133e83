// Records how words are chosen, step by step, wholly on the GPU: greedily, by beam search, or at random. The state follows
// the hypotheses, and what is finished waits for the host to read it once.

import { EOS, PAD, SOS, UNK } from "../data/vocabulary.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { DecoderState, WordByWord } from "../models/word_by_word.ts";
import { type BeamMemory, beamMemory, beamStep } from "../ops/beam_step.ts";
import { copyColumns } from "../ops/concatenate.ts";
import { extendHistory, forceWords, noRepeat } from "../ops/constraints.ts";
import { coveragePenalty } from "../ops/coverage_penalty.ts";
import { gatherRows } from "../ops/gather_rows.ts";
import { type Candidates, likeliestWords } from "../ops/likeliest_words.ts";
import { logNormalizer } from "../ops/log_normalizer.ts";
import { sampledWords } from "../ops/sampled_words.ts";

/** The shape of a search. */
export interface SearchShape {
  /** Words of the longest source. */
  readonly sourceLength: number;
  /** Sentences. */
  readonly sentences: number;
  /** Rows that each sentence gets: the hypotheses of its beam, or the samples that are drawn. */
  readonly copies: number;
  /** The most words of a translation. */
  readonly steps: number;
  /** Words of the longest forced prefix. */
  readonly prefix: number;
}

/** How words are chosen; what the numbers mean, {@linkcode TranslateOptions} says. */
export interface SearchRules {
  readonly lengthPenalty: number;
  readonly coveragePenalty: number;
  readonly minLength: number;
  /** 0 for none. */
  readonly noRepeatNgram: number;
  readonly avoidUnknown: boolean;
  /** Undefined for greedy decoding and beam search. */
  readonly sampling: {
    readonly temperature: number;
    readonly topK: number | undefined;
    readonly topP: number;
  } | undefined;
}

/** A recorded search. */
export interface Search {
  /** What it remembers. Samples are searches of beam 1, each by itself. */
  readonly memory: BeamMemory;
  /** [steps, rows, source steps]: where each hypothesis looked before its word was chosen. */
  readonly attention: Tensor | undefined;
  /** The number of kernels up to the end of each step: where the plan can be run in parts. */
  readonly ends: readonly number[];
}

/** The GNMT length penalty (Wu et al. 2016, equation 14): `((5 + length) / 6) ^ alpha`. */
export function lengthPenaltyOf(length: number, alpha: number): number {
  return ((5 + length) / 6) ** alpha;
}

/**
 * Records a search.
 *
 * The plan gets, besides the model's inputs, `first` [rows], all `<sos>`; `start` [rows], 0 for the hypotheses that the
 * search begins with, -1e30 for the others; `limits`, for each sentence (for each row in sampling) the most steps, 0 for
 * unused ones; with a prefix `forced` [prefix, sentences], each word plus 1 or 0; in sampling `draws` [rows, 3]: seed,
 * number of the sentence, number of its copy.
 *
 * @throws {RangeError} If there is a coverage penalty and the model has no attention.
 */
export function recordSearch(
  tape: Tape,
  decoder: WordByWord,
  shape: SearchShape,
  rules: SearchRules,
): Search {
  const recorder = new Recorder(tape, decoder, shape, rules);
  const ends = Array.from({ length: shape.steps }, (_, t) => recorder.step(t));
  return { memory: recorder.memory, attention: recorder.attention, ends };
}

/** What {@linkcode recordSearch} carries from step to step. */
class Recorder {
  readonly memory: BeamMemory;
  attention: Tensor | undefined;

  #words: Tensor;
  #state: DecoderState;
  #limits: Tensor;
  #forced: Tensor | undefined;
  /** [sentences]: nothing is forced. */
  #nothing: Tensor | undefined;
  #history: Tensor | undefined;
  #draws: Tensor | undefined;
  #penalties: Tensor;
  #coverage: Tensor | undefined;

  constructor(
    readonly tape: Tape,
    readonly decoder: WordByWord,
    readonly shape: SearchShape,
    readonly rules: SearchRules,
  ) {
    const { sentences, copies, steps, prefix } = shape;
    const { rows } = decoder;
    const sizes = rules.sampling ? { sentences: rows, beam: 1 } : { sentences, beam: copies };
    this.memory = beamMemory(tape, { ...sizes, steps });
    copyColumns(tape, tape.input("start", [rows], "f32"), this.memory.totals);
    this.#words = tape.input("first", [rows], "u32");
    this.#state = decoder.initial;
    this.#limits = tape.input("limits", [sizes.sentences], "u32");
    if (prefix > 0) this.#forced = tape.input("forced", [prefix, sentences], "u32");
    if (rules.noRepeatNgram > 0) this.#nothing = this.#zeros([sentences], "u32");
    if (rules.sampling) this.#draws = tape.input("draws", [rows, 3], "u32");
    this.#penalties = this.#zeros([rows]);
    if (rules.coveragePenalty > 0) this.#coverage = this.#zeros([rows, shape.sourceLength]);
  }

  /** Records step `t`; returns how many kernels there are by then. */
  step(t: number): number {
    const { tape, memory, rules } = this;
    const { logits, attention, state } = this.decoder.step(this.#words, this.#state, t);
    if (attention) this.#look(attention, t);
    else if (this.#coverage) {
      throw new RangeError("Cannot decode with a coverage penalty: the model has no attention.");
    }
    beamStep(tape, memory, this.#candidates(logits, t), {
      step: t,
      limits: this.#limits,
      penalties: this.#penalties,
      end: EOS,
      padding: PAD,
      lengthPenalty: lengthPenaltyOf(t + 1, rules.lengthPenalty),
    });
    const links = memory.links.at(t);
    this.#words = links.at(1);
    this.#state = state.map((tensor) => this.#reordered(tensor, links));
    if (this.#coverage) this.#coverage = this.#reordered(this.#coverage, links);
    if (rules.noRepeatNgram > 0) this.#history = extendHistory(tape, this.#history, links);
    return tape.dispatches.length;
  }

  /** The words that each hypothesis could go on with. */
  #candidates(logits: Tensor, t: number): Candidates {
    const { tape } = this;
    const { sampling, minLength, noRepeatNgram, avoidUnknown } = this.rules;
    const { totals, beam } = this.memory;
    const forced = this.#forced && t < this.shape.prefix ? this.#forced.at(t) : undefined;
    const constrained = forced !== undefined || (noRepeatNgram > 0 && t >= noRepeatNgram);
    // Probabilities are those of all words, so this comes before some are made impossible.
    const normalizers = constrained || sampling ? logNormalizer(tape, logits) : undefined;
    if (forced) forceWords(tape, logits, forced);
    if (this.#history) noRepeat(tape, logits, this.#history, forced ?? this.#nothing!, noRepeatNgram);
    const never = [PAD, SOS, ...(avoidUnknown ? [UNK] : []), ...(t + 1 < minLength ? [EOS] : [])];
    const banned = never.reduce((bits, word) => bits | 1 << word, 0);
    if (sampling) {
      const { temperature, topK: top, topP: nucleus } = sampling;
      const draws = this.#draws!;
      const options = {
        totals,
        normalizers: normalizers!,
        draws,
        step: t,
        temperature,
        top,
        nucleus,
        banned,
      };
      return sampledWords(tape, logits, options);
    }
    const count = beam === 1 ? 1 : Math.min(beam + 1, this.decoder.classes);
    return likeliestWords(tape, logits, { totals, count, banned, normalizers });
  }

  /** Keeps where the hypotheses have looked, and what they have left out so far. */
  #look(attention: Tensor, t: number): void {
    const { tape, rules, shape: { steps, sentences, sourceLength } } = this;
    this.attention ??= tape.kept([steps, ...attention.shape], "attention");
    copyColumns(tape, attention, this.attention.at(t));
    if (!this.#coverage) return;
    const { sums, penalties } = coveragePenalty(tape, {
      before: this.#coverage,
      attention: attention.reshape(this.decoder.rows, sourceLength),
      lengths: tape.sharedInput("source_lengths", [sentences], "u32"),
      weight: rules.coveragePenalty,
    });
    this.#coverage = sums;
    this.#penalties = penalties;
  }

  /** What belongs to each hypothesis after a step; a beam of 1 keeps its place. */
  #reordered(tensor: Tensor, links: Tensor): Tensor {
    return this.memory.beam === 1 ? tensor : gatherRows(this.tape, tensor, links.at(0));
  }

  #zeros(shape: readonly number[], type: "f32" | "u32" = "f32"): Tensor {
    const zeros = this.tape.tensor(shape, "zeros", type);
    this.tape.fill(zeros, 0);
    return zeros;
  }
}
