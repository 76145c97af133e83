// Training: schedules, pure functions from where training stands to its learning rate.

import * as v from "npm:valibot@1.5.0";
import { count } from "./schemas.ts";
import { settingsOf } from "./settings.ts";

/** The schedules by name; the first one is the default. */
export const SCHEDULE_NAMES = ["constant", "inverse-sqrt", "cosine", "plateau", "halving"] as const;

/** How the learning rate changes: {@linkcode ScheduleOptions.schedule}. */
export type ScheduleName = typeof SCHEDULE_NAMES[number];

/** The constants of the schedules; which has which, {@linkcode SCHEDULE_DEFAULTS} says. */
export interface ScheduleSettings {
  /** Steps over which the rate first rises in a straight line to its peak, the learning rate; 0 by default. */
  readonly warmup?: number;
  /** `cosine`: the steps from the start to the lowest rate; null, as by default, for the whole training. */
  readonly decaySteps?: number | null;
  /** `plateau`: epochs without a lower validation loss after which the rate falls; 2 by default. */
  readonly decayPatience?: number;
  /** `halving`: epochs after which the rate falls every epoch; 5 by default. */
  readonly decayAfter?: number;
  /** `plateau`, `halving`: what the rate falls by each time; 0.5 by default. */
  readonly decayFactor?: number;
  /** `cosine`, `plateau`: the lowest rate; 0 by default. */
  readonly minLearningRate?: number;
}

/** Which schedule, and its constants. */
export interface ScheduleOptions extends ScheduleSettings {
  /**
   * How the learning rate changes after its warm-up:
   * - `constant`, the default;
   * - `inverse-sqrt`: with one over the root of the step (Vaswani et al. 2017), after a warm-up of 4,000 steps by default;
   * - `cosine`: along half a cosine (Loshchilov & Hutter 2017);
   * - `plateau`: each time that the validation loss has not fallen for some epochs;
   * - `halving`: every epoch, after the first ones (Luong et al. 2015).
   */
  readonly schedule?: ScheduleName;
}

/** A schedule with its constants, defaults filled in. */
export interface ScheduleConfig extends ScheduleSettings {
  /** Its name. */
  readonly name: ScheduleName;
}

/** The constants that each schedule has. */
export const SCHEDULE_DEFAULTS: Readonly<Record<ScheduleName, ScheduleSettings>> = {
  "constant": { warmup: 0 },
  "inverse-sqrt": { warmup: 4000 },
  "cosine": { warmup: 0, decaySteps: null, minLearningRate: 0 },
  "plateau": { warmup: 0, decayPatience: 2, decayFactor: 0.5, minLearningRate: 0 },
  "halving": { warmup: 0, decayAfter: 5, decayFactor: 0.5 },
};

/** Where a training stands, as far as its learning rate depends on it. */
export interface SchedulePlace {
  /** Steps taken. */
  readonly step: number;
  /** Epochs completed. */
  readonly epoch: number;
  /** The steps of the whole training, if nothing ends it before. */
  readonly steps: number;
  /** How often a plateau has lowered the rate. */
  readonly reductions: number;
}

/**
 * The learning rate of the next step.
 *
 * @param peak The rate after the warm-up, before anything lowers it.
 *
 * @example
 * ```ts
 * import { scheduledRate } from "./schedule.ts";
 *
 * const place = { epoch: 0, steps: 100, reductions: 0 };
 * const rate = (step: number) => scheduledRate({ name: "inverse-sqrt", warmup: 4 }, 0.1, { ...place, step });
 * console.log(rate(0), rate(3), rate(15)); // 0.025 0.1 0.05
 * ```
 */
export function scheduledRate(schedule: ScheduleConfig, peak: number, place: SchedulePlace): number {
  const { warmup = 0 } = schedule;
  if (place.step < warmup) return peak * (place.step + 1) / warmup;
  switch (schedule.name) {
    case "constant":
      return peak;
    case "inverse-sqrt":
      return peak * Math.sqrt(warmup / (place.step + 1));
    case "cosine":
      return cosine(schedule, peak, place);
    case "plateau": {
      const { decayFactor = 1, minLearningRate = 0 } = schedule;
      return Math.max(peak * decayFactor ** place.reductions, minLearningRate);
    }
    case "halving": {
      const { decayFactor = 1, decayAfter = 0 } = schedule;
      return peak * decayFactor ** Math.max(0, place.epoch + 1 - decayAfter);
    }
  }
}

function cosine(schedule: ScheduleConfig, peak: number, { step, steps }: SchedulePlace): number {
  const { warmup = 0, decaySteps, minLearningRate = 0 } = schedule;
  const end = decaySteps ?? steps;
  const done = step >= end ? 1 : (step - warmup) / (end - warmup);
  return minLearningRate + (peak - minLearningRate) * (1 + Math.cos(Math.PI * done)) / 2;
}

/** The contract of a schedule in config.json; earlier folders have none, for the rate was constant. */
export const scheduleSchema: v.GenericSchema<unknown, ScheduleConfig> = v.optional(
  v.strictObject({
    name: v.picklist(SCHEDULE_NAMES),
    warmup: v.optional(count),
    decaySteps: v.optional(v.nullable(count)),
    decayPatience: v.optional(count),
    decayAfter: v.optional(count),
    decayFactor: v.optional(v.number()),
    minLearningRate: v.optional(v.number()),
  }),
  { name: "constant", warmup: 0 },
);

/**
 * Fills in the defaults.
 *
 * @param peak The learning rate.
 * @throws {RangeError} If a value is not one that the schedule can work with; the message names it.
 */
export function completeSchedule(options: ScheduleOptions, peak: number): ScheduleConfig {
  const { schedule: name = "constant", warmup = 0 } = options;
  const least = name === "inverse-sqrt" ? 1 : 0;
  const integer = (least: number) => (value: number) => Number.isInteger(value) && value >= least;
  return {
    name,
    ...settingsOf<ScheduleSettings>("schedule", name, SCHEDULE_DEFAULTS, options, {
      warmup: [integer(least), `an integer of at least ${least}`],
      decaySteps: [integer(warmup + 1), `an integer above the ${warmup} steps of the warm-up`],
      decayPatience: [integer(1), "a positive integer"],
      decayAfter: [integer(0), "an integer of at least 0"],
      decayFactor: [(value) => value > 0 && value < 1, "between 0 and 1"],
      minLearningRate: [
        (value) => value >= 0 && value < peak,
        `at least 0 and below the learning rate ${peak}`,
      ],
    }),
  };
}
