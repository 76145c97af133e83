// Training: what stands in the file of a checkpoint: weights, and with them what it takes to go on.

import type { NamedArray } from "../gpu/parameters.ts";
import type { Model } from "../models/model.ts";
import type { CheckpointName } from "./checkpoint_files.ts";
import { parseTraining, type TrainingConfig } from "./config.ts";
import { differenceOf, type ModelIdentity, parseIdentity } from "./identity.ts";
import type { Safetensors, SafetensorsInput } from "./safetensors.ts";
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

/** Makes the file of a checkpoint. */
export async function encodeCheckpoint(
  name: CheckpointName,
  model: Model<never>,
  identity: ModelIdentity,
  { config, position, control, averages }: SavedState,
): Promise<Uint8Array<ArrayBuffer>> {
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

/** The weights among a checkpoint's tensors. */
export function weightsOf({ tensors }: Safetensors): Safetensors["tensors"] {
  return new Map([...tensors].filter(([name]) => !name.startsWith(OPTIMIZER)));
}

/**
 * Gives a model the weights of a checkpoint.
 *
 * @param identity The model's.
 * @param config What config.json says of the training, where the checkpoint is of an earlier version and does not.
 * @returns What it takes to go on, if the checkpoint has it.
 * @throws {TypeError} If the checkpoint is another model's, or something is missing; the message says what.
 */
export function restoreCheckpoint(
  model: Model<never>,
  identity: ModelIdentity,
  config: TrainingConfig,
  checkpoint: Safetensors,
): TrainingState | undefined {
  const { tensors, metadata } = checkpoint;
  const json = (name: string) => JSON.parse(metadata[name] ?? "null");
  const saved = metadata["identity"] === undefined ? undefined : parseIdentity(json("identity"));
  const difference = saved && differenceOf(saved, identity, "in the folder");
  if (difference) throw new TypeError(`Cannot load another model's weights: ${difference}.`);
  const arrays = new Map<string, NamedArray>();
  for (const [name, { shape, data }] of tensors) {
    if (data instanceof Float32Array) arrays.set(name, { shape, data: data as Float32Array<ArrayBuffer> });
  }
  model.parameters.load(new Map([...weightsOf(checkpoint).keys()].map((name) => [name, arrays.get(name)!])));
  const control = tensors.get(CONTROL)?.data;
  if (!(control instanceof Uint32Array)) return undefined;
  const moments = (prefix: string) =>
    new Map([...model.parameters.trainable.keys()].map((name) => {
      const array = arrays.get(prefix + name);
      if (array) return [name, array];
      throw new TypeError(`Cannot load the optimizer: "${prefix}${name}" is missing.`);
    }));
  return {
    config: metadata["training"] === undefined ? config : parseTraining(json("training")),
    position: parsePosition(json("position")),
    ...(saved ? { identity: saved } : {}),
    control: control as Uint32Array<ArrayBuffer>,
    firstMoments: moments(FIRST),
    secondMoments: moments(SECOND),
    ...([...arrays.keys()].some((name) => name.startsWith(AVERAGE)) ? { averages: moments(AVERAGE) } : {}),
  };
}
