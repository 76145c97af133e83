// Training: the numbers of a config.json, as several of its contracts have them.

import * as v from "npm:valibot@1.5.0";

/** An integer of at least 0. */
export const count: v.GenericSchema<unknown, number> = v.pipe(v.number(), v.integer(), v.minValue(0));

/** An integer from 1 to `most`; a larger one is taken for a mistake, before memory is. */
export const upTo = (most: number): v.GenericSchema<unknown, number> =>
  v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(most));

/** How often or how long something is done. */
export const size: v.GenericSchema<unknown, number> = upTo(2 ** 20);

/** Widths and lengths; at most eight times those of the largest recurrent models that were published. */
export const width: v.GenericSchema<unknown, number> = upTo(2 ** 16);

/** What random numbers begin with. */
export const seed: v.GenericSchema<unknown, number> = v.pipe(v.number(), v.safeInteger());

/** A number from 0 to 1. */
export const share: v.GenericSchema<unknown, number> = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
