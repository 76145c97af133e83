// Training: the folder of a run, from its first checkpoint to the last: when one is due, which stay, and what happens
// when one cannot be written.

import type { Model } from "../models/model.ts";
import { writeParts } from "./checkpoint.ts";
import { encodeCheckpoint } from "./checkpoint_contents.ts";
import {
  type CheckpointName,
  fileOf,
  removeEpochs,
  removeIfThere,
  removeOlder,
  removeWeights,
} from "./checkpoint_files.ts";
import type { TrainingConfig } from "./config.ts";
import { type LockedFile, lockFile } from "../data/locked_file.ts";
import { identityOf, type ModelIdentity } from "./identity.ts";
import type { Optimization } from "./optimization.ts";
import type { TrainOptions } from "./options.ts";
import type { TrainingPosition } from "./state.ts";
import { type Contents, removeUnfinished, writeBeside } from "./write_atomically.ts";

/** Seconds between two checkpoints, at least; what is lost when the machine stops. */
const SECONDS = 30;

/** A checkpoint is due when training has gone on for so many times what the last one took: 2 % of the time. */
const TIMES_ITS_COST = 50;

/** What a training says of its folder. */
export type SavingOptions = Pick<
  TrainOptions,
  "folder" | "saveEvery" | "checkpoints" | "saveNow" | "beforeFirstSave" | "onSave" | "onSaveFailed"
>;

/** Where a run stands, given the sum of the losses of the epoch at work. */
export type PositionOf = (epochLoss: number) => TrainingPosition;

/** Saves the checkpoints of one run; without a folder, none. */
export class CheckpointFolder {
  /** Whether the checkpoints in the folder are this run's, or those that it goes on from. */
  #owned = false;
  /** Whether this run has written any. */
  #begun = false;
  /** Keeps other trainings away from the folder, where its file system can do that. */
  #lock: LockedFile | undefined;
  /** The step that this run goes on from. */
  #from = 0;
  /** The step of the last checkpoint that lies on disk. */
  #step = 0;
  /** The names of the checkpoints to go on from that this run has written. */
  #written = new Set<string>();
  /** The last epoch whose weights lie on disk. */
  #epoch = 0;
  /** When that was done, and how long it took, in milliseconds. */
  #savedAt = -Infinity;
  #cost = 0;
  #identity: ModelIdentity | undefined;
  /** What could not be saved since it last could, by kind of checkpoint. */
  #failures = new Map<string, Error>();

  /** Nothing is touched before the first checkpoint. */
  constructor(
    readonly options: SavingOptions,
    readonly model: Model<never>,
    readonly config: TrainingConfig,
    readonly optimization: Optimization,
  ) {}

  /**
   * Goes on from a checkpoint of that step: what is in the folder stays.
   *
   * @param again Whether one of the same step is to take its place.
   */
  goOn(step: number, again: boolean): void {
    this.#owned = true;
    this.#from = step;
    this.#step = again ? 0 : step;
  }

