// What a run leaves in its folder besides the checkpoints: the held-out pairs, a log, and the loss curve.

import type { Pair } from "../data/pair.ts";
import type { LossPoint } from "../report/line_chart.ts";
import type { TrainingProgress } from "../training/trainer.ts";
import { writeAtomically } from "../training/write_atomically.ts";

/** Writes pairs as a file that `loadCorpus` reads. */
export async function writePairs(path: string, pairs: readonly Pair[]): Promise<void> {
  await Deno.mkdir(path.replace(/[/\\][^/\\]*$/, ""), { recursive: true });
  await writeAtomically(path, pairs.map(({ source, target }) => `${source}\t${target}\n`).join(""));
}

/** `log.jsonl`, one report a line, and `loss.svg`, drawn anew at each validation. */
export class RunLog {
  #points: LossPoint[] = [];

  private constructor(readonly folder: string) {}

  /** Opens the log of a run; unless it goes on, an earlier one is replaced. */
  static async open(folder: string, append: boolean): Promise<RunLog> {
    const log = new RunLog(folder);
    const path = `${folder}/log.jsonl`;
    if (!append) await writeAtomically(path, "");
    else {
      const text = await Deno.readTextFile(path).catch(() => "");
      for (const line of text.split("\n").filter(Boolean)) {
        log.#remember(JSON.parse(line) as TrainingProgress);
      }
    }
    return log;
  }

  /** Adds a report. */
  async add(progress: TrainingProgress): Promise<void> {
    this.#remember(progress);
    await Deno.writeTextFile(`${this.folder}/log.jsonl`, `${JSON.stringify(progress)}\n`, { append: true });
    if (progress.validation) await this.#draw();
  }

  #remember({ step, loss, validation }: TrainingProgress): void {
    this.#points.push({ step, training: loss, ...(validation ? { validation: validation.loss } : {}) });
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
