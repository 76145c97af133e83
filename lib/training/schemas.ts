// Training: the numbers of a config.json, as several of its contracts have them.

import * as v from "npm:valibot@1.5.0";

/** An integer of at least 0. */
export const count: v.GenericSchema<unknown, number> = v.pipe(v.number(), v.integer(), v.minValue(0));

/** A positive integer; a larger one is taken for a mistake. */
export const size: v.GenericSchema<unknown, number> = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(1),
  v.maxValue(2 ** 20),
);

/** A number from 0 to 1. */
export const share: v.GenericSchema<unknown, number> = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
