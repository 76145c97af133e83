// The assertions that the tests use: Deno's standard library, with the types that its npm mirror lacks.

import * as std from "npm:deno-std@1.4.0/assert/mod.js";

type Assert = (condition: unknown, message?: string) => asserts condition;
// deno-lint-ignore no-explicit-any
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

/** Fails unless `condition` is truthy. */
export const assert: Assert = std.assert;

/** Fails unless both values are deeply equal. */
export const assertEquals: <T>(actual: T, expected: T, message?: string) => void = std.assertEquals;

/** Fails unless `actual` contains `expected`. */
export const assertStringIncludes: (actual: string, expected: string, message?: string) => void =
  std.assertStringIncludes;

/** Fails unless `actual` matches the pattern. */
export const assertMatch: (actual: string, expected: RegExp, message?: string) => void = std.assertMatch;

/** Fails unless `run` throws an error of the class whose message includes the text; returns that error. */
export const assertThrows: <E extends Error = Error>(
  run: () => unknown,
  errorClass?: ErrorClass<E>,
  messageIncludes?: string,
) => E = std.assertThrows as never;

/** Fails unless the promise of `run` rejects so; returns the error. */
export const assertRejects: <E extends Error = Error>(
  run: () => PromiseLike<unknown>,
  errorClass?: ErrorClass<E>,
  messageIncludes?: string,
) => Promise<E> = std.assertRejects as never;
