// Training: constants of which each choice has its own, such as those of optimizers and schedules.

/** Which values a constant takes, and how to say so. */
export type Rule = readonly [right: (value: number) => boolean, wanted: string];

/**
 * Picks the constants of a choice out of all options.
 *
 * @param kind What is chosen, for messages: `optimizer`.
 * @param choice Its name.
 * @param table For each choice its constants, with their defaults.
 * @param given The options; others than constants are passed over.
 * @param rules For each constant which values it takes.
 * @returns All constants of the choice.
 * @throws {RangeError} If there is no such choice, it has no such constant, or the value is wrong.
 */
export function settingsOf<Settings extends object>(
  kind: string,
  choice: string,
  table: Readonly<Record<string, Settings>>,
  given: Settings,
  rules: Readonly<Record<string, Rule>>,
): Settings {
  if (!Object.hasOwn(table, choice)) {
    refuse(kind, choice, `it must be one of ${Object.keys(table).join(", ")}`);
  }
  const settings = { ...table[choice]! };
  for (const [name, [right, wanted]] of Object.entries(rules)) {
    const value = given[name as keyof Settings];
    if (value === undefined) continue;
    if (!(name in settings)) {
      const others = Object.keys(table).filter((other) => name in table[other]!);
      refuse(name, value, `the ${kind} ${choice} has none, only ${list(others)}; leave it out`);
    }
    if (value !== null && !right(value as number)) refuse(name, value, `it must be ${wanted}`);
    settings[name as keyof Settings] = value;
  }
  return settings;
}

/** Names in a sentence. */
function list(names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** Throws what training throws when an option is wrong. */
export function refuse(name: string, value: unknown, reason: string): never {
  throw new RangeError(`Cannot train with ${name} ${value}: ${reason}.`);
}
