// Layer 2: looking up rows of a table. The gradient gathers instead of scattering: the host, which knows the
// ids, sends along where each of them stands, so no two invocations add to one number.

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

/**
 * Records `y[..., :] = weight[ids[...], :]`. An id past the table's end reads its last row.
 *
 * @param weight [vocabulary, width]
 * @param ids Integers of any shape. In training they must be an input of the tape, whole.
 * @returns [...ids' shape, width]
 * @throws {TypeError} If a gradient is wanted and the ids do not come from the host.
 */
export function embedding(tape: Tape, weight: Tensor, ids: Tensor): Tensor {
  const [vocabulary, width] = weight.shape as [number, number];
  const y = tape.tensor([...ids.shape, width], `embedding(${ids.label})`);
  const { profile } = tape.device;
  const sizes = { tokens: ids.size, vocabulary, width };
  tape.dispatch(forward[partOf(weight, y)][profile], { weight, ids, y }, sizes);
  if (tape.training) {
    if (ids.storage.kind !== "input" || ids.size !== ids.storage.size) {
      throw new TypeError(
        `Cannot record the gradient of embedding "${ids.label}": the ids must be a whole input.`,
      );
    }
    const derive = (from: Uint32Array, to: Uint32Array) => invertIds(from, to, vocabulary);
    const inverse = tape.derivedInput(ids, vocabulary + 1 + ids.size, `positions of ${ids.label}`, derive);
    tape.onBackward(() => {
      const bindings = { inverse, dy: y.grad, dweight: weight.grad };
      tape.dispatch(backward[partOf(y.grad, weight.grad)][profile], bindings, sizes);
    });
  }
  return y;
}

/** Sorts positions by id, keeping their order: `vocabulary + 1` offsets, then the positions. */
export function invertIds(ids: Uint32Array, inverse: Uint32Array, vocabulary: number): void {
  const offsets = inverse.subarray(0, vocabulary + 1).fill(0);
  const positions = inverse.subarray(vocabulary + 1);
  for (const id of ids) offsets[Math.min(id, vocabulary - 1)]!++;
  // Each offset first says where its id's positions end; filled in backwards, they leave it where they begin.
  let end = 0;
  for (let v = 0; v <= vocabulary; v++) offsets[v] = end += offsets[v]!;
  for (let position = ids.length - 1; position >= 0; position--) {
    positions[--offsets[Math.min(ids[position]!, vocabulary - 1)]!] = position;
  }
}
