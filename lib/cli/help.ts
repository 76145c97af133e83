// Lays out the help of the program and of one command from the declarations.

import type { CommandHelp } from "./command_text.ts";
import { flagOf, type Option, type Options } from "./option.ts";
import type { Permissions } from "./permissions.ts";

/** What the help needs to know of the place where it is shown. */
export interface HelpOptions {
  /** The width to lay the text out for, in characters. */
  readonly columns: number;
  /** How a person starts the command of that name. */
  readonly invocation: (command: string, permissions?: Permissions) => string;
}

const MARGIN = "  ";
/** Beyond this, lines are hard to read. */
const WIDEST = 100;

/** Returns the line that tells how a command is called. */
export function usageOf({ name, positional }: CommandHelp): string {
  const argument = positional === undefined ? "" : `<${positional.name}>${positional.many ? "…" : ""}`;
  return ["attend", name, "[options]", positional?.required ? argument : argument && `[${argument}]`]
    .filter((part) => part !== "").join(" ").trimEnd();
}

/**
 * Returns the help of one command.
 *
 * @param command The command.
 * @param shared The options that every command has.
 * @param place Where the help is shown.
 */
export function commandHelp(command: CommandHelp, shared: Options, place: HelpOptions): string {
  const { positional } = command;
  const width = Math.min(place.columns, WIDEST);
  const sections = [
    `${sentence(command.summary)}\n`,
    `Usage: ${usageOf(command)}\n`,
    ...(command.description === undefined ? [] : [`${wrap(command.description, width).join("\n")}\n`]),
    ...(positional === undefined
      ? []
      : [`Arguments:\n${table([[`<${positional.name}>`, positional.description]], width)}`]),
    ...(Object.keys(command.options).length === 0
      ? []
      : [`Options:\n${optionTable(command.options, width)}`]),
    `Options of every command:\n${optionTable(shared, width)}`,
    `Examples:\n${examples(command, place)}`,
  ];
  return sections.join("\n");
}

/**
 * Returns the help of the program.
 *
 * @param commands Name and summary of each command.
 * @param place Where the help is shown.
 */
export function programHelp(commands: readonly (readonly [string, string])[], place: HelpOptions): string {
  const width = Math.min(place.columns, WIDEST);
  return [
    "attend trains and uses sequence-to-sequence models with attention on the GPU.\n",
    "Usage: attend <command> [options]\n",
    `Commands:\n${table(commands.map(([name, summary]) => [name, summary]), width)}`,
    `Options:\n${table([["-h, --help", "Show this help"], ["    --version", "Show the versions"]], width)}`,
    `Each command explains itself:\n${MARGIN}${place.invocation("train")} --help\n`,
  ].join("\n");
}

function examples(command: CommandHelp, place: HelpOptions): string {
  return command.examples
    .map(({ description, args, permissions }) => {
      const line = `${place.invocation(command.name, permissions)} ${args}`.trimEnd();
      return `${MARGIN}${description}:\n${MARGIN}${MARGIN}${line}\n`;
    })
    .join("");
}

function optionTable(options: Options, width: number): string {
  return table(
    Object.entries(options).map(([name, option]) => [label(name, option), explanation(option)]),
    width,
  );
}

function label(name: string, option: Option): string {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  const flag = flagOf(name);
  if (option.type === "boolean") {
    if (option.defaultText !== undefined) return short + flag.replace("--", "--[no-]");
    return short + (option.default === true ? flag.replace("--", "--no-") : flag);
  }
  if (option.type === "choice") return `${short}${flag} <${option.choices.join("|")}>`;
  const value = option.type === "integer" || option.type === "number" ? "<number>" : "<text>";
  return `${short}${flag} ${option.value ?? value}`;
}

function explanation(option: Option): string {
  const initial = option.defaultText ?? (option.type === "boolean" ? undefined : option.default);
  const notes = [
    ...(option.type === "strings" ? ["may be given several times"] : []),
    ...(initial === undefined || String(initial) === "" ? [] : [`default: ${initial}`]),
  ];
  return notes.length === 0 ? option.description : `${option.description} (${notes.join("; ")})`;
}

// Two columns; a label that would push the second column too far right stands on a line of its own.
function table(rows: readonly (readonly [string, string])[], width: number): string {
  const widest = Math.max(...rows.map(([left]) => left.length).filter((length) => length <= width * 0.4), 0);
  const indent = MARGIN.length + widest + 2;
  return rows.map(([left, right]) => {
    const lines = wrap(right, Math.max(width - indent, 20));
    const first = left.length > widest
      ? `${MARGIN}${left}\n${" ".repeat(indent)}`
      : `${MARGIN}${left.padEnd(widest + 2)}`;
    return `${first}${lines.join(`\n${" ".repeat(indent)}`)}\n`;
  }).join("");
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}

function sentence(text: string): string {
  return text.endsWith(".") ? text : `${text}.`;
}
