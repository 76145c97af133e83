// Reads where a Debian machine gets its packages from: apt's one-line .list files and its newer deb822
// .sources files. Only what a new entry beside the old ones needs is kept.

/** One entry of apt's package sources. */
export interface AptSource {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** A key file's path, or a whole key with its line breaks; absent where apt's common keys serve. */
  readonly signedBy?: string;
}

/**
 * Returns the enabled binary sources of one file.
 *
 * @param path The file's path: its ending tells the format.
 * @param text The file's text.
 */
export function parseAptSources(path: string, text: string): AptSource[] {
  return path.endsWith(".sources") ? parseStanzas(text) : parseLines(text);
}

function parseLines(text: string): AptSource[] {
  return text.split("\n").flatMap((line) => {
    const entry = /^deb\s+(?:\[(?<options>[^\]]*)\]\s+)?(?<uri>\S+)\s+(?<suite>\S+)(?<components>.*)$/
      .exec(line.replace(/#.*/, "").trim())?.groups;
    if (entry === undefined) return [];
    const { options = "", uri = "", suite = "", components = "" } = entry;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1];
    return [{ uris: [uri], suites: [suite], components: words(components), ...(signedBy && { signedBy }) }];
  });
}

function parseStanzas(text: string): AptSource[] {
  const withoutComments = text.replace(/^#.*\n?/gm, "");
  return withoutComments.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = parseFields(stanza);
    const enabled = !["no", "false", "off", "0"].includes(fields.get("enabled")?.toLowerCase() ?? "");
    if (!enabled || !words(fields.get("types")).includes("deb")) return [];
    const signedBy = fields.get("signed-by");
    return [{
      uris: words(fields.get("uris")),
      suites: words(fields.get("suites")),
      components: words(fields.get("components")),
      ...(signedBy && { signedBy }),
    }];
  });
}

// A line that starts with white space continues the field above it.
function parseFields(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const [, name = "", value = ""] of stanza.matchAll(/^([A-Za-z][\w-]*):(.*(?:\n[ \t].*)*)/gm)) {
    fields.set(name.toLowerCase(), value.trim());
  }
  return fields;
}

function words(text = ""): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

/** Tells whether one of the sources offers the suite's main component. */
export function offersSuite(sources: readonly AptSource[], suite: string): boolean {
  return sources.some(({ suites, components }) => suites.includes(suite) && components.includes("main"));
}

/**
 * Returns the text of a .sources file that adds another suite from the mirror which serves `base` now, or
 * undefined when no source serves it.
 *
 * @param sources What the machine has.
 * @param base The suite that tells the mirror and its key, such as `bookworm`.
 * @param suite The suite to add, such as `bookworm-backports`.
 */
export function sourceBeside(sources: readonly AptSource[], base: string, suite: string): string | undefined {
  const isMirror = (uri: string): boolean => !uri.startsWith("cdrom:");
  const source = sources.find(({ uris, suites, components }) =>
    suites.includes(base) && components.includes("main") && uris.some(isMirror)
  );
  if (source === undefined) return undefined;
  const fields = [
    "Types: deb",
    `URIs: ${source.uris.filter(isMirror).join(" ")}`,
    `Suites: ${suite}`,
    "Components: main",
    ...(source.signedBy === undefined ? [] : [signedByField(source.signedBy)]),
  ];
  return `${fields.join("\n")}\n`;
}

// A key written into the field itself starts on the line below.
function signedByField(signedBy: string): string {
  return signedBy.includes("\n") ? `Signed-By:\n ${signedBy}` : `Signed-By: ${signedBy}`;
}
