// Draws a part of a corpus, the same one for the same seed.

import { Random } from "../random.ts";

/** How `sample` draws. */
export interface SampleOptions {
  /** Settles which elements are drawn, and in which order. */
  readonly seed: number;
  /** Whether an element may be drawn more than once; false when omitted. */
  readonly replacement?: boolean;
}

/**
 * Draws elements at random, usually sentence pairs.
 *
 * @param pairs What to draw from; it stays as it is.
 * @param count How many to draw.
 * @param options The seed, and whether to draw with replacement.
 * @returns The elements drawn, in the order in which they were drawn.
 * @throws {RangeError} If there are not that many.
 *
 * @example
 * ```ts
 * import { sample } from "./sample.ts";
 *
 * const drawn = sample(["a", "b", "c", "d"], 2, { seed: 1 });
 * console.assert(drawn.length === 2 && drawn[0] !== drawn[1]);
 * ```
 */
export function sample<T>(pairs: readonly T[], count: number, options: SampleOptions): T[] {
  const { seed, replacement = false } = options;
  const size = pairs.length;
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new RangeError(`Cannot draw a sample: the count must be a whole number from 0, got ${count}`);
  }
  if (count > size && (!replacement || size === 0)) {
    const remedy = size === 0 ? "" : `; ask for at most ${size}, or set replacement to true`;
    throw new RangeError(`Cannot draw a sample of ${count}: there are only ${size}${remedy}`);
  }
  const random = new Random(seed);
  if (replacement) return Array.from({ length: count }, () => pairs[random.integer(size)]!);
  // Fisher and Yates, stopped as soon as enough are drawn.
  const order = Uint32Array.from(pairs, (_, index) => index);
  const drawn: T[] = [];
  for (let index = 0; index < count; index++) {
    const other = index + random.integer(size - index);
    const chosen = order[other]!;
    order[other] = order[index]!;
    drawn.push(pairs[chosen]!);
  }
  return drawn;
}
