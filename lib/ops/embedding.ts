// Layer 2: looking up rows of a table. The gradient gathers instead of scattering, so no two invocations add to one
// number: where each id stands the host sends along, or, if a kernel wrote the ids, the gradient's kernel looks for it.

import source from "../../kernels/embedding.wgsl" with { type: "text" };
import { type Access, defineKernel } from "../gpu/kernel.ts";
import type { Tape } from "../gpu/tape.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { oneARow, perProfile } from "./lanes.ts";
import { byPart, partOf } from "./parts.ts";

const params = {
  tokens: "u32",
  vocabulary: "u32",
  width: "u32",
  unknown: "u32",
  ids_offset: "u32",
  y_offset: "u32",
  accumulate_dweight: "u32",
} as const;

const define = <const B extends Record<string, Access>>(
  entryPoint: string,
  bindings: B,
  rows: "tokens" | "vocabulary",
) =>
  byPart(source, (source) =>
    perProfile((LANES) =>
      defineKernel({
        ...{ name: "embedding", source, entryPoint, bindings, params, overrides: { LANES } },
        workgroups: (sizes) => oneARow(sizes[rows]),
      })
    ));

const forward = define("forward", { weight: "read", ids: "read", y: "write" }, "tokens");
const backward = define("backward", { inverse: "read", dy: "read", dweight: "accumulate" }, "vocabulary");
const backwardOfIds = define(
  "backward_of_ids",
  { ids_saved: "read", dy: "read", dweight: "read_write" },
  "tokens",
);

/** How {@linkcode embedding} treats its ids. */
export interface EmbeddingOptions {
  /** The id that ids past the table's end count as, such as that of `<unk>`; the last one by default. */
  readonly unknown?: number;
}

/**
 * Records `y[..., :] = weight[ids[...], :]`.
 *
 * In training, the gradient of ids that are an input of the tape, whole, takes time in proportion to their number. That
 * of other ids, which a kernel wrote or which are a view, compares each id with each, so it is for the few of one step.
 *
 * @param weight [vocabulary, width]
 * @param ids Integers of any shape.
 * @returns [...ids' shape, width]
 * @throws {RangeError} If the table has no row `unknown`.
 */
export function embedding(tape: Tape, weight: Tensor, ids: Tensor, options: EmbeddingOptions = {}): Tensor {
  const [vocabulary, width] = weight.shape as [number, number];
  const { unknown = vocabulary - 1 } = options;
  if (!(unknown < vocabulary)) {
    throw new RangeError(
      `Cannot read row ${unknown} of "${weight.label}" for unknown ids: it has ${vocabulary}.`,
    );
  }
  const y = tape.tensor([...ids.shape, width], `embedding(${ids.label})`);
  const { profile } = tape.device;
  const sizes = { tokens: ids.size, vocabulary, width, unknown };
  tape.dispatch(forward[partOf(weight, y)][profile], { weight, ids, y }, sizes);
  const frozen = weight.storage.kind === "bound" && !weight.storage.gradient;
  if (frozen) return y;
  if (tape.training && ids.storage.kind === "input" && ids.size === ids.storage.size) {
    const derive = (from: Uint32Array, to: Uint32Array) => invertIds(from, to, vocabulary, unknown);
    const inverse = tape.derivedInput(ids, vocabulary + 1 + ids.size, `positions of ${ids.label}`, derive);
    tape.onBackward(() => {
      const bindings = { inverse, dy: y.grad, dweight: weight.grad };
      tape.dispatch(backward[partOf(y.grad, weight.grad)][profile], bindings, sizes);
    });
  } else {
    tape.onBackward(() => {
      tape.require(weight.grad); // the kernel touches no row that has no id
      const bindings = { ids_saved: ids, dy: y.grad, dweight: weight.grad };
      tape.dispatch(backwardOfIds[partOf(y.grad, weight.grad)][profile], bindings, sizes);
    });
  }
  return y;
}

/**
 * Sorts positions by id, keeping their order: `vocabulary + 1` offsets, then the positions. Ids past the vocabulary
 * count as `unknown`.
 */
export function invertIds(
  ids: Uint32Array,
  inverse: Uint32Array,
  vocabulary: number,
  unknown: number = vocabulary - 1,
): void {
  const row = (id: number) => id < vocabulary ? id : unknown;
  const offsets = inverse.subarray(0, vocabulary + 1).fill(0);
  const positions = inverse.subarray(vocabulary + 1);
  for (const id of ids) offsets[row(id)]!++;
  // Each offset first says where its id's positions end; filled in backwards, they leave it where they begin.
  let end = 0;
  for (let v = 0; v <= vocabulary; v++) offsets[v] = end += offsets[v]!;
  for (let position = ids.length - 1; position >= 0; position--) {
    positions[--offsets[row(ids[position]!)]!] = position;
  }
}
