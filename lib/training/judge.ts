// Training: judges validations: which is the best, when the rate of a plateau falls, and when to stop.

import type { TrainingConfig } from "./config.ts";

/** How validations have gone so far; part of a checkpoint. */
export interface Standing {
  /** The lowest validation loss; null if there was no validation. */
  readonly bestLoss: number | null;
  /** The highest BLEU; null if it was not measured. */
  readonly bestBleu: number | null;
  /** Validations since the best one. */
  readonly sinceBest: number;
  /** Validations since the loss was last lower than ever, or the rate was lowered. */
  readonly sinceLower: number;
  /** How often a plateau has lowered the learning rate. */
  readonly reductions: number;
}

/** The figures that decide. */
export interface Figures {
  /** The validation loss. */
  readonly loss: number;
  /** BLEU of the translations, if it was measured. */
  readonly bleu?: number;
}

/** Before the first validation. */
const NOTHING: Standing = { bestLoss: null, bestBleu: null, sinceBest: 0, sinceLower: 0, reductions: 0 };

/** Keeps account of validations, one after the other. */
export class Judge {
  /** How they have gone so far. */
  standing: Standing = NOTHING;

  /** Judges as a training's options say. */
  constructor(readonly config: Pick<TrainingConfig, "bestBy" | "patience" | "schedule">) {}

  /** Takes a validation into account; returns whether it is the best one so far. */
  see({ loss, bleu }: Figures): boolean {
    const { bestLoss, bestBleu, sinceBest, sinceLower, reductions } = this.standing;
    const { name, decayPatience = Infinity } = this.config.schedule;
    const lower = loss < (bestLoss ?? Infinity);
    const better = this.config.bestBy === "bleu" ? (bleu ?? 0) > (bestBleu ?? -Infinity) : lower;
    const since = lower ? 0 : sinceLower + 1;
    const reduces = name === "plateau" && since >= decayPatience;
    this.standing = {
      bestLoss: lower ? loss : bestLoss,
      bestBleu: bleu === undefined ? bestBleu : Math.max(bleu, bestBleu ?? -Infinity),
      sinceBest: better ? 0 : sinceBest + 1,
      sinceLower: reduces ? 0 : since,
      reductions: reductions + (reduces ? 1 : 0),
    };
    return better;
  }

  /** Whether it is time to stop: the best validation is too long ago. */
  get stops(): boolean {
    const { patience } = this.config;
    return patience !== null && this.standing.sinceBest >= patience;
  }
}
