// The corpus that needs nothing but the package registry: Unicode's names of emoji and symbols, which the CLDR
// has in over a hundred languages. Small, clean, and real text in real scripts.

import { BadLines } from "./bad_lines.ts";
import { CLDR_LOCALES } from "./cldr_locales.ts";
import type { Source } from "./source.ts";

/** The packages; `derived` has the names of sequences, such as those with a skin tone. */
const PACKAGES = [
  { key: "annotations", at: (locale: string) => `npm:cldr-annotations-full@48.2.0/annotations/${locale}` },
  {
    key: "annotationsDerived",
    at: (locale: string) => `npm:cldr-annotations-derived-full@48.2.0/annotationsDerived/${locale}`,
  },
] as const;

/** Locales that add nothing to the derived names of their language. */
const WITHOUT_DERIVED: readonly string[] = ["en-GB", "sv-FI"];

/**
 * Loads the names of the same characters in two languages.
 *
 * Locales such as `de-CH` hold only what differs from their language, so they give few pairs.
 *
 * @param name Two locales joined by a hyphen, such as `en-de` or `en-zh-Hant`.
 * @throws {TypeError} If one of them is unknown, with some that are.
 * @throws {Error} If the packages cannot be loaded.
 */
export async function readCldr(name: string): Promise<Source> {
  const [from, to] = localesOf(name);
  const [sources, targets] = await Promise.all([namesIn(from), namesIn(to)]);
  const pairs = [];
  for (const [character, source] of sources) {
    const target = targets.get(character);
    if (target !== undefined) pairs.push({ source, target });
  }
  const files = PACKAGES.flatMap(({ at }) => [at(from), at(to)]);
  return { pairs, lines: sources.size, bad: new BadLines(), files, cached: false };
}

/** Finds the hyphen that parts the two locales: they may have hyphens themselves. */
function localesOf(name: string): [from: string, to: string] {
  const parts = name.split("-");
  for (let cut = 1; cut < parts.length; cut++) {
    const from = parts.slice(0, cut).join("-");
    const to = parts.slice(cut).join("-");
    if (isLocale(from) && isLocale(to)) return [from, to];
  }
  throw unknownLocales(name, parts);
}

// The names become a part of a module specifier, so the pattern is checked even though the list implies it.
function isLocale(locale: string): boolean {
  return /^[A-Za-z0-9-]+$/.test(locale) && CLDR_LOCALES.includes(locale);
}

function unknownLocales(name: string, parts: readonly string[]): Error {
  if (parts.length < 2 || parts.includes("")) {
    return new TypeError(
      `Cannot load cldr:${name}: expected cldr:<from>-<to> with two languages, such as cldr:en-de.`,
    );
  }
  const unknown = [parts[0]!, parts[1]!].filter((part) => !isLocale(part));
  const near = unknown.map((part) => {
    const initial = part.slice(0, 1).toLowerCase();
    const close = CLDR_LOCALES.filter((locale) => locale.startsWith(initial));
    return `${part} is not one of its ${CLDR_LOCALES.length} locales; near it are ` +
      `${(close.length > 0 ? close : ["en", "de", "fr", "es", "ja"]).join(", ")}`;
  });
  if (near.length === 0) near.push(`${parts.join("-")} does not part into two locales, such as en-de`);
  return new TypeError(`Cannot load cldr:${name}: ${near.join(". ")}.`);
}

async function namesIn(locale: string): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for (const { key, at } of PACKAGES) {
    if (key === "annotationsDerived" && WITHOUT_DERIVED.includes(locale)) continue;
    const module = await importJson(`${at(locale)}/annotations.json`);
    const annotations = field(field(module, key), "annotations");
    for (const [character, entry] of Object.entries(annotations)) {
      const spoken = field(entry, "tts")[0];
      if (typeof spoken === "string" && spoken.trim() !== "") names.set(character, spoken);
    }
  }
  return names;
}

/** The specifier is computed so that the packages, over a hundred megabytes, are fetched only when used. */
async function importJson(specifier: string): Promise<unknown> {
  try {
    const module = await import(specifier, { with: { type: "json" } });
    return module.default;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `Cannot load ${specifier}: ${reason}. ` +
        `The package registry must be reachable once; afterwards the package is cached.`,
      { cause },
    );
  }
}

function field(value: unknown, key: string): Readonly<Record<string, unknown>> {
  const inner = typeof value === "object" && value !== null
    ? (value as Record<string, unknown>)[key]
    : undefined;
  return typeof inner === "object" && inner !== null ? inner as Record<string, unknown> : {};
}
