// What a command says about itself: all that its help needs to know.

import type { Options } from "./option.ts";
import type { Permissions } from "./permissions.ts";

/** The arguments of a command that belong to no option. */
export interface Positional {
  /** What stands for the argument in the help, without brackets. */
  readonly name: string;
  /** What it is, in one phrase without a full stop. */
  readonly description: string;
  /** Whether several are allowed; one unless told. */
  readonly many?: boolean;
  /** Whether at least one must be given. */
  readonly required?: boolean;
}

/** One example in the help of a command. */
export interface Example {
  /** What it does, in one phrase without a full stop. */
  readonly description: string;
  /** What follows the command's name, such as `--epochs 5`. */
  readonly args: string;
  /** What it is allowed to do; what the permission set with the name of the command says unless told. */
  readonly permissions?: Permissions;
}

/** The words of a command. */
export interface CommandText {
  /** The word that calls the command. */
  readonly name: string;
  /** What it does, in one phrase without a full stop. */
  readonly summary: string;
  /** What a person should know beyond the summary. */
  readonly description?: string;
  /** How it is used; the first should be the simplest. */
  readonly examples: readonly Example[];
  /** The arguments that belong to no option; none are allowed unless told. */
  readonly positional?: Positional;
}

/** All that the help of a command is made of. */
export interface CommandHelp extends CommandText {
  /** The options by their camelCase names. */
  readonly options: Options;
}
