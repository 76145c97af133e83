// Training: the names of a model folder's checkpoints, which of them is the newest, and which may go.

import { SpoiltFileError } from "./spoilt_file.ts";

/** What a checkpoint is of: all it takes to go on, the best weights, or the weights of an epoch. */
export type CheckpointName = "last" | "best" | `epoch-${number}`;

/** The files with weights; earlier versions called the last checkpoint `last`. */
const WEIGHTS = /^(best|last|epoch-(?<epoch>\d+)|step-(?<step>\d+))\.safetensors$/;

/** The name of a checkpoint's file; those that training goes on from have their step in it. */
export function fileOf(name: CheckpointName, step: number): string {
  return `${name === "last" ? `step-${String(step).padStart(8, "0")}` : name}.safetensors`;
}

/** The names of all files with weights in a folder; none if there is no folder. */
export async function weightFiles(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).filter((name) =>
      WEIGHTS.test(name)
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** The names of the checkpoints that training can go on from, newest first. */
export async function newestFirst(folder: string): Promise<string[]> {
  const names = (await weightFiles(folder)).filter((name) => stepOf(name) !== undefined);
  return names.sort((one, other) => stepOf(other)! - stepOf(one)!);
}

/** The step of a checkpoint that training can go on from; of an earlier version's, one before all others. */
function stepOf(name: string): number | undefined {
  if (name === "last.safetensors") return -1;
  const { step } = WEIGHTS.exec(name)?.groups ?? {};
  return step === undefined ? undefined : Number(step);
}

/** The newest checkpoint that could be read. */
export interface Newest<T> {
  /** What reading it gave. */
  readonly value: T;
  /** What is wrong with those that are newer, newest first. */
  readonly passedOver: readonly string[];
}

/**
 * Reads the newest checkpoint of a folder that is whole. Nothing but the files says which it is, and a name proves nothing.
 *
 * Only one whose contents are wrong is passed over. What a disk, a GPU or a lack of memory does says nothing about a
 * checkpoint, and a run that went on from an older one would in the end remove a newer one that is good.
 *
 * @param read Reads one completely, and throws if anything is wrong with it.
 * @throws {Deno.errors.NotFound} If there is none.
 * @throws {SpoiltFileError} That of the newest, if none is whole.
 * @throws What else `read` throws.
 */
export async function readNewest<T>(folder: string, read: (name: string) => Promise<T>): Promise<Newest<T>> {
  const errors: SpoiltFileError[] = [];
  for (const name of await newestFirst(folder)) {
    try {
      return { value: await read(name), passedOver: errors.map(({ problem }) => problem) };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue; // a training has removed it since
      if (!(error instanceof SpoiltFileError)) throw error;
      if (error.cause instanceof RangeError) throw error; // the model or the memory, which are the same for all
      errors.push(error);
    }
  }
  throw errors[0] ?? new Deno.errors.NotFound(
    `Cannot load a model from "${folder}": it has no checkpoint. A model folder is what \`train --output\` writes.`,
  );
}

/**
 * Removes the checkpoints that a new one of the same run makes superfluous: all but the newest ones, and those that were
 * passed over when the run began, which must not take the place of one that is whole.
 *
 * @param from The step that the run went on from; 0 for one that began anew.
 * @param written The names of those that the run has written, the new one among them.
 * @param count How many to leave, the new one included.
 */
export async function removeOlder(
  folder: string,
  from: number,
  written: ReadonlySet<string>,
  count: number,
): Promise<void> {
  const names = await newestFirst(folder);
  const whole = names.filter((name) => written.has(name) || stepOf(name)! <= from);
  const left = new Set(whole.slice(0, count));
  for (const name of names) if (!left.has(name)) await removeIfThere(`${folder}/${name}`);
}

/** Removes the weights of an epoch and of those before it. */
export async function removeEpochs(folder: string, last: number): Promise<void> {
  for (const name of await weightFiles(folder)) {
    const epoch = WEIGHTS.exec(name)?.groups?.["epoch"];
    if (epoch !== undefined && Number(epoch) <= last) await removeIfThere(`${folder}/${name}`);
  }
}

/** Removes all weights. */
export async function removeWeights(folder: string): Promise<void> {
  for (const name of await weightFiles(folder)) await removeIfThere(`${folder}/${name}`);
}

/** Removes a file, if there is one. */
export async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
