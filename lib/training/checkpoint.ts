// Training: what a run leaves on disk. A folder with a readable config.json, the vocabularies, and the weights as
// safetensors: `last` with everything to go on from, `best` with the weights alone.

import { Tokenizer } from "../data/tokenizer.ts";
import type { Device } from "../gpu/device.ts";
import type { NamedArray } from "../gpu/parameters.ts";
import type { Model } from "../models/model.ts";
import { Seq2Seq } from "../models/seq2seq.ts";
import { FORMAT, parseConfig, parseKind, type TrainingConfig } from "./config.ts";
import { kindOf, kindOfModel, type ModelClass } from "./kinds.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  type Safetensors,
  type SafetensorsInput,
} from "./safetensors.ts";
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
  const file = `${which}.safetensors`;
  const decoded = await read(file, decodeSafetensors);
  const model = new of(device, { ...tokenizers, ...config.model });
  try {
    return explain(`${folder}/${file}`, () => fill(model, config.training, decoded));
  } catch (error) {
    model.close();
    throw error;
  }
}

/** Gives a model its weights; returns it with the rest of the checkpoint. */
function fill<M extends Model<never>>(
  model: M,
  config: TrainingConfig,
  { tensors, metadata }: Safetensors,
): Checkpoint<M> {
  const arrays = new Map<string, NamedArray>();
  for (const [name, { shape, data }] of tensors) {
    if (data instanceof Float32Array) arrays.set(name, { shape, data: data as Float32Array<ArrayBuffer> });
  }
  model.parameters.load(new Map([...arrays].filter(([name]) => !name.startsWith("optimizer."))));
  const control = tensors.get(CONTROL)?.data;
  if (!(control instanceof Uint32Array)) return { model };
  const moments = (prefix: string) =>
    new Map([...model.parameters.trainable.keys()].map((name) => {
      const array = arrays.get(prefix + name);
      if (array) return [name, array];
      throw new TypeError(`Cannot load the optimizer: "${prefix}${name}" is missing.`);
    }));
  const state = {
    config,
    position: parsePosition(JSON.parse(metadata["position"] ?? "null")),
    control: control as Uint32Array<ArrayBuffer>,
    firstMoments: moments(FIRST),
    secondMoments: moments(SECOND),
    ...([...arrays.keys()].some((name) => name.startsWith(AVERAGE)) ? { averages: moments(AVERAGE) } : {}),
  };
  return { model, state };
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
  return explain(path, () => parse(bytes));
}

/** Puts the name of a file before what is wrong with it, and after it what to do. */
function explain<T>(path: string, read: () => T): T {
  try {
    return read();
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
