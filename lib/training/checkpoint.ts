// Training: what a run leaves on disk. A folder with a readable config.json, the vocabularies, and the weights as
// safetensors: `last` with everything to go on from, `best` with the weights alone.

import { readStrictJson } from "../bounded_file.ts";
import { Tokenizer } from "../data/tokenizer.ts";
import type { Device } from "../gpu/device.ts";
import type { NamedArray } from "../gpu/parameters.ts";
import type { Model } from "../models/model.ts";
import { Seq2Seq } from "../models/seq2seq.ts";
import { FORMAT, parseConfig, parseKind, type TrainingConfig } from "./config.ts";
import { kindOf, kindOfModel, type ModelClass } from "./kinds.ts";
import { parseStrictJson, StrictJsonError } from "../strict_json.ts";
import { encodeSafetensors, type SafetensorsInput } from "./safetensors.ts";
import { openSafetensors, type SafetensorsFile } from "./safetensors_file.ts";
import { parsePosition, type TrainingState } from "./state.ts";
import { tokenizerFile, writeTokenizers } from "./tokenizer_files.ts";
import { writeAtomically } from "./write_atomically.ts";

/** A checkpoint read from disk. */
export interface Checkpoint<M = Seq2Seq> {
  /** The model, ready to use. */
  readonly model: M;
  /** What training needs to go on; absent in a `best` checkpoint. */
  readonly state?: TrainingState;
}

/** The tensors of the optimizer stand under these names in a `last` file; PyTorch readers can drop them. */
const CONTROL = "optimizer.control";
const FIRST = "optimizer.first_moment.";
const SECOND = "optimizer.second_moment.";
const AVERAGE = "optimizer.average.";

/** How many bytes a config.json may have; ours have some two thousand. */
export const CONFIG_BYTES = 2 ** 20;
/** How many bytes the file of a tokenizer may have; one of a million tokens and as many merges has less. */
export const TOKENIZER_BYTES = 2 ** 27;

/**
 * Writes a checkpoint. Each file appears under its name complete or not at all.
 *
 * @param folder Created if it is missing.
 * @param which `last` stores the optimizer too, and the averages of the weights.
 * @param training What the trainer knows.
 */
export async function saveCheckpoint(
  folder: string,
  which: "last" | "best" | `epoch-${number}`,
  model: Model<never>,
  training: Pick<TrainingState, "config" | "position" | "control" | "averages">,
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const tensors = new Map<string, SafetensorsInput>(await model.parameters.read());
  if (which === "last") {
    const add = (prefix: string, arrays: ReadonlyMap<string, NamedArray>) => {
      for (const [name, array] of arrays) tensors.set(prefix + name, array);
    };
    add(FIRST, await model.parameters.read("firstMoments"));
    add(SECOND, await model.parameters.read("secondMoments"));
    if (training.averages) add(AVERAGE, training.averages);
    tensors.set(CONTROL, { shape: [training.control.length], data: training.control });
  }
  const kind = kindOfModel(model).of.name;
  const config = { format: FORMAT, kind, model: model.config, training: training.config };
  await writeTokenizers(folder, model.tokenizers);
  await writeAtomically(`${folder}/config.json`, `${JSON.stringify(config, null, 2)}\n`);
  const metadata = { position: JSON.stringify(training.position) };
  await writeAtomically(`${folder}/${which}.safetensors`, encodeSafetensors(tensors, metadata));
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

/** Reads a model and, from a `last` checkpoint, what it takes to go on training it. See {@linkcode loadModel}. */
export async function loadCheckpoint<M extends Model<never> = Seq2Seq>(
  device: Device,
  folder: string,
  which: "best" | "last" = "last",
  of: ModelClass<M> = Seq2Seq as ModelClass<Model<never>> as ModelClass<M>,
): Promise<Checkpoint<M>> {
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
  return await readPart(folder, `${which}.safetensors`, async (path) => {
    using file = await openSafetensors(path);
    assertHolds(file, kind.leastWeights(config.model, tokenizers));
    const model = new of(device, { ...tokenizers, ...config.model });
    try {
      return fill(model, config.training, file);
    } catch (error) {
      model.close();
      throw error;
    }
  });
}

/** Refuses a model that its file cannot have the weights of, before memory is taken for one as large as it claims. */
function assertHolds({ tensors }: SafetensorsFile, least: number): void {
  const bytes = [...tensors.values()].reduce((sum, { begin, end }) => sum + end - begin, 0);
  if (bytes >= 4 * least) return;
  throw new TypeError(
    `it has ${bytes} bytes of numbers, and the model that config.json describes has at least ${least} weights`,
  );
}

/** Gives a model its weights, each read when it is its turn; returns it with the rest of the checkpoint. */
function fill<M extends Model<never>>(
  model: M,
  config: TrainingConfig,
  file: SafetensorsFile,
): Checkpoint<M> {
  const names = [...file.tensors.keys()];
  const weights = names.filter((name) => !name.startsWith("optimizer."));
  model.parameters.load(new Map(weights.map((name) => [name, lazily(file, name)])));
  if (file.tensors.get(CONTROL)?.dtype !== "U32") return { model };
  const moments = (prefix: string) =>
    new Map([...model.parameters.trainable].map(([name, { shape }]) => {
      const found = file.tensors.get(prefix + name);
      if (!found) throw new TypeError(`Cannot load the optimizer: "${prefix}${name}" is missing.`);
      if (found.dtype !== "F32" || String(found.shape) !== String(shape)) {
        const what = `${found.dtype} of shape [${found.shape}]`;
        throw new TypeError(
          `Cannot load "${prefix}${name}", ${what}: the parameter is F32 of shape [${shape}].`,
        );
      }
      return [name, { shape: found.shape, data: file.read(prefix + name).data as Float32Array<ArrayBuffer> }];
    }));
  const state = {
    config,
    position: parsePosition(parseStrictJson(file.metadata["position"] ?? "null", { file: "position" })),
    control: file.read(CONTROL).data as Uint32Array<ArrayBuffer>,
    firstMoments: moments(FIRST),
    secondMoments: moments(SECOND),
    ...(names.some((name) => name.startsWith(AVERAGE)) ? { averages: moments(AVERAGE) } : {}),
  };
  return { model, state };
}

/** A tensor of a file whose numbers are read when they are asked for. */
function lazily(
  file: SafetensorsFile,
  name: string,
): { shape: readonly number[]; readonly data: Float32Array } {
  const { dtype, shape } = file.tensors.get(name)!;
  if (dtype !== "F32") {
    throw new TypeError(
      `Cannot load the parameter ${JSON.stringify(name)}: it is ${dtype}, and has to be F32.`,
    );
  }
  return {
    shape,
    get data() {
      return file.read(name).data as Float32Array;
    },
  };
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
    if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) throw error;
    const reason = error instanceof StrictJsonError
      ? `it cannot be read as JSON: ${error.reason}`
      : error instanceof Error
      ? error.message
      : String(error);
    // A stranger's names and values, of which a terminal would obey the control characters.
    const shown = reason.replaceAll(/\p{Cc}/gu, "�").replace(/\.?$/, ".");
    throw new SyntaxError(
      `Cannot load a model from "${path}": ${shown} ` +
        "Restore the file from a copy, or train the model again.",
      { cause: error },
    );
  }
}
