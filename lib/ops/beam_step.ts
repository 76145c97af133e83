// Layer 2: which hypotheses of a beam search go on, and which are finished. All that a search remembers is kept here, on
// the GPU.

import source from "../../kernels/beam_step.wgsl" with { type: "text" };
import { defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { oneARow, perProfile } from "./lanes.ts";
import type { Candidates } from "./likeliest_words.ts";

const forward = perProfile((LANES) =>
  defineKernel({
    name: "beam_step",
    source,
    entryPoint: "forward",
    bindings: {
      words: "read",
      scores: "read",
      limits: "read",
      penalties: "read",
      links: "write",
      totals: "read_write",
      counts: "read_write",
      finished: "read_write",
    },
    params: {
      sentences: "u32",
      beam: "u32",
      count: "u32",
      step: "u32",
      end: "u32",
      padding: "u32",
      inverse_penalty: "f32",
      links_offset: "u32",
    },
    overrides: { LANES },
    workgroups: ({ sentences }) => oneARow(sentences),
  })
);

/** Numbers of a finished hypothesis: bits of log-probability and score, step, the row it comes from, its last word. */
export const FINISHED_FIELDS = 5;

/** The sizes of a search. */
export interface BeamSizes {
  /** Sentences, each searched by itself. */
  readonly sentences: number;
  /** Hypotheses of each. */
  readonly beam: number;
  /** The most steps. */
  readonly steps: number;
}

/** What a search remembers, all of it kept. */
export interface BeamMemory extends BeamSizes {
  /** [steps, 2, sentences beam] integers: the row that each hypothesis comes from, and its word. */
  readonly links: Tensor;
  /** [sentences beam]: the log-probability of each hypothesis; -1e30 where there is none. */
  readonly totals: Tensor;
  /** [steps + 1, sentences] integers: how many hypotheses have finished before each step. */
  readonly counts: Tensor;
  /**
   * [sentences, 2 beam, {@linkcode FINISHED_FIELDS}] integers: the first `counts` of each sentence in the order in which they
   * finished; from place `beam` on those that were cut off at the sentence's last step, the likeliest first.
   */
  readonly finished: Tensor;
}

/** One step of the search. */
export interface BeamStepOptions {
  /** The number of the step, from 0. */
  readonly step: number;
  /** [sentences] integers: the most steps of each sentence; 0 of rows that none uses. */
  readonly limits: Tensor;
  /** [sentences beam]: what the score of a hypothesis that finishes has besides its log-probability. */
  readonly penalties: Tensor;
  /** The word that finishes a hypothesis. */
  readonly end: number;
  /** What is written as the next word of sentences that are over. */
  readonly padding: number;
  /** What the log-probability of a hypothesis that finishes now is divided by for its score. */
  readonly lengthPenalty: number;
}

/** Makes room for a search. Before the first step, `totals` is to be filled: 0 for what goes on, -1e30 for the rest. */
export function beamMemory(tape: Tape, sizes: BeamSizes): BeamMemory {
  const { sentences, beam, steps } = sizes;
  const memory = {
    ...sizes,
    links: tape.kept([steps, 2, sentences * beam], "links", "u32"),
    totals: tape.kept([sentences * beam], "totals"),
    counts: tape.kept([steps + 1, sentences], "finished hypotheses", "u32"),
    finished: tape.kept([sentences, 2 * beam, FINISHED_FIELDS], "finished", "u32"),
  };
  tape.fill(memory.counts.at(0), 0); // 0 has the same bits as a float
  return memory;
}

/**
 * Records a step: ranks the candidates of each sentence by score, then by hypothesis and by their place among its
 * candidates; finishes what ends among the first `beam`; goes on with the first `beam` others. A sentence is over when
 * `beam` hypotheses have finished, or after its last step.
 *
 * @param candidates [sentences beam, count], of each row the best first: at least beam + 1, as far as there are as many
 *   words; 1 if the beam is 1.
 */
export function beamStep(
  tape: Tape,
  memory: BeamMemory,
  candidates: Candidates,
  options: BeamStepOptions,
): void {
  const { sentences, beam, totals, counts, finished } = memory;
  const { step, limits, penalties, end, padding, lengthPenalty } = options;
  const { words, scores } = candidates;
  const links = memory.links.at(step);
  const params = { sentences, beam, count: words.columns, step, end, padding };
  tape.dispatch(
    forward[tape.device.profile],
    { words, scores, limits, penalties, links, totals, counts, finished },
    { ...params, inverse_penalty: 1 / lengthPenalty },
  );
}
