// What a run was told: run.json in its folder, from which `train --resume` takes up the options again. It is a
// configuration file like any other: `train --config runs/x/run.json --output runs/y` trains the same again.

import { CHANGEABLE_OPTIONS } from "../training/resumable.ts";
import { writeAtomically } from "../training/write_atomically.ts";
import { readConfigFile } from "./config_file.ts";
import { UsageError } from "./exit_code.ts";
import { flagOf, type GivenValues, type Options, type Value, type Values, withDefaults } from "./option.ts";

const FILE = "run.json";

/** Options of one call of the program, not of the run: they are not kept, so that the next call is free of them. */
const OF_THE_CALL = [
  ...["output", "resume", "profile", "summary", "anomaly", "maxSteps", "saveEvery"],
  ...["offline", "sha256", "memoryBudget", "onDeviceLost"],
];

/**
 * Options that a run may change when it goes on, and keeps: how long, at which rate, what is saved, and where the corpus
 * lies (what is in it, the hash of the split tells).
 */
const CHANGEABLE: readonly string[] = [
  ...CHANGEABLE_OPTIONS,
  ...["corpus", "validCorpus", "cache", "mirror"],
];

/** Writes the options of a run into its folder. */
export async function writeRunOptions(
  folder: string,
  values: Readonly<Record<string, Value | undefined>>,
): Promise<void> {
  await writeAtomically(`${folder}/${FILE}`, `${JSON.stringify(ofTheRun(values), null, 2)}\n`);
}

/**
 * Returns the options with which a run goes on: those that it had, and what is given anew.
 *
 * @param folder The run's.
 * @param options All that the command declares.
 * @param given What the command line and its configuration file say, without defaults.
 * @throws {Deno.errors.NotFound} If there is no run in the folder.
 * @throws {UsageError} If what is given contradicts the run; the message names each option with both values.
 */
export async function resumedOptions<O extends Options>(
  folder: string,
  options: O,
  given: GivenValues,
): Promise<Values<O>> {
  const saved = await readRunOptions(folder, options);
  const { output = folder } = given;
  if (withoutSlash(String(output)) !== withoutSlash(folder)) {
    throw new UsageError(`Cannot resume ${folder} with --output ${output}: a run goes on in its own folder.`);
  }
  const show = (value: Value | undefined) => value === undefined ? "not set" : String(value);
  const changed = Object.entries(given).filter(([name, value]) =>
    ![...OF_THE_CALL, ...CHANGEABLE].includes(name) && show(value) !== show(saved[name])
  ).map(([name, value]) => `${flagOf(name)} is ${show(saved[name])} in ${folder} and ${show(value)} here`);
  if (changed.length > 0) {
    throw new UsageError(`Cannot resume: ${changed.join("; ")}. Leave it out, or train into another folder.`);
  }
  return withDefaults(options, { ...saved, ...given, output: folder });
}

async function readRunOptions(folder: string, options: Options): Promise<GivenValues> {
  const path = `${folder}/${FILE}`;
  try {
    return ofTheRun(await readConfigFile(path, options)); // earlier versions kept all
  } catch (error) {
    if (!(error instanceof UsageError && error.cause instanceof Deno.errors.NotFound)) throw error;
    throw new Deno.errors.NotFound(
      `Cannot resume "${folder}": it has no ${FILE}. A run that can go on is what \`train --output\` writes.`,
    );
  }
}

function ofTheRun<V>(values: Readonly<Record<string, V>>): Record<string, V> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !OF_THE_CALL.includes(name)));
}

function withoutSlash(path: string): string {
  return path.replace(/[/\\]+$/, "");
}
