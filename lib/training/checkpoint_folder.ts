// Training: the folder of a run, from its first checkpoint to the last.

import type { Model } from "../models/model.ts";
import { saveCheckpoint } from "./checkpoint.ts";
import type { TrainingConfig } from "./config.ts";
import type { Optimization } from "./optimization.ts";
import type { TrainingPosition } from "./state.ts";

/** Saves the checkpoints of one run; without a folder, none. */
export class CheckpointFolder {
  /** Whether the checkpoints in the folder are this run's; what an earlier one left goes when the first is saved. */
  owned = false;

  /** Nothing is touched before the first checkpoint. */
  constructor(
    readonly path: string | undefined,
    readonly model: Model<never>,
    readonly config: TrainingConfig,
    readonly optimization: Optimization,
  ) {}

  /** Saves all that it takes to go on. */
  async saveLast(position: TrainingPosition): Promise<void> {
    await this.#save("last", position);
  }

  /** Saves the weights that the model has now as the best ones. */
  async saveBest(position: TrainingPosition): Promise<void> {
    await this.#save("best", position);
  }

  /** Saves the weights that the model has now as those of an epoch, and removes those of the epoch `keep` before. */
  async saveEpoch(epoch: number, position: TrainingPosition): Promise<void> {
    await this.#save(`epoch-${epoch}`, position);
    await remove(`${this.path}/epoch-${epoch - this.config.keep}.safetensors`);
  }

  async #save(which: Parameters<typeof saveCheckpoint>[1], position: TrainingPosition): Promise<void> {
    const { path, model, config, optimization } = this;
    if (path === undefined) return;
    model.device.check(); // a device that is gone has nothing to save, and what an earlier run saved stays
    if (!this.owned) await discardWeights(path);
    this.owned = true;
    const averages = which === "last" ? await optimization.averages?.read() : undefined;
    const control = await optimization.control();
    await saveCheckpoint(path, which, model, {
      config,
      position,
      control,
      ...(averages ? { averages } : {}),
    });
  }
}

/** Removes the weights that an earlier run left as its best or of its epochs, which would pass for this one's. */
async function discardWeights(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for await (const { name } of Deno.readDir(folder)) {
    if (/^(best|epoch-\d+)\.safetensors$/.test(name)) await remove(`${folder}/${name}`);
  }
}

/** Removes a file, if there is one. */
async function remove(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
