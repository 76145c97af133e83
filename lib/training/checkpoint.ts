// Training: what a run leaves on disk. A folder with a readable config.json, the vocabularies, and the weights as
// safetensors: the last checkpoints with everything to go on from, `best` with the weights alone.

import { Tokenizer } from "../data/tokenizer.ts";
import type { Device } from "../gpu/device.ts";
import type { Model } from "../models/model.ts";
import { Seq2Seq } from "../models/seq2seq.ts";
import { encodeCheckpoint, restoreCheckpoint, type SavedState } from "./checkpoint_contents.ts";
import { type CheckpointName, fileOf, readNewest } from "./checkpoint_files.ts";
import { FORMAT, parseConfig, parseKind, type TrainingConfig } from "./config.ts";
import { identityOf } from "./identity.ts";
import { kindOf, kindOfModel, type ModelClass } from "./kinds.ts";
import { decodeSealed } from "./sealed.ts";
import type { TrainingState } from "./state.ts";
import { tokenizerFile, writeTokenizers } from "./tokenizer_files.ts";
import { writeAtomically } from "./write_atomically.ts";

/** A checkpoint read from disk. */
export interface Checkpoint<M = Seq2Seq> {
  /** The model, ready to use. */
  readonly model: M;
  /** What training needs to go on; absent in a `best` checkpoint. */
  readonly state?: TrainingState;
  /** What was wrong with newer checkpoints, which were passed over for this one; empty if all is well. */
  readonly passedOver: readonly string[];
}

/**
 * Writes a checkpoint. Each file appears under its name complete or not at all.
 *
 * @param folder Created if it is missing.
 * @param which `last` stores the optimizer too, and the averages of the weights; its file is named by the step.
 * @param training What the trainer knows.
 */
export async function saveCheckpoint(
  folder: string,
  which: CheckpointName,
  model: Model<never>,
  training: SavedState,
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const bytes = await encodeCheckpoint(which, model, await identityOf(model), training);
  await writeParts(folder, model, training.config);
  await writeAtomically(`${folder}/${fileOf(which, training.position.step)}`, bytes);
}

/** Writes what a model folder has besides weights: config.json and the tokenizers. */
export async function writeParts(
  folder: string,
  model: Model<never>,
  training: TrainingConfig,
): Promise<void> {
  const kind = kindOfModel(model).of.name;
  const config = { format: FORMAT, kind, model: model.config, training };
  await writeTokenizers(folder, model.tokenizers);
  await writeAtomically(`${folder}/config.json`, `${JSON.stringify(config, null, 2)}\n`);
}

/**
 * Reads a model, trained by {@linkcode train} with a `folder`.
 *
 * @param device Where it shall live.
 * @param folder What training was given.
 * @param which The best by validation loss (or the last, if there was no validation) or the last.
 * @param of The model's class; {@linkcode Seq2Seq} if left out.
 * @throws {Deno.errors.NotFound} If there is no model in the folder.
 * @throws {SyntaxError} If a file in it is not what it should be; the message names it.
 * @throws {TypeError} If the model in the folder is of another class.
 */
export async function loadModel<M extends Model<never> = Seq2Seq>(
  device: Device,
  folder: string,
  which?: "best" | "last",
  of: ModelClass<M> = Seq2Seq as ModelClass<Model<never>> as ModelClass<M>,
): Promise<M> {
  return (await loadCheckpoint(device, folder, which ?? await bestOrLast(folder), of)).model;
}

/**
 * Reads a model and, from a `last` checkpoint, what it takes to go on training it. The last one is the newest that is
 * whole: of the right format and model, with the checksum that it was written with. See {@linkcode loadModel}.
 */
export async function loadCheckpoint<M extends Model<never> = Seq2Seq>(
  device: Device,
  folder: string,
  which: "best" | "last" = "last",
  of: ModelClass<M> = Seq2Seq as ModelClass<Model<never>> as ModelClass<M>,
): Promise<Checkpoint<M>> {
  const { model, training } = await readParts(device, folder, of);
  const identity = await identityOf(model);
  const read = (file: string) =>
    readPart(folder, file, (bytes) => {
      const state = restoreCheckpoint(model, identity, training, decodeSealed(bytes));
      if (which === "last" && !state) throw new TypeError("There is no optimizer in it to go on with.");
      return { model, ...(state ? { state } : {}) };
    });
  try {
    if (which === "best") return { ...await read("best.safetensors"), passedOver: [] };
    const { value, passedOver } = await readNewest(folder, read);
    return { ...value, passedOver };
  } catch (error) {
    model.close();
    throw error;
  }
}

/** Makes the model that a folder describes, its weights still to come. */
async function readParts<M extends Model<never>>(device: Device, folder: string, of: ModelClass<M>) {
  const kind = kindOf(of);
  const read = <T>(name: string, parse: (bytes: Uint8Array) => T) => readPart(folder, name, parse);
  const found = await read("config.json", (bytes) => parseKind(json(bytes)));
  if (found !== of.name) {
    throw new TypeError(
      `Cannot load a model from "${folder}" as a ${of.name}: it is a ${found}. Load it as one.`,
    );
  }
  const config = await read("config.json", (bytes) => parseConfig(json(bytes), kind.config));
  const tokenizers: Record<string, Tokenizer> = {};
  for (const name of kind.tokenizers) {
    const parse = (bytes: Uint8Array) => Tokenizer.fromJSON(json(bytes));
    tokenizers[name] = await read(await tokenizerFile(folder, name), parse);
  }
  return { model: new of(device, { ...tokenizers, ...config.model }), training: config.training };
}

/** Which checkpoint of a model folder counts: the best if there is one. */
export async function bestOrLast(folder: string): Promise<"best" | "last"> {
  try {
    await Deno.stat(`${folder}/best.safetensors`);
    return "best";
  } catch {
    return "last";
  }
}

/** Reads one file of a model folder; whatever is wrong with it is said with its name. */
export async function readPart<T>(folder: string, name: string, parse: (bytes: Uint8Array) => T): Promise<T> {
  const path = `${folder}/${name}`;
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Deno.errors.NotFound(
      `Cannot load a model from "${folder}": it has no ${name}. A model folder is what \`train --output\` writes.`,
    );
  }
  try {
    return parse(bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SyntaxError(
      `Cannot load a model from "${path}": ${reason.replace(/\.?$/, ".")} ` +
        "Restore the file from a copy, or train the model again.",
    );
  }
}

function json(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
}
