// Training: which words a decoder is given. Always the right ones, or with scheduled sampling now and then its own.

import * as v from "npm:valibot@1.5.0";
import { share, size } from "./schemas.ts";
import { settingsOf } from "./settings.ts";

/** The courses of the share of right words by name; the first one is the default. */
export const TEACHER_FORCING_NAMES = ["always", "constant", "linear", "inverse-sigmoid"] as const;

/** How the share of right words changes: {@linkcode TeacherForcingOptions.teacherForcing}. */
export type TeacherForcingName = typeof TEACHER_FORCING_NAMES[number];

/** The constants of the shares; which has which, {@linkcode TEACHER_FORCING_DEFAULTS} says. */
export interface TeacherForcingSettings {
  /** `constant`: the share of right words, 0.5 by default; `linear`: the share that is left in the end, 0 by default. */
  readonly teacherShare?: number;
  /** `linear`: the steps until then; `inverse-sigmoid`: the k of `k / (k + exp(step / k))`; 1,000 by default. */
  readonly teacherSteps?: number;
}

/** Which words a decoder is given in training. */
export interface TeacherForcingOptions extends TeacherForcingSettings {
  /**
   * How many of the words that a translator's decoder is given are the right ones, the others being the likeliest after
   * the step before (Bengio et al. 2015): `always` all, the default; a `constant` share; a share that falls from 1 in a
   * straight line (`linear`) or along an inverse sigmoid.
   */
  readonly teacherForcing?: TeacherForcingName;
}

/** How words are chosen, defaults filled in. */
export interface TeacherForcingConfig extends TeacherForcingSettings {
  /** The name of the share's course. */
  readonly name: TeacherForcingName;
}

/** The constants that each course has. */
export const TEACHER_FORCING_DEFAULTS: Readonly<Record<TeacherForcingName, TeacherForcingSettings>> = {
  "always": {},
  "constant": { teacherShare: 0.5 },
  "linear": { teacherShare: 0, teacherSteps: 1000 },
  "inverse-sigmoid": { teacherSteps: 1000 },
};

/**
 * The share of right words at a step, from 0 to 1.
 *
 * @param step Steps taken before it.
 *
 * @example
 * ```ts
 * import { teacherShare } from "./teacher_forcing.ts";
 *
 * const share = (step: number) => teacherShare({ name: "linear", teacherShare: 0.2, teacherSteps: 100 }, step);
 * console.log(share(0), share(50), share(1000)); // 1 0.6 0.2
 * ```
 */
export function teacherShare(config: TeacherForcingConfig, step: number): number {
  const { teacherShare: share = 1, teacherSteps: steps = 1 } = config;
  switch (config.name) {
    case "always":
      return 1;
    case "constant":
      return share;
    case "linear":
      return 1 - (1 - share) * Math.min(1, step / steps);
    case "inverse-sigmoid":
      return steps / (steps + Math.exp(step / steps));
  }
}

/** The contract of it in config.json; earlier folders have none, for the words were the right ones. */
export const teacherForcingSchema: v.GenericSchema<unknown, TeacherForcingConfig> = v.optional(
  v.strictObject({
    name: v.picklist(TEACHER_FORCING_NAMES),
    teacherShare: v.optional(share),
    teacherSteps: v.optional(size),
  }),
  { name: "always" },
);

/**
 * Fills in the defaults.
 *
 * @throws {RangeError} If a value is not one that can be worked with; the message names it.
 */
export function completeTeacherForcing(options: TeacherForcingOptions): TeacherForcingConfig {
  const { teacherForcing: name = "always" } = options;
  const settings = settingsOf<TeacherForcingSettings>(
    "teacherForcing",
    name,
    TEACHER_FORCING_DEFAULTS,
    options,
    {
      teacherShare: [(value) => value >= 0 && value <= 1, "from 0 to 1"],
      teacherSteps: [(value) => Number.isInteger(value) && value >= 1, "a positive integer"],
    },
  );
  return { name, ...settings };
}
