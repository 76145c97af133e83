// Reads a command line against declared options: Deno's parseArgs does the splitting, this module the
// types, and a message that names the option, the limit and what was typed when something is wrong.

import { parseArgs as parseArgsUntyped } from "npm:deno-std@1.4.0/cli/parse_args.js";
import * as v from "npm:valibot@1.5.0";
import { UsageError } from "./exit_code.ts";
import {
  expectationOf,
  flagOf,
  type GivenValues,
  type Option,
  type Options,
  schemaOf,
  type Value,
} from "./option.ts";
import { suggestion } from "./suggestion.ts";

interface ParseArgsOptions {
  readonly string: string[];
  readonly boolean: string[];
  readonly collect: string[];
  readonly negatable: string[];
  readonly alias: Record<string, string>;
  readonly unknown: (argument: string, key?: string) => void;
}

type ParsedArguments = { readonly _: string[] } & Record<string, unknown>;

// The library's types did not come with its mirror: `collect` makes every option an array.
const parseArgs: (args: string[], options: ParseArgsOptions) => ParsedArguments = parseArgsUntyped;

/** What a command line says. */
export interface CommandLine {
  /** The values that were given, by option name; what is absent has no entry. */
  readonly given: GivenValues;
  /** The arguments that belong to no option, in order. */
  readonly positional: readonly string[];
}

/**
 * Reads a command line.
 *
 * `--epochs 5`, `--epochs=5`, `--attention`, `--no-attention`, `-o file` and `--` before arguments that
 * start with a dash are understood. A switch given twice keeps its last value.
 *
 * @param args The arguments after the command's name.
 * @param options The options that the command declares.
 * @throws {UsageError} When an option is unknown, lacks its value, is repeated, or has a wrong value.
 */
export function parseArguments(args: readonly string[], options: Options): CommandLine {
  const names = new Map(Object.keys(options).map((name) => [flagOf(name).slice(2), name]));
  const flags = [...names.keys()];
  const isSwitch = (flag: string): boolean => options[names.get(flag) ?? ""]?.type === "boolean";
  const switches = flags.filter(isSwitch);
  const valued = flags.filter((flag) => !isSwitch(flag));

  refuseOddSwitches(args, flags, switches);
  const parsed = parseArgs(joinDashedValues(args, valued), {
    string: [...valued, "_"],
    boolean: switches,
    collect: flags,
    negatable: switches,
    alias: shortNames(options, flags),
    unknown: (argument, key) => {
      if (key !== undefined) throw new UsageError(unknownOption(argument, flags, switches));
    },
  });

  const given: Record<string, Value> = {};
  for (const [flag, name] of names) {
    const option = options[name];
    const values = [parsed[flag] ?? []].flat();
    if (option !== undefined && values.length > 0) given[name] = readValues(flag, option, values);
  }
  return { given, positional: parsed._ };
}

// parseArgs takes "-1" and "-" for options of their own; after an option with a value they are its value.
function joinDashedValues(args: readonly string[], valued: readonly string[]): string[] {
  const joined: string[] = [];
  const end = dashesIn(args);
  for (let index = 0; index < args.length; index++) {
    const argument = args[index] ?? "";
    const next = args[index + 1] ?? "";
    if (index + 1 < end && valued.includes(argument.slice(2)) && /^-(\.?\d.*|Infinity)?$/.test(next)) {
      joined.push(`${argument}=${next}`);
      index++;
    } else {
      joined.push(argument);
    }
  }
  return joined;
}

// parseArgs takes any value but "false" for true, and "--no-x=value" for "--x=value".
function refuseOddSwitches(
  args: readonly string[],
  flags: readonly string[],
  switches: readonly string[],
): void {
  for (const argument of args.slice(0, dashesIn(args))) {
    const { no, flag = "", value } = /^--(?<no>no-)?(?<flag>[^=]+)=(?<value>.*)$/s.exec(argument)?.groups ??
      {};
    if (no !== undefined && flags.includes(flag)) {
      throw new UsageError(`Option --no-${flag} takes no value: got ${quote(value)}.`);
    }
    if (no === undefined && switches.includes(flag) && value !== "true" && value !== "false") {
      throw new UsageError(`Cannot read --${flag} as true or false: ${quote(value)}.`);
    }
  }
}

// The place of "--", after which nothing is an option.
function dashesIn(args: readonly string[]): number {
  return args.includes("--") ? args.indexOf("--") : args.length;
}

function shortNames(options: Options, flags: readonly string[]): Record<string, string> {
  const alias: Record<string, string> = {};
  Object.values(options).forEach(({ short }, index) => {
    const flag = flags[index];
    if (short !== undefined && flag !== undefined) alias[flag] = short;
  });
  return alias;
}

function unknownOption(argument: string, flags: readonly string[], switches: readonly string[]): string {
  const typed = argument.replace(/=.*$/s, "");
  const known = [...flags.map((flag) => `--${flag}`)];
  if (typed.startsWith("--no-")) {
    const positive = typed.replace("--no-", "");
    if (flags.includes(positive)) {
      return `Unknown option "${typed}": "--${positive}" takes a value and cannot be switched off.`;
    }
    known.push(...switches.map((flag) => `--no-${flag}`));
  }
  return `Unknown option "${typed}".${suggestion(typed, known)}`;
}

function readValues(flag: string, option: Option, values: readonly unknown[]): Value {
  if (option.type === "boolean") return readValue(flag, option, values.at(-1));
  if (values.includes("")) throw new UsageError(missingValue(flag, option));
  if (option.type === "strings") return values.map(String);
  if (values.length > 1) {
    throw new UsageError(`Option --${flag} can be given only once: got ${values.map(quote).join(" and ")}.`);
  }
  return readValue(flag, option, values[0]);
}

function readValue(flag: string, option: Option, text: unknown): Value {
  const isNumeric = option.type === "integer" || option.type === "number";
  const result = v.safeParse(schemaOf(option), isNumeric ? Number(text) : text);
  if (result.success) return result.output;
  const hint = option.type === "choice" ? suggestion(String(text), option.choices) : "";
  throw new UsageError(`Cannot read --${flag} as ${expectationOf(option)}: ${quote(text)}.${hint}`);
}

function missingValue(flag: string, option: Option): string {
  return `Option --${flag} needs a value: ${expectationOf(option)}.`;
}

function quote(value: unknown): string {
  return JSON.stringify(value);
}
