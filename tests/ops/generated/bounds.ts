// How far 32 bits may be off: rounding is half a unit in the last place of each sum and product, and functions are as good as
// WGSL promises (section 15.7.4.1, "Floating Point Accuracy").

import type { Activation } from "../../../lib/ops/activation.ts";
import type { Numbers } from "../check.ts";

/** Half a unit in the last place of 1. */
export const HALF_ULP = 2 ** -24;
const ULP = 2 ** -23;
/** Of tanh, absolute. */
export const TANH = 1e-5;
/** What is smaller than any normal number may count as 0. */
export const SMALLEST = 2 ** -126;

/** Of a sum of so many products, in any order, whose absolute values have this sum: a rounding each, and one a product. */
export function sumError(terms: number, magnitude: number): number {
  return (terms + 1) * HALF_ULP * magnitude + SMALLEST;
}

/** Of exp(x), relative: 3 + 2 |x| units in the last place. */
export function expError(x: number): number {
  return (3 + 2 * Math.abs(x)) * ULP;
}

/**
 * Of 1 / (1 + exp(-x)), absolute: the division may be off by 2.5 units in the last place of a result of at most 1, the sum by
 * half a unit; the exponential's error counts y (1 - y) times, which is at most one unit for any x.
 */
export const SIGMOID = 4 * ULP;

/** Of log(x): 3 units in the last place, where x lies in [0.5, 2] 2^-21 absolute; `error` is x's own, relative. */
export function logError(x: number, error = 0): number {
  return Math.max(2 ** -21, 3 * ULP * Math.abs(Math.log(x))) + error;
}

/** Of log(sum of exp(x)), taken from the largest on, over a row: sum, logarithm, and the last addition. */
export function logNormalizerError(row: readonly number[]): number {
  const largest = row.reduce((a, b) => Math.max(a, b));
  const sum = row.reduce((sum, x) => sum + Math.exp(x - largest), 0);
  const exponentials = row.reduce((sum, x) => {
    const distance = x - largest;
    return distance < -80
      ? sum
      : sum + Math.exp(distance) * (expError(distance) + Math.abs(distance) * HALF_ULP);
  }, 0);
  const result = Math.abs(largest + Math.log(sum));
  return logError(sum, exponentials / sum + row.length * HALF_ULP) + HALF_ULP * (result + Math.abs(largest));
}

/** Of an activation of a sum that is itself off by `error`. */
export function activationError(activation: Activation, error = 0): number {
  if (activation === "tanh") return TANH + error;
  if (activation === "sigmoid") return SIGMOID + error / 4;
  return error;
}

/** The numbers without their signs. */
export function magnitudes(numbers: Numbers): Float64Array {
  return Float64Array.from(numbers, Math.abs);
}
