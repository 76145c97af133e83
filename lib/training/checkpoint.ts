// Training: what a run leaves on disk. A folder with a readable config.json, the vocabularies, and the weights as
// safetensors: the last checkpoints with everything to go on from, `best` with the weights alone.

import { readStrictJson } from "../bounded_file.ts";
import { Tokenizer } from "../data/tokenizer.ts";
import type { Device } from "../gpu/device.ts";
import type { Model } from "../models/model.ts";
import { Seq2Seq } from "../models/seq2seq.ts";
import {
  encodeCheckpoint,
  readState,
  restoreWeights,
  type SavedState,
  weightsOf,
} from "./checkpoint_contents.ts";
import { type CheckpointName, fileOf, readNewest } from "./checkpoint_files.ts";
import { FORMAT, parseConfig, parseKind, type TrainingConfig } from "./config.ts";
import { identityOf, type ModelIdentity } from "./identity.ts";
import { kindOf, kindOfModel, type ModelClass } from "./kinds.ts";
import { StrictJsonError } from "../strict_json.ts";
import type { SafetensorsFile } from "./safetensors_file.ts";
import { SafetensorsError } from "./safetensors_header.ts";
import { openSealed } from "./sealed.ts";
import { SpoiltFileError } from "./spoilt_file.ts";
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

/** How many bytes a config.json may have; ours have some two thousand. */
export const CONFIG_BYTES = 2 ** 20;
/** How many bytes the file of a tokenizer may have; one of a million tokens and as many merges has less. */
export const TOKENIZER_BYTES = 2 ** 27;

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
  const { least, make } = await readParts(device, folder, of);
  const weights = await readWhole(folder, which ?? await bestOrLast(folder), { least, make }, () => ({}));
  return weights.model;
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
  const { least, make, training } = await readParts(device, folder, of);
  return await readWhole(folder, which, { least, make }, (model, file) => {
    const state = readState(model, training, file);
    if (which === "last" && !state) throw new TypeError("There is no optimizer in it to go on with.");
    return state ? { state } : {};
  });
}

/** Reads a model's weights, and what else is wanted of their file. */
async function readWhole<M extends Model<never>, More>(
  folder: string,
  which: "best" | "last",
  { least, make }: { readonly least: number; readonly make: () => M },
  readMore: (model: M, file: SafetensorsFile) => More,
): Promise<{ readonly model: M; readonly passedOver: readonly string[] } & More> {
  let model: M | undefined;
  let identity: ModelIdentity | undefined;
  const read = (name: string) =>
    readPart(folder, name, async (path) => {
      using file = await openSealed(path);
      assertHolds(file, least);
      model ??= make();
      restoreWeights(model, identity ??= await identityOf(model), file);
      return { model, ...readMore(model, file) };
    });
  try {
    if (which === "best") return { ...await read("best.safetensors"), passedOver: [] };
    const { value, passedOver } = await readNewest(folder, read);
    return { ...value, passedOver };
  } catch (error) {
    model?.close();
    throw error;
  }
}

/** Reads what a model folder has besides weights: how to make its model, and the weights that one has at least. */
async function readParts<M extends Model<never>>(device: Device, folder: string, of: ModelClass<M>) {
  const kind = kindOf(of);
  const readJson = async <T>(name: string, most: number, parse: (json: unknown) => T) =>
    await readPart(folder, name, async (path) => parse(await readStrictJson(path, most)));
  const found = await readJson("config.json", CONFIG_BYTES, parseKind);
  if (found !== of.name) {
    throw new TypeError(
      `Cannot load a model from "${folder}" as a ${of.name}: it is a ${found}. Load it as one.`,
    );
  }
  const config = await readJson("config.json", CONFIG_BYTES, (json) => parseConfig(json, kind.config));
  const tokenizers: Record<string, Tokenizer> = {};
  for (const name of kind.tokenizers) {
    const file = await tokenizerFile(folder, name);
    tokenizers[name] = await readJson(file, TOKENIZER_BYTES, Tokenizer.fromJSON);
  }
  return {
    make: () => new of(device, { ...tokenizers, ...config.model }),
    least: kind.leastWeights(config.model, tokenizers),
    training: config.training,
  };
}

/** Refuses a model that its file cannot have the weights of, before memory is taken for one as large as it claims. */
function assertHolds(file: SafetensorsFile, least: number): void {
  const spans = weightsOf(file).map((name) => file.tensors.get(name)!);
  const bytes = spans.reduce((sum, { begin, end }) => sum + end - begin, 0);
  if (bytes >= 4 * least) return;
  throw new TypeError(
    `it has ${bytes} bytes of weights, and the model that config.json describes has at least ${least} weights`,
  );
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
export async function readPart<T>(
  folder: string,
  name: string,
  read: (path: string) => T | Promise<T>,
): Promise<T> {
  const path = `${folder}/${name}`;
  try {
    return await read(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Deno.errors.NotFound(
        `Cannot load a model from "${folder}": it has no ${name}. A model folder is what \`train --output\` writes.`,
      );
    }
    if (!saysOfContents(error)) throw error; // nothing is known to be wrong with the file
    const reason = error instanceof StrictJsonError
      ? `it cannot be read as JSON: ${error.reason}`
      : error.message;
    // A stranger's names and values, of which a terminal would obey the control characters.
    const shown = reason.replaceAll(/\p{Cc}/gu, "�").replace(/\.?$/, ".");
    throw new SpoiltFileError(path, shown, error);
  }
}

/** Whether an error says that a file's contents are wrong; those of disks and GPUs are of other classes. */
function saysOfContents(error: unknown): error is Error {
  return [SyntaxError, TypeError, RangeError, SafetensorsError].some((its) => error instanceof its);
}
