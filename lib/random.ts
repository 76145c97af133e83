// Layer 0: the one source of randomness on the host. Samples, splits, batch orders and initial weights all
// draw from it, so that a seed settles a whole run and a checkpoint can store where the generator stood.

import { uniformFloat64 } from "npm:pure-rand@8.4.2/distribution/uniformFloat64";
import { uniformInt } from "npm:pure-rand@8.4.2/distribution/uniformInt";
import { xoroshiro128plusFromState } from "npm:pure-rand@8.4.2/generator/xoroshiro128plus";

/**
 * A seeded generator of random numbers whose state can be saved.
 *
 * The generator is xoroshiro128+; its four words are filled from the seed by SplitMix32, so neighbouring seeds
 * are unrelated. The numbers that a seed gives are part of the public interface: they change only with a major
 * version. `uniform()`, `integer()` and `shuffle()` are exact on every machine; `normal()` also relies on the
 * runtime's `Math.log` and `Math.cos`, which one version of V8 computes alike everywhere. It is not a source of
 * secrets.
 *
 * @example
 * ```ts
 * import { Random } from "./random.ts";
 *
 * const random = new Random(1);
 * const order = random.shuffle([1, 2, 3]);
 * const again = Random.from(random.state());
 * console.assert(again.uniform() === random.uniform() && order.length === 3);
 * ```
 */
export class Random {
  #generator: ReturnType<typeof xoroshiro128plusFromState>;

  /**
   * Starts the sequence of a seed.
   *
   * @param seed A safe integer, negative ones included.
   * @param stream Which of the seed's independent sequences to use, such as the epoch; 0 when omitted.
   * @throws {RangeError} If either is not a safe integer.
   */
  constructor(seed: number, stream: number = 0) {
    for (const [name, value] of [["seed", seed], ["stream", stream]] as const) {
      if (!Number.isSafeInteger(value)) {
        throw new RangeError(`Cannot create Random: ${name} must be a safe integer, got ${value}`);
      }
    }
    this.#generator = xoroshiro128plusFromState(expandSeed(seed, stream));
  }

  /**
   * Continues from a saved state.
   *
   * @param state What `state()` returned, possibly read back from JSON.
   * @returns A generator that draws the same numbers as the saved one would have.
   * @throws {TypeError} If it is not such a state.
   */
  static from(state: readonly number[]): Random {
    const valid = Array.isArray(state) && state.length === 4 && state.every((word) => (word | 0) === word) &&
      state.some((word) => word !== 0);
    if (!valid) {
      throw new TypeError(
        `Cannot restore Random: a state is four 32-bit integers that are not all 0, got ${
          JSON.stringify(state)
        }`,
      );
    }
    const random = new Random(0);
    random.#generator = xoroshiro128plusFromState(state);
    return random;
  }

  /** Returns the state as four 32-bit integers, to be stored and given to `Random.from`. */
  state(): readonly number[] {
    return [...this.#generator.getState()];
  }

  /** Draws a number in [0, 1), uniformly among the multiples of 2⁻⁵³. */
  uniform(): number {
    return uniformFloat64(this.#generator);
  }

  /**
   * Draws an integer in [0, limit), every one equally likely.
   *
   * @param limit One more than the largest integer wanted.
   * @throws {RangeError} If the limit is not a positive safe integer.
   */
  integer(limit: number): number {
    if (!Number.isSafeInteger(limit) || limit < 1) {
      throw new RangeError(`Cannot draw an integer: the limit must be a positive safe integer, got ${limit}`);
    }
    return uniformInt(this.#generator, 0, limit - 1);
  }

  /** Draws from the normal distribution of mean 0 and variance 1 (Box and Muller 1958). */
  normal(): number {
    // The sine half of the pair is not kept: it would be a part of the state that is easily forgotten.
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /**
   * Shuffles an array in place (Fisher and Yates), every order equally likely.
   *
   * @param array The array or typed array to reorder.
   * @returns The same array.
   */
  shuffle<T extends { readonly length: number; [index: number]: unknown }>(array: T): T {
    const items: { [index: number]: unknown } = array;
    for (let last = array.length - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      const kept = items[last];
      items[last] = items[other];
      items[other] = kept;
    }
    return array;
  }
}

/** Fills the generator's four words from seed and stream, as xoroshiro's authors advise, with SplitMix32. */
function expandSeed(seed: number, stream: number): number[] {
  let counter = 0;
  const mix = (word: number): number => {
    counter = (counter ^ word) + 0x9e3779b9 | 0;
    let mixed = counter;
    mixed = Math.imul(mixed ^ mixed >>> 16, 0x21f0aaad);
    mixed = Math.imul(mixed ^ mixed >>> 15, 0x735a2d97);
    counter = mixed ^= mixed >>> 15;
    return mixed;
  };
  for (const value of [seed, stream]) {
    mix(value | 0);
    mix(Math.floor(value / 2 ** 32) | 0);
  }
  const words = [mix(0), mix(1), mix(2), mix(3)];
  return words.some((word) => word !== 0) ? words : [1, 0, 0, 0];
}
