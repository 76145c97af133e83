// The samples of one side of a comparison. Machines drift: each sample of another side has one of ours right before
// it, and what is compared is the two of them.

import type { Contender } from "./harness.ts";
import type { Side } from "./results.ts";
import { median, type Repetitions, type Run, secondsOf, spread } from "./sampling.ts";

/** Seconds after which others are not asked again. */
const SLOW = 2;

/** Takes samples of one side. */
export class Sampler {
  #run: Run | undefined;
  #scale: number;
  #reason: string | undefined;
  #seconds: number[] = [];
  #ratios: number[] = [];
  /** Repetitions between two waits. */
  readonly times: number;
  /** Whether nothing is left to do: it cannot, or it took so long that once is enough. */
  readonly once: boolean;
  /** How often Deno's runner takes samples; for its warm-up, too, one more than said. */
  readonly options: { readonly warmup: number; readonly n: number };

  /**
   * Begins without samples; of what is slow with one.
   *
   * @param contender What is measured.
   * @param ready What it does and how fast it was, or why it cannot.
   * @param ours The side that it is compared with; undefined for that side itself.
   */
  constructor(
    readonly contender: Pick<Contender, "label" | "kind" | "scale">,
    ready: (Repetitions & { readonly run: Run }) | string,
    readonly ours?: Sampler,
  ) {
    this.#scale = contender.scale ?? 1;
    const { run, times, seconds } = typeof ready === "string"
      ? { run: undefined, times: 0, seconds: 0 }
      : ready;
    this.#run = run;
    this.times = times;
    this.#reason = typeof ready === "string" ? ready : undefined;
    this.options = { warmup: 1, n: seconds * times > 1 ? 2 : 4 };
    const slow = ours !== undefined && seconds > SLOW;
    if (slow) this.#seconds.push(seconds * this.#scale);
    this.once = slow || run === undefined;
  }

  /** Takes a sample of ours, and then one of this side, which alone counts for Deno's own table. */
  async take(timer: Pick<Deno.BenchContext, "start" | "end">): Promise<void> {
    const ours = await this.ours?.sample();
    timer.start();
    const seconds = await this.sample();
    timer.end();
    if (ours !== undefined) this.#ratios.push(seconds / ours);
  }

  /** Seconds of one repetition. */
  async sample(): Promise<number> {
    const seconds = await secondsOf(this.#run!, this.times) * this.#scale / this.times;
    this.#seconds.push(seconds);
    return seconds;
  }

  /** What the samples say. */
  side(): Side {
    const { label, kind } = this.contender;
    const samples = this.#seconds.length;
    if (samples === 0) return { label, kind, reason: this.#reason ?? "not measured" };
    const seconds = median(this.#seconds);
    const deviation = spread(this.ours ? this.#ratios : this.#seconds);
    return {
      label,
      kind,
      measured: {
        times: this.times,
        seconds,
        ratio: this.#ratios.length > 0 ? median(this.#ratios) : seconds / this.#reference(),
        ...(deviation !== undefined && { spread: deviation }),
        samples,
      },
    };
  }

  /** The seconds of ours. */
  #reference(): number {
    return median((this.ours ?? this).#seconds);
  }
}
