// A property of an operation: what holds for every shape, and the shapes that are tried. fast-check prints the seed and the
// smallest counterexample where one fails.

import fc from "npm:fast-check@4.10.2";
import type { Device } from "../../../lib/gpu/device.ts";

const SEED = 5;

/** Tries so many shapes. */
export type Property = (device: Device, shapes: number) => Promise<void>;

/** Makes a property of the cases to draw from and a check that fails for a wrong one. */
export function property<Case>(
  cases: fc.Arbitrary<Case>,
  check: (device: Device, drawn: Case) => Promise<unknown>,
): Property {
  return async (device, shapes) => {
    const predicate = fc.asyncProperty(cases, async (drawn) => void await check(device, drawn));
    await fc.assert(predicate, { numRuns: shapes, seed: SEED });
  };
}

/** Lengths of an axis up to a largest one: often 1, odd, or one less or more than what kernels take at a time. */
export function length(most = 65): fc.Arbitrary<number> {
  const borders = [1, 3, 5, 7, 8, 9, 31, 32, 33, 63, 64, 65, 127, 128, 129];
  return fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...borders.filter((border) => border <= most)) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: most }) },
  );
}

/** How many elements each row of a batch has, of so many steps: all, none or some. */
export function lengthsOf(rows: number, steps: number): fc.Arbitrary<number[]> {
  return fc.array(fc.integer({ min: 0, max: steps }), { minLength: rows, maxLength: rows });
}

/** Numbers below a limit. */
export function numbersBelow(limit: number, count: number): fc.Arbitrary<number[]> {
  return fc.array(fc.integer({ min: 0, max: limit - 1 }), { minLength: count, maxLength: count });
}

/** The numbers that a seed draws, exact in 32 bits: so that a counterexample is short to print. */
export const seed: fc.Arbitrary<number> = fc.integer({ min: 1, max: 1_000_000 });