  /** Saves all that it takes to go on, if that is due or asked for; if that fails, the run may go on. */
  async saveIfDue(step: number, position: PositionOf): Promise<void> {
    const asked = this.options.saveNow?.() ?? false;
    const { saveEvery } = this.options;
    const wait = saveEvery === undefined
      ? Math.max(1000 * SECONDS, TIMES_ITS_COST * this.#cost)
      : 1000 * saveEvery;
    const due = performance.now() - this.#savedAt >= wait;
    if ((asked || due) && step !== this.#step) await this.#try("last", position);
  }

  /**
   * Saves all that it takes to go on, unless that is done.
   *
   * @throws {Error} If that fails, or the last attempt to save the best weights has failed.
   */
  async saveLast(step: number, position: PositionOf): Promise<void> {
    if (step !== this.#step) await this.#save("last", position);
    await this.#tidy(false);
    this.#failures.delete("last");
    for (const error of this.#failures.values()) throw error;
  }

  /** Saves what it can of a run that has failed, whose own error is the one to throw. */
  async saveAfterFailure(step: number, position: PositionOf): Promise<void> {
    if (!this.#begun) return; // what an earlier run left is worth more than a second of this one
    try {
      await this.saveLast(step, position);
    } catch (error) {
      if (error instanceof CheckpointError) this.options.onSaveFailed?.(error, false);
    }
  }

  /** Saves the weights that the model has now as the best ones. */
  async saveBest(position: PositionOf): Promise<void> {
    await this.#try("best", position);
  }

  /** Saves the weights that the model has now as those of an epoch, and removes those of epochs `keep` before. */
  async saveEpoch(epoch: number, position: PositionOf): Promise<void> {
    await this.#try(`epoch-${epoch}`, position);
  }

  /** Lets another training have the folder. */
  async close(): Promise<void> {
    await this.#lock?.release(true);
    this.#lock = undefined;
  }

  /** A run that has saved something goes on without this; one that has not would find out after hours. */
  async #try(name: CheckpointName, position: PositionOf): Promise<void> {
    const kind = name.replace(/-.*/, "");
    try {
      await this.#save(name, position);
      this.#failures.delete(kind);
      await this.#tidy(true);
    } catch (error) {
      if (!this.#begun || !(error instanceof CheckpointError)) throw error;
      this.#savedAt = performance.now();
      this.#failures.set(kind, error);
      this.options.onSaveFailed?.(error, true);
    }
  }

  /** Removes what new checkpoints have made superfluous. What cannot go stays, and is tried again after the next one. */
  async #tidy(goesOn: boolean): Promise<void> {
    const { folder, checkpoints = 2, onSaveFailed } = this.options;
    if (folder === undefined || !this.#begun) return;
    try {
      await removeOlder(folder, this.#from, this.#written, checkpoints);
      await removeEpochs(folder, this.#epoch - this.config.keep);
    } catch (error) {
      if (!(error instanceof Error) || error instanceof Deno.errors.NotCapable) throw error;
      const what = `Cannot remove older checkpoints from "${folder}": ${error.message}. They stay.`;
      onSaveFailed?.(new CheckpointError(what, { cause: error }), goesOn);
    }
  }

  async #save(name: CheckpointName, position: PositionOf): Promise<void> {
    const { options: { folder }, model, config, optimization } = this;
    if (folder === undefined) return;
    model.device.check(); // one that is gone has nothing to save, and what an earlier run saved stays
    const start = performance.now();
    this.#identity ??= await identityOf(model);
    const { control, epochLoss } = await optimization.standing();
    const averages = name === "last" ? await optimization.averages?.read() : undefined;
    const state = { config, position: position(epochLoss), control, ...(averages ? { averages } : {}) };
    const { step } = state.position;
    const contents = await encodeCheckpoint(name, model, this.#identity, state);
    try {
      this.#lock ??= await lockFolder(folder);
      const file = fileOf(name, step);
      await this.#write(folder, file, contents);
      if (name.startsWith("epoch-")) this.#epoch = Number(name.slice("epoch-".length));
      if (name !== "last") return;
      this.#step = step;
      this.#written.add(file);
      this.options.onSave?.(state.position);
    } catch (error) {
      throw error instanceof Deno.errors.NotCapable ? error : await this.#explain(folder, name, step, error);
    }
    this.#savedAt = performance.now();
    this.#cost = this.#savedAt - start;
  }

  /** Writes a file; with the first one the folder becomes this run's. */
  async #write(folder: string, file: string, contents: Contents): Promise<void> {
    if (!this.#begun) await removeUnfinished(folder);
    const written = await writeBeside(`${folder}/${file}`, contents);
    try {
      if (!this.#begun) await this.#begin(folder);
    } catch (error) {
      await written.discard();
      throw error;
    }
    await written.commit();
    this.#begun = true;
  }

  /**
   * Prepares a folder for the first weights, which lie complete beside their place. Whenever this is cut off, no weights
   * stand beside parts of another run: those of an earlier run go first, and those of this one come last.
   */
  async #begin(folder: string): Promise<void> {
    if (!this.#owned) await removeWeights(folder);
    await this.options.beforeFirstSave?.();
    await writeParts(folder, this.model, this.config);
    this.#owned = true;
  }

  /** Says what could not be saved, why, and what there is instead. */
  async #explain(folder: string, name: CheckpointName, step: number, cause: unknown): Promise<Error> {
    const exists = (path: string) => Deno.stat(path).then(() => true, () => false);
    const earlier = this.#step > 0 && await exists(`${folder}/${fileOf("last", this.#step)}`);
    const reason = cause instanceof Error ? cause.message : String(cause);
    const gone = this.#begun && !await exists(folder);
    const what = name === "last" ? "checkpoint" : `checkpoint "${name}"`;
    return new CheckpointError(
      `Cannot save the ${what} of step ${step} in "${folder}": ${gone ? "the folder is gone" : reason}. ` +
        (earlier ? `The one of step ${this.#step} is kept.` : "There is no earlier one of this run."),
      { cause },
    );
  }
}

/** Keeps other trainings away from a folder; where its file system knows no locks, goes on without. */
async function lockFolder(folder: string): Promise<LockedFile | undefined> {
  await Deno.mkdir(folder, { recursive: true });
  const path = `${folder}/run.lock`;
  const lock = await lockFile(path);
  if (lock === "taken") {
    throw new Error(
      "another training saves into that folder; wait until it is over, or train into another one",
    );
  }
  if (lock !== "unsupported") return lock;
  await removeIfThere(path);
  return undefined;
}

/** A checkpoint could not be written. */
class CheckpointError extends Error {
  override readonly name = "CheckpointError";
}
