// What a run leaves in its folder besides the checkpoints: the held-out pairs, a log, and the loss curve.

import type { Pair } from "../data/pair.ts";
import type { LossPoint } from "../report/line_chart.ts";
import type { TrainingProgress } from "../training/trainer.ts";
import { writeAtomically } from "../training/write_atomically.ts";

/** Writes pairs as a file that `loadCorpus` reads. */
export async function writePairs(path: string, pairs: readonly Pair[]): Promise<void> {
  await writeAtomically(path, pairs.map(({ source, target }) => `${source}\t${target}\n`).join(""));
}

/** `log.jsonl`, one report a line, and `loss.svg`, drawn anew at each validation. */
export class RunLog {
  #points: LossPoint[] = [];
  /** Lines that wait for the folder to be this run's. */
  #waiting: string[] | undefined = [];
  /** Whether the last line may be there in part, as a full disk leaves it. */
  #torn = false;

  /**
   * Touches nothing yet.
   *
   * @param folder The run's.
   * @param step That of the checkpoint from which the run goes on: what the log says of later ones is forgotten. For a
   *   new run undefined.
   */
  constructor(readonly folder: string, readonly step?: number) {}

  get #path(): string {
    return `${this.folder}/log.jsonl`;
  }

  /** Begins to write, when the folder is this run's: a new file, so that no link of a stranger's is followed. */
  async begin(): Promise<void> {
    const kept = this.step === undefined ? [] : await this.#earlier(this.step);
    if (this.step === undefined) await Deno.remove(`${this.folder}/loss.svg`).catch(() => {});
    const lines = [...kept, ...this.#waiting ?? []];
    await writeAtomically(this.#path, lines.map((line) => `${line}\n`).join(""));
    this.#points = lines.map((line) => pointOf(JSON.parse(line)));
    this.#waiting = undefined;
  }

  /** Adds a report. */
  async add(progress: TrainingProgress): Promise<void> {
    const line = JSON.stringify(progress);
    if (this.#waiting) return void this.#waiting.push(line);
    this.#points.push(pointOf(progress));
    const before = this.#torn ? "\n" : "";
    this.#torn = true;
    await Deno.writeTextFile(this.#path, `${before}${line}\n`, { append: true });
    this.#torn = false;
    if (progress.validation) await this.#draw();
  }

  /** The lines up to a step. A run that was killed, or whose disk was full, may have left half a line. */
  async #earlier(step: number): Promise<string[]> {
    const text = await Deno.readTextFile(this.#path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error; // what cannot be read now must not be replaced
    });
    return text.split("\n").filter((line) => {
      try {
        return (JSON.parse(line) as TrainingProgress).step <= step;
      } catch {
        return false;
      }
    });
  }

  async #draw(): Promise<void> {
    const drawable = ({ training, validation }: LossPoint) =>
      Number.isFinite(training) || Number.isFinite(validation);
    if (!this.#points.some(drawable)) return; // a training that goes wrong at once must still say so itself
    const { lossCurve } = await import("../report/line_chart.ts"); // a third of a second, once there is a curve
    await writeAtomically(
      `${this.folder}/loss.svg`,
      lossCurve(this.#points, { title: "Loss a word, in nats" }),
    );
  }
}

function pointOf({ step, loss, validation }: TrainingProgress): LossPoint {
  return { step, training: loss, ...(validation ? { validation: validation.loss } : {}) };
}
