// Layer 2: what hypotheses may not go on with: words other than a forced one, and words that repeat an n-gram.

import source from "../../kernels/constraints.wgsl" with { type: "text" };
import { type Access, defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import { Tensor } from "../gpu/tensor.ts";
import { oneARow, perProfile } from "./lanes.ts";

/** Defines an entry point for each profile. */
function define<const B extends Record<string, Access>>(entryPoint: string, bindings: B) {
  return perProfile((LANES) =>
    defineKernel({
      name: "constraints",
      source,
      entryPoint,
      bindings,
      params: {
        rows: "u32",
        classes: "u32",
        copies: "u32",
        size: "u32",
        length: "u32",
        forced_offset: "u32",
        links_offset: "u32",
        logits_offset: "u32",
        logits_stride: "u32",
      },
      overrides: { LANES },
      workgroups: ({ rows }) => oneARow(rows),
    })
  );
}

const force = define("force", { forced: "read", logits: "read_write" });
const repeat = define("no_repeat", { forced: "read", logits: "read_write", history: "read" });
const extend = define("extend", { history_saved: "read", links: "read", extended: "write" });

/**
 * Records making all words impossible but a forced one, where there is one: their logits become -1e30.
 *
 * @param logits [rows, classes]; overwritten. Neighbouring rows belong to one sentence.
 * @param forced [sentences] integers: the word plus 1, or 0 where none is forced.
 */
export function forceWords(tape: Tape, logits: Tensor, forced: Tensor): void {
  const { rows, columns: classes } = logits;
  const params = { rows, classes, copies: rows / forced.size, size: 0, length: 0 };
  tape.dispatch(force[tape.device.profile], { forced, logits }, params);
}

/**
 * Records making those words impossible with which the last `size` words of a hypothesis would stand there twice. Where a
 * word is forced, nothing changes.
 *
 * @param logits [rows, classes]; overwritten.
 * @param history [rows, words so far] integers, of {@linkcode extendHistory}.
 * @param forced As for {@linkcode forceWords}.
 */
export function noRepeat(tape: Tape, logits: Tensor, history: Tensor, forced: Tensor, size: number): void {
  const { rows, columns: classes } = logits;
  const { columns: length } = history;
  if (length < size) return;
  const params = { rows, classes, copies: rows / forced.size, size, length };
  tape.dispatch(repeat[tape.device.profile], { forced, logits, history }, params);
}

/**
 * Records the words of each hypothesis after a step.
 *
 * @param history [rows, words so far] integers; undefined before the first word.
 * @param links [2, rows] integers: the row that each hypothesis comes from, and its word.
 * @returns [rows, words so far + 1]
 */
export function extendHistory(tape: Tape, history: Tensor | undefined, links: Tensor): Tensor {
  const [, rows] = links.shape as [number, number];
  const length = history?.columns ?? 0;
  const extended = tape.tensor([rows, length + 1], "history", "u32");
  const params = { rows, classes: 0, copies: 1, size: 0, length };
  // Of a history of no words nothing is read.
  const history_saved = history ?? new Tensor(links.storage, [0]);
  tape.dispatch(extend[tape.device.profile], { history_saved, links, extended }, params);
  return extended;
}
