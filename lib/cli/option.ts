// What a command can declare about one option, and the values that follow from it.
// The command line, the configuration file and the help text all read these declarations.

import * as v from "npm:valibot@1.5.0";

interface OptionBase {
  /** What the option does, in one phrase without a full stop. */
  readonly description: string;
  /** A single letter that may stand for the option, such as `o` for `-o`. */
  readonly short?: string;
  /** Shown in the help in place of the default, for what is decided elsewhere ("as saved"). */
  readonly defaultText?: string;
}

/** An option that takes text. */
export interface StringOption extends OptionBase {
  readonly type: "string";
  /** What stands for the value in the help, such as `<file>`. */
  readonly value?: string;
  readonly default?: string;
}

/** An option that takes text and may be given several times. */
export interface StringsOption extends OptionBase {
  readonly type: "strings";
  /** What stands for one value in the help, such as `<file>`. */
  readonly value?: string;
  readonly default?: readonly string[];
}

/** An option that takes a whole number or any finite number. */
export interface NumberOption extends OptionBase {
  readonly type: "integer" | "number";
  /** What stands for the value in the help: `<number>` unless told. */
  readonly value?: string;
  readonly default?: number;
  /** The least value allowed. */
  readonly minimum?: number;
  /** The greatest value allowed. */
  readonly maximum?: number;
  /** The value must be above this one. */
  readonly above?: number;
  /** The value must be below this one. */
  readonly below?: number;
}

/** A switch: `--name` and `--no-name`; false unless told, or decided elsewhere where it has a `defaultText`. */
export interface BooleanOption extends OptionBase {
  readonly type: "boolean";
  readonly default?: boolean;
}

/** An option that takes one of a few words. */
export interface ChoiceOption extends OptionBase {
  readonly type: "choice";
  readonly choices: readonly [string, ...string[]];
  readonly default?: string;
}

/** What a command declares about one option. */
export type Option = StringOption | StringsOption | NumberOption | BooleanOption | ChoiceOption;

/** The options of a command by their camelCase names; `batchSize` is `--batch-size` on the command line. */
export type Options = { readonly [name: string]: Option };

type ValueOf<O extends Option> = O extends ChoiceOption ? O["choices"][number]
  : O extends StringsOption ? readonly string[]
  : O extends StringOption ? string
  : O extends NumberOption ? number
  : boolean;

type Elsewhere = { readonly defaultText: string };

type Always =
  | { readonly default: string | number | boolean | readonly string[] }
  | BooleanOption
  | StringsOption;

/** The values that a command's `run` receives: undefined where an option is absent and has no default. */
export type Values<O extends Options> = {
  readonly [Name in keyof O]: O[Name] extends Elsewhere ? ValueOf<O[Name]> | undefined
    : O[Name] extends Always ? ValueOf<O[Name]>
    : ValueOf<O[Name]> | undefined;
};

/** A value that an option can have. */
export type Value = string | number | boolean | readonly string[];

/** Values by option name before defaults are filled in, as a command line or a file gives them. */
export type GivenValues = { readonly [name: string]: Value };

/** Returns the option's name on the command line: `batchSize` becomes `--batch-size`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Returns what an option accepts, in words that fit after "as": "an integer of at least 1". */
export function expectationOf(option: Option): string {
  switch (option.type) {
    case "string":
      return "text";
    case "strings":
      return "a list of texts";
    case "boolean":
      return "true or false";
    case "choice":
      return `one of ${option.choices.join(", ")}`;
    default:
      return [option.type === "integer" ? "an integer" : "a number", rangeOf(option)].join(" ").trimEnd();
  }
}

function rangeOf({ minimum, maximum, above, below }: NumberOption): string {
  if (minimum !== undefined && maximum !== undefined) return `from ${minimum} to ${maximum}`;
  const limits = [
    minimum === undefined ? "" : `of at least ${minimum}`,
    above === undefined ? "" : `above ${above}`,
    maximum === undefined ? "" : `of at most ${maximum}`,
    below === undefined ? "" : `below ${below}`,
  ];
  return limits.filter((limit) => limit !== "").join(" and ");
}

/** Returns the schema that a value of the option has to satisfy. */
export function schemaOf(option: Option): v.GenericSchema<unknown, Value> {
  switch (option.type) {
    case "string":
      return v.string();
    case "strings":
      return v.array(v.string());
    case "boolean":
      return v.boolean();
    case "choice":
      return v.picklist(option.choices);
    default: {
      const whole = option.type === "integer";
      return v.pipe(
        v.number(),
        v.check((value) => whole ? Number.isSafeInteger(value) : Number.isFinite(value)),
        v.minValue(option.minimum ?? -Infinity),
        v.maxValue(option.maximum ?? Infinity),
        v.check((value) => value > (option.above ?? -Infinity) && value < (option.below ?? Infinity)),
      );
    }
  }
}

/** Returns the given values with the declared defaults in the places that are still free. */
export function withDefaults<O extends Options>(options: O, given: GivenValues): Values<O> {
  const values: Record<string, Value | undefined> = {};
  for (const [name, option] of Object.entries(options)) {
    const absent = option.type === "boolean" && !option.defaultText
      ? false
      : option.type === "strings"
      ? []
      : undefined;
    values[name] = given[name] ?? option.default ?? absent;
  }
  // The loop above gives each option the type that Values computes from its declaration.
  return values as Values<O>;
}
