// Layer 2: the likeliest words of each row, with the score of the hypothesis that goes on with them: the
// candidates of a beam search.

import source from "../../kernels/likeliest_words.wgsl" with { type: "text" };
import logAdd from "../../kernels/log_add.wgsl" with { type: "text" };
import logSum from "../../kernels/log_sum.wgsl" with { type: "text" };
import { type Access, defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { oneARow, perProfile } from "./lanes.ts";

/** Words that hypotheses can go on with. */
export interface Candidates {
  /** [rows, count] integers: the words. */
  readonly words: Tensor;
  /** [rows, count]: for each the log-probability of the hypothesis with it; below -1e29 where it cannot be. */
  readonly scores: Tensor;
}

/** What {@linkcode likeliestWords} looks at. */
export interface LikeliestWordsOptions {
  /** [rows]: the log-probability of each row's hypothesis so far; -1e30 if there is none. */
  readonly totals: Tensor;
  /** How many words of each row, at most as many as there are. */
  readonly count: number;
  /** Words that cannot be, as bits: 1 << w for word w, of the first 32 words only. */
  readonly banned?: number;
  /**
   * [rows]: what makes the logits log-probabilities, of `logNormalizer`, if some have been made impossible since; else it
   * is computed here.
   */
  readonly normalizers?: Tensor | undefined;
}

const bindings = { logits: "read", totals: "read", words: "write", scores: "write" } as const;

/** Defines an entry point for each profile. */
function define<const B extends Record<string, Access>>(entryPoint: string, bindings: B) {
  return perProfile((LANES) =>
    defineKernel({
      name: "likeliest_words",
      source: logAdd + logSum + source,
      entryPoint,
      bindings,
      params: {
        rows: "u32",
        classes: "u32",
        count: "u32",
        banned: "u32",
        logits_offset: "u32",
        logits_stride: "u32",
      },
      overrides: { LANES },
      workgroups: ({ rows }) => oneARow(rows),
    })
  );
}

const forward = define("forward", bindings);
const forwardNormalized = define("forward_normalized", { ...bindings, normalizers: "read" });

/**
 * Records the `count` likeliest words of each row, the likeliest first, of equally likely ones the lower number first.
 * Probabilities are those of a softmax over all words, banned or not. Not differentiable.
 *
 * @param logits [rows, classes], possibly a view; those of -1e30 or less are of words that cannot be.
 * @throws {RangeError} If more words are asked for than there are.
 */
export function likeliestWords(tape: Tape, logits: Tensor, options: LikeliestWordsOptions): Candidates {
  const { totals, count, banned = 0, normalizers } = options;
  const { rows, columns: classes } = logits;
  if (!(count >= 1 && count <= classes)) {
    throw new RangeError(`Cannot take the ${count} likeliest words of "${logits.label}": it has ${classes}.`);
  }
  const words = tape.tensor([rows, count], "candidates", "u32");
  const scores = tape.tensor([rows, count], "scores of candidates");
  const params = { rows, classes, count, banned };
  const { profile } = tape.device;
  if (normalizers) {
    tape.dispatch(forwardNormalized[profile], { logits, totals, words, scores, normalizers }, params);
  } else {
    tape.dispatch(forward[profile], { logits, totals, words, scores }, params);
  }
  return { words, scores };
}
