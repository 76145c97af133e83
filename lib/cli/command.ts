// The framework of the program: a command is one declaration, from which its options, its help, its
// configuration file and the types of its values follow. `runCommand` carries one out.

import * as v from "npm:valibot@1.5.0";
import { parseArguments } from "./arguments.ts";
import type { CommandHelp, CommandText } from "./command_text.ts";
import { readConfigFile } from "./config_file.ts";
import type { Environment } from "./environment.ts";
import { UsageError } from "./exit_code.ts";
import { commandHelp } from "./help.ts";
import { Interruption } from "./interruption.ts";
import {
  flagOf,
  type GivenValues,
  type Option,
  type Options,
  schemaOf,
  type Values,
  withDefaults,
} from "./option.ts";
import { Output } from "./output.ts";

/** What a running command is given besides its options. */
export interface Context {
  /** Where to write. */
  readonly output: Output;
  /** The arguments that belong to no option. */
  readonly positional: readonly string[];
  /** The options that the command line and the configuration file gave, without defaults. */
  readonly given: GivenValues;
  /**
   * From the first call on, SIGINT or SIGTERM aborts the returned signal and no longer ends the program: a
   * command that calls it must look at the signal, save and return. The exit code then tells which it was.
   * A second signal ends the program at once.
   */
  readonly interruption: () => AbortSignal;
  /** Whether SIGUSR1, which asks for a checkpoint now, has arrived since the last question; after `interruption`. */
  readonly saveAsked: () => boolean;
}

/** What {@linkcode defineCommand} takes. */
export interface CommandDeclaration<O extends Options> extends CommandText {
  /** The options by their camelCase names. */
  readonly options: O;
  /** Carries the command out and returns the exit code, usually `ExitCode.ok`. */
  readonly run: (options: Values<O>, context: Context) => Promise<number>;
}

/** A command of the program, made by {@linkcode defineCommand}. */
export interface Command extends CommandHelp {
  /** Carries the command out with checked values, on top of which the defaults are laid. */
  readonly runWith: (given: GivenValues, context: Context) => Promise<number>;
}

/** The options that every command has. */
export const SHARED_OPTIONS: Options = {
  config: {
    type: "string",
    value: "<file>",
    description: "Take defaults from a JSON file, its keys in camelCase",
  },
  json: { type: "boolean", description: "Write one JSON object a line, for machines" },
  debug: { type: "boolean", description: "Show where an error comes from" },
  help: { type: "boolean", short: "h", description: "Show this help" },
};

/**
 * Declares a command.
 *
 * @param declaration Its name, help, options and function; the function's `options` get their types from
 * the declared options.
 * @throws {TypeError} When the declaration contradicts itself, such as with a default that is not allowed.
 *
 * @example
 * ```ts ignore
 * export const command: Command = defineCommand({
 *   name: "greet",
 *   summary: "Greet somebody",
 *   examples: [{ description: "Greet three times", args: "--times 3 Ada" }],
 *   positional: { name: "name", description: "Whom to greet" },
 *   options: {
 *     times: { type: "integer", minimum: 1, default: 1, description: "How often" },
 *     tone: { type: "choice", choices: ["warm", "formal"], description: "How to sound" },
 *   },
 *   run({ times, tone }, { output, positional: [name] }) { // number, "warm" | "formal" | undefined
 *     for (let i = 0; i < times; i++) output.line(`${tone === "formal" ? "Good day" : "Hi"}, ${name}!`);
 *     return Promise.resolve(ExitCode.ok);
 *   },
 * });
 * ```
 */
export function defineCommand<const O extends Options>(declaration: CommandDeclaration<O>): Command {
  const { run, ...text } = declaration;
  checkOptions(declaration.name, declaration.options);
  return { ...text, runWith: (given, context) => run(withDefaults(declaration.options, given), context) };
}

function checkOptions(command: string, options: Options): void {
  const letters = new Set<string>(["h"]);
  for (const [name, option] of Object.entries(options)) {
    const fail = (reason: string): never => {
      throw new TypeError(`Cannot define ${flagOf(name)} of the command "${command}": ${reason}.`);
    };
    if (!/^[a-z][A-Za-z0-9]*$/.test(name)) fail("its name is not in camelCase");
    if (name in SHARED_OPTIONS) fail("every command has an option of that name");
    if (option.short !== undefined && !/^[a-zA-Z]$/.test(option.short)) {
      fail(`"${option.short}" is not a letter`);
    }
    if (option.short !== undefined && letters.has(option.short)) fail(`-${option.short} is already taken`);
    if (option.short !== undefined) letters.add(option.short);
    if (!hasValidDefault(option)) fail(`its default ${JSON.stringify(option.default)} is not allowed`);
  }
}

function hasValidDefault(option: Option): boolean {
  return option.default === undefined || v.is(schemaOf(option), option.default);
}

/**
 * Carries out one command: reads the arguments and the configuration file, or shows the help.
 *
 * @param command The command.
 * @param args The arguments after the command's name.
 * @param environment The surroundings of the program.
 * @returns The exit code.
 * @throws {UsageError} When the arguments are wrong, and whatever the command itself throws.
 */
export async function runCommand(
  command: Command,
  args: readonly string[],
  environment: Environment,
): Promise<number> {
  if (asksForHelp(args)) {
    environment.stdout.write(commandHelp(command, SHARED_OPTIONS, environment));
    return 0;
  }
  const { given: typed, positional } = parseArguments(args, { ...command.options, ...SHARED_OPTIONS });
  checkPositional(command, positional);
  const { config, json, debug: _debug, help: _help, ...values } = typed;
  const defaults = config === undefined ? {} : await readConfigFile(String(config), command.options);

  const output = new Output({ ...environment, json: json === true });
  const interruption = new Interruption();
  try {
    const given = { ...defaults, ...values };
    const { saveAsked } = interruption;
    const context = { output, positional, given, saveAsked, interruption: () => interruption.listen() };
    const code = await command.runWith(given, context);
    return interruption.error?.exitCode ?? code;
  } finally {
    output.close();
    interruption.close();
  }
}

/** Tells whether `--help` or `-h` stands among the arguments. */
export function asksForHelp(args: readonly string[]): boolean {
  return beforeDashes(args).some((argument) => argument === "--help" || argument === "-h");
}

/** Tells whether `--debug` stands among the arguments. */
export function asksForDebug(args: readonly string[]): boolean {
  return beforeDashes(args).includes("--debug");
}

function beforeDashes(args: readonly string[]): readonly string[] {
  return args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
}

function checkPositional({ name, positional }: Command, given: readonly string[]): void {
  const surplus = given[positional === undefined ? 0 : positional.many ? Infinity : 1];
  if (surplus !== undefined) {
    throw new UsageError(`Unexpected argument ${JSON.stringify(surplus)} for "${name}".`);
  }
  if (positional?.required && given.length === 0) {
    throw new UsageError(`The command "${name}" needs <${positional.name}>: ${positional.description}.`);
  }
}
