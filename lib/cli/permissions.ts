// The permission sets of deno.json, spelled out as flags: for a program that was loaded by URL, which has no deno.json
// around it, and for whoever needs more than a set grants.

import project from "../../deno.json" with { type: "json" };

/** What is granted, by kind: paths, variables or hosts, or `true` for all of them. */
export type Grants = Readonly<Record<string, true | readonly string[]>>;

/** What a command line of the program is allowed to do. */
export interface Permissions {
  /** The permission set of deno.json; that with the name of the command unless told. */
  readonly set?: string;
  /** What is granted besides; it takes the place of what the set grants of the same kind, as Deno has it. */
  readonly also?: Grants;
}

/** Returns what a permission set grants; nothing where there is none of that name. */
export function grantsOf(set: string): Grants {
  const sets = project.permissions as Readonly<Record<string, Grants>>;
  return Object.hasOwn(sets, set) ? sets[set]! : {};
}

/** Returns the flags of `deno run` that grant this. */
export function permissionFlags(grants: Grants): string[] {
  return Object.entries(grants).map(([kind, granted]) =>
    `--allow-${kind}${granted === true ? "" : `=${granted.join(",")}`}`
  );
}

/**
 * Returns what a person may add to a command line that was denied something.
 *
 * Deno itself only names the kind, which would grant everything of that kind; and a flag takes the place of what a set
 * grants of its kind, so that has to be repeated.
 *
 * @param message Deno's own message.
 * @param set The permission set that the command has.
 */
export function permissionAdvice(message: string, set: string): string {
  const kind = /--allow-([a-z]+) flag$/.exec(message)?.[1];
  if (kind === undefined) return "";
  const granted = grantsOf(set)[kind];
  if (granted === undefined || granted === true) return `: --allow-${kind}=<yours>`;
  const [flag] = permissionFlags({ [kind]: [...granted, "<yours>"] });
  return `: ${flag}, in place of what -P=${set} grants`;
}
