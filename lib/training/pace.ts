// Training: how often the host looks at what the GPU has done.

/** The stretch between two waits for the GPU to aim at, in milliseconds; timers and signals wait as long. */
const REPORT_MILLISECONDS = 1000;

/** The fewest steps between two waits: one wait a step would leave the GPU idle in between. */
const FEWEST_STEPS = 2;

/** Counts the words and the time since the last report, and says when the next is due. */
export class Pace {
  /** Words since the last report. */
  tokens = 0;

  #steps = 0;
  #start = performance.now();

  /** Starts counting; `stepsAReport` is how many steps to take before the next wait. */
  constructor(readonly stepsAReport: number = FEWEST_STEPS) {}

  /** Whether the next report is due. */
  get due(): boolean {
    return this.#steps >= this.stepsAReport;
  }

  /** Counts a step. */
  count(tokens: number): void {
    this.tokens += tokens;
    this.#steps++;
  }

  /** Seconds since the last report. */
  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  /** Starts counting anew, with as many steps to the next wait as the pace so far allows. */
  next(): Pace {
    const steps = Math.round(this.#steps * REPORT_MILLISECONDS / (1000 * this.seconds));
    return new Pace(Math.max(FEWEST_STEPS, steps));
  }
}
