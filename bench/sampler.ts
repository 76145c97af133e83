// The samples of one side of a comparison. Machines drift: each sample of another side has one of ours right before
// it, and what is compared is the two of them.

import type { Contender } from "./harness.ts";
import type { Ready } from "./peers/peer.ts";
import type { Side } from "./results.ts";
import { median, type Repetitions, secondsOf, spread } from "./sampling.ts";

/** Seconds after which others are not asked again. */
const SLOW = 2;

/** Takes samples of one side. */
export class Sampler {
  #seconds: number[] = [];
  #ratios: number[] = [];
  #ready: Ready & Repetitions | undefined;
  #note: string | undefined;

  /**
   * Begins without samples; of what is slow with one.
   *
   * @param contender What is measured.
   * @param ready What it does and how fast it was, or why it cannot.
   * @param ours The side that it is compared with; undefined for that side itself.
   */
  constructor(
    readonly contender: Pick<Contender, "label" | "kind">,
    ready: Ready & Repetitions | string,
    readonly ours?: Sampler,
  ) {
    if (typeof ready === "string") {
      this.#note = ready;
      return;
    }
    this.#ready = ready;
    this.#note = ready.note;
    if (ours && ready.seconds > SLOW) this.#seconds.push(ready.seconds * (ready.scale ?? 1));
  }

  /** Whether nothing is left to do: it cannot, or it took so long that once is enough. */
  get done(): boolean {
    return this.#ready === undefined || this.#seconds.length > 0;
  }

  /** Repetitions between two waits. */
  get times(): number {
    return this.#ready?.times ?? 0;
  }

  /** How often Deno's runner takes samples; for its warm-up, too, one more than said. */
  get options(): { readonly warmup: number; readonly n: number } {
    const { seconds = 0, times = 0 } = this.#ready ?? {};
    return { warmup: 1, n: seconds * times > 0.5 ? 1 : 3 };
  }

  /** Takes a sample of ours, and then one of this side, which alone counts for Deno's own table. */
  async take(timer: Pick<Deno.BenchContext, "start" | "end">): Promise<void> {
    const ours = await this.ours?.sample();
    timer.start();
    try {
      const seconds = await this.sample();
      if (ours !== undefined) this.#ratios.push(seconds / ours);
    } catch (error) {
      if (this.ours === undefined || !(error instanceof Error)) throw error;
      this.#note = error.message; // the others go on
    }
    timer.end();
  }

  /** Seconds of one repetition. */
  async sample(): Promise<number> {
    const { run, times, scale = 1 } = this.#ready!;
    const seconds = await secondsOf(run, times) * scale / times;
    this.#seconds.push(seconds);
    return seconds;
  }

  /** What the samples say. */
  side(): Side {
    const { label, kind } = this.contender;
    const note = this.#note;
    const samples = this.#seconds.length;
    if (samples === 0) return { label, kind, note: note ?? "not measured" };
    const seconds = median(this.#seconds);
    const deviation = spread(this.ours ? this.#ratios : this.#seconds);
    const ratio = this.#ratios.length > 0
      ? median(this.#ratios)
      : seconds / median((this.ours ?? this).#seconds);
    const measured = {
      times: this.times,
      seconds,
      ratio,
      samples,
      ...(deviation !== undefined && { spread: deviation }),
    };
    return { label, kind, measured, ...(note !== undefined && { note }) };
  }
}
