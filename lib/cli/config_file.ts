// Reads the file of `--config`: a JSON object whose keys are the command's option names in camelCase.
// Its values are defaults that the command line overrides, and are checked as strictly.

import * as v from "npm:valibot@1.5.0";
import { readBounded } from "../bounded_file.ts";
import { parseStrictJson, StrictJsonError } from "../strict_json.ts";
import { UsageError } from "./exit_code.ts";
import { expectationOf, type GivenValues, type Options, schemaOf } from "./option.ts";
import { suggestion } from "./suggestion.ts";

/** How many bytes a configuration may have. */
const MOST_CONFIG_BYTES = 2 ** 20;

/**
 * Reads a configuration file.
 *
 * @param path The file's path, relative to the current folder.
 * @param options The options that the command declares.
 * @throws {UsageError} When the file cannot be read, which its cause tells, is not JSON, has an unknown key or a wrong value.
 */
export async function readConfigFile(path: string, options: Options): Promise<GivenValues> {
  let text;
  try {
    text = new TextDecoder().decode(await readBounded(path, MOST_CONFIG_BYTES));
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    throw new UsageError(`Cannot read the configuration file ${quote(path)}: ${whyUnreadable(cause)}.`, {
      cause,
    });
  }
  return parseConfig(text, path, options);
}

/**
 * Reads the text of a configuration file.
 *
 * @param text The file's text.
 * @param path The file's path, for messages.
 * @param options The options that the command declares.
 * @throws {UsageError} When the text is not JSON, has an unknown key or a wrong value.
 */
export function parseConfig(text: string, path: string, options: Options): GivenValues {
  const entries = Object.entries(options).map(([name, option]) => [name, v.optional(schemaOf(option))]);
  const schema: v.GenericSchema<unknown, GivenValues> = v.strictObject(Object.fromEntries(entries));
  const value = parseJson(text, path);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new UsageError(`Cannot use ${quote(path)} as a configuration file: it must hold one JSON object.`);
  }
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  throw new UsageError(result.issues.map((issue) => describe(issue, path, options)).join("\n"));
}

function describe(issue: v.BaseIssue<unknown>, path: string, options: Options): string {
  const name = String(issue.path?.[0]?.key);
  const option = Object.hasOwn(options, name) ? options[name] : undefined;
  if (option === undefined) {
    return `Unknown key ${quote(name)} in ${quote(path)}.${
      suggestion(camelCase(name), Object.keys(options))
    }`;
  }
  // The first step of the path is the option; an issue inside a list still shows the option's own value.
  const value = quote(issue.path?.[0]?.value);
  const hint = option.type === "choice" ? suggestion(value.replaceAll('"', ""), option.choices) : "";
  return `Cannot read "${name}" in ${quote(path)} as ${expectationOf(option)}: ${value}.${hint}`;
}

function parseJson(text: string, path: string): unknown {
  try {
    return parseStrictJson(text, { file: path, comments: true }); // which people write into their configurations
  } catch (error) {
    if (!(error instanceof StrictJsonError)) throw error;
    throw new UsageError(`${error.message}.`);
  }
}

function whyUnreadable(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof StrictJsonError) return error.reason;
  return error instanceof Error ? error.message : String(error);
}

function camelCase(name: string): string {
  return name.replace(/^-+/, "").replace(/[-_]([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function quote(value: unknown): string {
  return JSON.stringify(value);
}
