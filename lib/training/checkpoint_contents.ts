// Training: what stands in the file of a checkpoint: weights, and with them what it takes to go on.

import type { NamedArray } from "../gpu/parameters.ts";
import type { Model } from "../models/model.ts";
import { SAVED_CONTROL_SIZES } from "../ops/optimizer.ts";
import { parseStrictJson } from "../strict_json.ts";
import type { CheckpointName } from "./checkpoint_files.ts";
import { parseTraining, type TrainingConfig } from "./config.ts";
import { differenceOf, type ModelIdentity, parseIdentity } from "./identity.ts";
import type { SafetensorsInput } from "./safetensors.ts";
import type { SafetensorsFile } from "./safetensors_file.ts";
import { encodeSealed } from "./sealed.ts";
import { parsePosition, type TrainingState } from "./state.ts";

/** The tensors of the optimizer stand under these names; PyTorch readers can drop them. */
const OPTIMIZER = "optimizer.";
const CONTROL = `${OPTIMIZER}control`;
const FIRST = `${OPTIMIZER}first_moment.`;
const SECOND = `${OPTIMIZER}second_moment.`;
const AVERAGE = `${OPTIMIZER}average.`;

/** What a checkpoint takes from the trainer; the rest is in the model. */
export type SavedState = Pick<TrainingState, "config" | "position" | "control" | "averages">;

/** Makes the file of a checkpoint, in parts. */
export async function encodeCheckpoint(
  name: CheckpointName,
  model: Model<never>,
  identity: ModelIdentity,
  { config, position, control, averages }: SavedState,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const tensors = new Map<string, SafetensorsInput>(await model.parameters.read());
  if (name === "last") {
    const add = (prefix: string, arrays: ReadonlyMap<string, NamedArray>) => {
      for (const [name, array] of arrays) tensors.set(prefix + name, array);
    };
    add(FIRST, await model.parameters.read("firstMoments"));
    add(SECOND, await model.parameters.read("secondMoments"));
    if (averages) add(AVERAGE, averages);
    tensors.set(CONTROL, { shape: [control.length], data: control });
  }
  return encodeSealed(tensors, {
    identity: canonicalJson(identity),
    position: canonicalJson(position),
    training: canonicalJson(config),
  });
}

/** JSON with sorted keys: the same text for what was read as for what was written. */
function canonicalJson(value: object): string {
  return JSON.stringify(value, (_, part) => {
    const isRecord = typeof part === "object" && part !== null && !Array.isArray(part);
    return isRecord ? Object.fromEntries(Object.entries(part).sort()) : part;
  });
}

/** The names of the weights among a checkpoint's tensors. */
export function weightsOf({ tensors }: SafetensorsFile): string[] {
  return [...tensors.keys()].filter((name) => !name.startsWith(OPTIMIZER));
}

/**
 * Gives a model the weights of a checkpoint, each read when it is its turn; nothing else of the file is.
 *
 * @param identity The model's.
 * @throws {TypeError} If the checkpoint is another model's, or something is missing; the message says what.
 */
export function restoreWeights(model: Model<never>, identity: ModelIdentity, file: SafetensorsFile): void {
  const saved = identityIn(file);
  const difference = saved && differenceOf(saved, identity, "in the folder");
  if (difference) throw new TypeError(`Cannot load another model's weights: ${difference}.`);
  model.parameters.load(new Map(weightsOf(file).map((name) => [name, lazily(file, name)])));
}

/**
 * Reads what it takes to go on from a checkpoint.
 *
 * @param config What config.json says of the training, where the checkpoint is of an earlier version and does not.
 * @returns Nothing if the checkpoint has no optimizer.
 * @throws {TypeError} If something is missing or not as it has to be; the message says what.
 */
export function readState(
  { parameters }: Model<never>,
  config: TrainingConfig,
  file: SafetensorsFile,
): TrainingState | undefined {
  const { tensors, metadata } = file;
  if (tensors.get(CONTROL)?.dtype !== "U32") return undefined;
  const saved = identityIn(file);
  const moments = (prefix: string) =>
    new Map([...parameters.trainable].map(([name, { shape }]) => {
      return [name, momentOf(file, prefix + name, shape)];
    }));
  return {
    config: metadata["training"] === undefined ? config : parseTraining(json(file, "training")),
    position: parsePosition(json(file, "position")),
    ...(saved ? { identity: saved } : {}),
    control: readControl(file),
    firstMoments: moments(FIRST),
    secondMoments: moments(SECOND),
    ...([...tensors.keys()].some((name) => name.startsWith(AVERAGE)) ? { averages: moments(AVERAGE) } : {}),
  };
}

/** The optimizer's control record. */
function readControl(file: SafetensorsFile): Uint32Array<ArrayBuffer> {
  const { shape } = file.tensors.get(CONTROL)!;
  if (shape.length !== 1 || !SAVED_CONTROL_SIZES.includes(shape[0]!)) {
    const sizes = SAVED_CONTROL_SIZES.join(" or ");
    throw new TypeError(`Cannot load "${CONTROL}" of shape [${shape}]: it has ${sizes} numbers.`);
  }
  return file.read(CONTROL).data as Uint32Array<ArrayBuffer>;
}

/** The model that a checkpoint says it is of; those of earlier versions do not say. */
function identityIn(file: SafetensorsFile): ModelIdentity | undefined {
  return file.metadata["identity"] === undefined ? undefined : parseIdentity(json(file, "identity"));
}

/** One of the texts that travel with the tensors. */
function json({ metadata }: SafetensorsFile, name: string): unknown {
  return parseStrictJson(metadata[name] ?? "null", { file: name });
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

/** What the optimizer keeps of a parameter of that shape. */
function momentOf(file: SafetensorsFile, name: string, shape: readonly number[]): NamedArray {
  const found = file.tensors.get(name);
  if (!found) throw new TypeError(`Cannot load the optimizer: "${name}" is missing.`);
  if (found.dtype !== "F32" || String(found.shape) !== String(shape)) {
    const what = `${found.dtype} of shape [${found.shape}]`;
    throw new TypeError(`Cannot load "${name}", ${what}: the parameter is F32 of shape [${shape}].`);
  }
  return { shape: found.shape, data: file.read(name).data as Float32Array<ArrayBuffer> };
}
