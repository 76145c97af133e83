// Schedules against PyTorch's and the papers' formulas, and what they refuse.

import { Judge } from "../../lib/training/judge.ts";
import {
  completeSchedule,
  type ScheduleConfig,
  scheduledRate,
  type ScheduleOptions,
} from "../../lib/training/schedule.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { assertClose } from "../ops/check.ts";

interface Rates {
  readonly rates: readonly number[];
}

/** Written by tests/oracle/optimizer_fixture.py. */
const { schedules }: {
  readonly schedules: {
    readonly peak: number;
    readonly warmup: Rates & { readonly steps: number };
    readonly inverseSqrt: Rates & { readonly steps: number };
    readonly cosine: Rates & { readonly steps: number; readonly floor: number };
    readonly plateau: Rates & {
      readonly epochs: number;
      readonly floor: number;
      readonly losses: readonly number[];
    };
  };
} = JSON.parse(await Deno.readTextFile(new URL("../fixtures/optimizer.json", import.meta.url)));
const { peak } = schedules;

/** The rates of steps 0, 1 and so on, in epochs of four steps. */
function rates(schedule: ScheduleConfig, count: number, steps = count): number[] {
  return Array.from({ length: count }, (_, step) => {
    return scheduledRate(schedule, peak, { step, epoch: Math.floor(step / 4), steps, reductions: 0 });
  });
}

/** Both sides are computed in 64 bits, by formulas that round differently. */
const ROUNDING = 1e-14;

Deno.test("a warm-up rises in a straight line, and then every schedule begins at its peak", () => {
  const { steps, rates: expected } = schedules.warmup;
  const complete = (schedule: ScheduleOptions["schedule"]) =>
    completeSchedule({ schedule, warmup: steps }, peak);
  assertClose(rates(complete("constant"), expected.length), expected, ROUNDING, "constant");
  for (const schedule of ["inverse-sqrt", "cosine", "plateau", "halving"] as const) {
    assertClose(rates(complete(schedule), steps, 100), expected.slice(0, steps), ROUNDING, schedule);
  }
});

Deno.test("inverse-sqrt is the schedule of Vaswani et al.", () => {
  const { steps, rates: expected } = schedules.inverseSqrt;
  const schedule = completeSchedule({ schedule: "inverse-sqrt", warmup: steps }, peak);
  assertClose(rates(schedule, expected.length), expected, ROUNDING, "rate");
  assertEquals(completeSchedule({ schedule: "inverse-sqrt" }, peak).warmup, 4000);
});

Deno.test("cosine is PyTorch's, over the whole training or so many steps, and stays at its floor", () => {
  const { steps, floor, rates: expected } = schedules.cosine;
  const options = { schedule: "cosine", minLearningRate: floor } as const;
  assertClose(rates(completeSchedule(options, peak), steps), expected, ROUNDING, "whole training");
  const limited = completeSchedule({ ...options, decaySteps: steps }, peak);
  const beyond = [...expected, floor, floor];
  assertClose(rates(limited, steps + 2, 1_000), beyond, ROUNDING, "so many steps");
  const warm = completeSchedule({ ...options, decaySteps: steps + 3, warmup: 3 }, peak);
  assertClose(rates(warm, steps + 5).slice(3), beyond, ROUNDING, "after a warm-up");
});

Deno.test("plateau lowers the rate when PyTorch's does", () => {
  const { epochs, floor, losses, rates: expected } = schedules.plateau;
  const options = { schedule: "plateau", decayPatience: epochs, minLearningRate: floor } as const;
  const schedule = completeSchedule(options, peak);
  const judge = new Judge({ schedule, patience: null, bestBy: "loss" });
  const actual = losses.map((loss, epoch) => {
    const { reductions } = judge.standing;
    const rate = scheduledRate(schedule, peak, { step: 5 * epoch, epoch, steps: 100, reductions });
    judge.see({ loss });
    return rate;
  });
  assertClose(actual, expected, ROUNDING, "rate");
});

Deno.test("halving leaves the first epochs alone and halves the rate in each of the others", () => {
  const actual = rates(completeSchedule({ schedule: "halving", decayAfter: 2 }, peak), 20);
  assertEquals(actual, [1, 1, 1 / 2, 1 / 4, 1 / 8].flatMap((share) => Array(4).fill(share * peak)));
  const tenth = completeSchedule({ schedule: "halving", decayAfter: 0, decayFactor: 0.1 }, peak);
  assertClose(rates(tenth, 8), [0.05, 0.05, 0.05, 0.05, 0.005, 0.005, 0.005, 0.005], ROUNDING, "rate");
});

Deno.test("schedules refuse what they cannot work with, and constants of others", () => {
  const refused: [ScheduleOptions, string][] = [
    [{ schedule: "linear" as "cosine" }, "schedule linear: it must be one of constant, inverse-sqrt, cosine"],
    [{ warmup: -1 }, "warmup -1: it must be an integer of at least 0"],
    [{ schedule: "inverse-sqrt", warmup: 0 }, "warmup 0: it must be an integer of at least 1"],
    [
      { schedule: "cosine", decaySteps: 5, warmup: 5 },
      "decaySteps 5: it must be an integer above the 5 steps",
    ],
    [{ schedule: "cosine", minLearningRate: 0.5 }, "minLearningRate 0.5: it must be at least 0 and below"],
    [{ schedule: "plateau", decayFactor: 1 }, "decayFactor 1: it must be between 0 and 1"],
    [{ schedule: "plateau", decayPatience: 0 }, "decayPatience 0: it must be a positive integer"],
    [{ schedule: "halving", decayAfter: 1.5 }, "decayAfter 1.5: it must be an integer of at least 0"],
    [{ decayAfter: 3 }, "decayAfter 3: the schedule constant has none, only halving"],
    [{ schedule: "cosine", decayFactor: 0.5 }, "the schedule cosine has none, only plateau and halving"],
  ];
  for (const [options, message] of refused) {
    assertThrows(() => completeSchedule(options, peak), RangeError, message);
  }
});
