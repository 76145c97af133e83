// Training: the mean of several checkpoints as a model of its own, often better than each of them.

import { readBounded } from "../bounded_file.ts";
import { parseStrictJson } from "../strict_json.ts";
import { bestOrLast, CONFIG_BYTES, readPart, TOKENIZER_BYTES } from "./checkpoint.ts";
import { weightsOf } from "./checkpoint_contents.ts";
import { newestFirst, readNewest } from "./checkpoint_files.ts";
import { parseModel } from "./config.ts";
import { encodeSealed, openSealed } from "./sealed.ts";
import { writeAtomically } from "./write_atomically.ts";

/** A file with weights, and the folder that says of which model. */
interface Source {
  readonly folder: string;
  readonly file: string;
}

/** Sums of weights, in 64 bits. */
type Sums = Map<string, { readonly shape: readonly number[]; readonly data: Float64Array }>;

/**
 * Averages the weights of checkpoints of the same model, such as those of its last epochs (Vaswani et al. 2017, section
 * 6.1), which `train()` leaves in its folder when told to `keep` some. Needs no GPU.
 *
 * @param sources Model folders, whose best checkpoint counts, or the last where there is no best; or `.safetensors` files
 * in model folders.
 * @param folder A folder for the result, which {@linkcode loadModel} reads: options and vocabularies of the first source,
 * and the means as its best weights.
 * @throws {RangeError} If there is nothing to average, or the folder is one of a training.
 * @throws {TypeError} If the checkpoints are of different models; the message says which, and what differs.
 * @throws {Deno.errors.NotFound} If there is no model.
 * @throws {SyntaxError} If a file is not what it should be.
 *
 * @example
 * ```ts ignore
 * const epochs = [8, 9, 10].map((epoch) => `runs/names/epoch-${epoch}.safetensors`);
 * await averageCheckpoints(epochs, "runs/averaged");
 * ```
 */
export async function averageCheckpoints(sources: readonly string[], folder: string): Promise<void> {
  if (sources.length === 0) throw new RangeError("Cannot average checkpoints: there are none.");
  await refuseRun(folder);
  const located: Source[] = [];
  for (const source of sources) located.push(await locate(source));
  const [first] = located as [Source];
  const parts = await readParts(first.folder);
  const sums: Sums = new Map();
  for (const source of located) {
    if (source.folder !== first.folder) {
      refuseOtherModel(parts, await readParts(source.folder), source.folder);
    }
    await add(sums, source, source === first);
  }
  await Deno.mkdir(folder, { recursive: true });
  for await (const { name } of Deno.readDir(folder)) {
    if (PART.test(name) && !parts.has(name)) await Deno.remove(`${folder}/${name}`); // of an earlier average
  }
  for (const [name, text] of parts) await writeAtomically(`${folder}/${name}`, text);
  const means = new Map([...sums].map(([name, { shape, data }]) => {
    return [name, { shape, data: Float32Array.from(data, (sum) => sum / located.length) }];
  }));
  const bytes = encodeSealed(means, { averaged: String(located.length) });
  await writeAtomically(`${folder}/best.safetensors`, bytes);
}

/** Refuses to replace the best weights of a training. */
async function refuseRun(folder: string): Promise<void> {
  if ((await newestFirst(folder)).length > 0) {
    throw new RangeError(
      `Cannot average into "${folder}": a training left its model there. Name another folder.`,
    );
  }
}

/** Where the weights of a source lie. */
async function locate(source: string): Promise<Source> {
  const [, folder = ".", file] = /^(?:(.*)[/\\])?([^/\\]+\.safetensors)$/.exec(source) ?? [];
  if (file !== undefined) return { folder, file };
  if (await bestOrLast(source) === "best") return { folder: source, file: "best.safetensors" };
  await readPart(source, "config.json", (path) => Deno.stat(path)); // what is no model folder at all is called that
  const whole = async (name: string) => {
    (await readPart(source, name, openSealed))[Symbol.dispose]();
    return name;
  };
  return { folder: source, file: (await readNewest(source, whole)).value };
}

/** The files of tokenizers. */
const PART = /\.(vocabulary|tokenizer)\.json$|^tokenizer_config\.json$/;

/**
 * What a model folder has besides weights, by name: config.json and the tokenizers. A link among them is refused, because
 * what it leads to, in a folder of a stranger's, would be copied to where a model is published.
 */
async function readParts(folder: string): Promise<Map<string, string>> {
  const read = (name: string, most: number) =>
    readPart(folder, name, async (path) => {
      if ((await Deno.lstat(path)).isSymlink) {
        throw new TypeError("it is a link; put a copy of the file in its place.");
      }
      return new TextDecoder("utf-8", { fatal: true }).decode(await readBounded(path, most));
    });
  const parts = new Map([["config.json", await read("config.json", CONFIG_BYTES)]]);
  for await (const { name } of Deno.readDir(folder)) {
    if (PART.test(name)) parts.set(name, await read(name, TOKENIZER_BYTES));
  }
  await readPart(folder, "config.json", () => identity("config.json", parts.get("config.json")));
  return parts;
}

function refuseOtherModel(
  parts: ReadonlyMap<string, string>,
  others: ReadonlyMap<string, string>,
  folder: string,
): void {
  for (const name of new Set([...parts.keys(), ...others.keys()])) {
    const [one, other] = [parts, others].map((parts) => identity(name, parts.get(name)));
    if (one !== other) {
      throw new TypeError(`Cannot average with the model in "${folder}": its ${name} says another model.`);
    }
  }
}

/** What checkpoints that can be averaged have in common; how each was trained does not count. */
function identity(name: string, text: string | undefined): string | undefined {
  if (name !== "config.json" || text === undefined) return text;
  const { kind, model } = parseModel(parseStrictJson(text, { file: name }));
  return JSON.stringify([kind, model]);
}

/** Adds the weights of a checkpoint to the sums. */
async function add(sums: Sums, { folder, file }: Source, first: boolean): Promise<void> {
  const refuse = (name: string): never => {
    throw new TypeError(
      `Cannot average with "${folder}/${file}": its parameter "${name}" is another model's.`,
    );
  };
  using opened = await readPart(folder, file, openSealed);
  for (const name of weightsOf(opened)) {
    const { dtype, shape } = opened.tensors.get(name)!;
    if (dtype !== "F32") refuse(name);
    const { data } = opened.read(name);
    if (first) sums.set(name, { shape, data: new Float64Array(data.length) });
    const sum = sums.get(name);
    if (sum === undefined || String(sum.shape) !== String(shape)) return refuse(name);
    for (let i = 0; i < data.length; i++) sum.data[i]! += Number(data[i]);
  }
  for (const name of sums.keys()) if (!opened.tensors.has(name)) refuse(name);
}
