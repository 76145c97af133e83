// Training: where a run is in its epochs, step after step.

import type { EpochLosses, TrainingPlace } from "./state.ts";

/** Counts steps, epochs, and what epochs came to. */
export class Place {
  /** Epochs completed before this one. */
  epoch = 0;
  /** Steps taken since the start. */
  step = 0;
  /** Steps taken in this epoch. */
  stepInEpoch = 0;

  #tokens = 0;
  #losses: EpochLosses[] = [];
  #concluded = false;

  /** At the start of the first epoch. */
  constructor(readonly stepsPerEpoch: number) {}

  /** Whether the epoch is over. */
  get over(): boolean {
    return this.stepInEpoch === this.stepsPerEpoch;
  }

  /** Whether it has been noted what the epoch came to, so that the next one may begin. */
  get concluded(): boolean {
    return this.#concluded;
  }

  /** Counts a step. */
  count(tokens: number): void {
    this.step++;
    this.stepInEpoch++;
    this.#tokens += tokens;
  }

  /** The mean loss of the epoch so far, of the sum of its losses. */
  mean(loss: number): number {
    return loss / this.#tokens;
  }

  /** Notes what the epoch came to, if it is over. */
  conclude(loss: number, validation: number | undefined): void {
    if (!this.over) return;
    this.#concluded = true;
    this.#losses.push({
      step: this.step,
      training: finite(this.mean(loss)),
      validation: finite(validation ?? NaN),
    });
  }

  /** Goes to the start of the next epoch. */
  next(): void {
    this.epoch++;
    this.stepInEpoch = 0;
    this.#tokens = 0;
    this.#concluded = false;
  }

  /** For a checkpoint; `loss` is the sum of the losses of this epoch so far. */
  position(loss: number): TrainingPlace {
    const { epoch, concluded, step, stepInEpoch, stepsPerEpoch } = this;
    const losses = [...this.#losses];
    const shared = { step, stepsPerEpoch, losses };
    if (concluded || stepInEpoch === 0) { // the sum may still be that of the epoch before
      return {
        ...shared,
        ...{ epoch: concluded ? epoch + 1 : epoch, stepInEpoch: 0, epochLoss: 0, epochTokens: 0 },
      };
    }
    return { ...shared, epoch, stepInEpoch, epochLoss: finite(loss), epochTokens: this.#tokens };
  }

  /** Goes on from a checkpoint. */
  restore({ epoch, step, stepInEpoch, epochTokens, losses }: TrainingPlace): void {
    this.epoch = epoch;
    this.step = step;
    this.stepInEpoch = stepInEpoch;
    this.#tokens = epochTokens;
    this.#losses = [...losses];
  }
}

/** The number, or what JSON has for one that is not finite. */
function finite(number: number): number | null {
  return Number.isFinite(number) ? number : null;
}
