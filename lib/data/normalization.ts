// What is done to a text before it is cut, and the same as the normalizers of a tokenizer.json.

/** What is done to a text before it is cut. */
export interface TextOptions {
  /** Whether letters and their marks are composed into one character where Unicode has it (NFC); false when omitted. */
  readonly nfc?: boolean;
  /** Whether typographic quotes, dashes, dots and narrow spaces become those of a typewriter; false when omitted. */
  readonly plainPunctuation?: boolean;
  /** Whether letters lose their case. */
  readonly lowerCase?: boolean;
}

/** One step of a tokenizer.json. */
export type HuggingFaceStep = Readonly<Record<string, unknown>>;

/** Characters and what they become, in the notation that regular expressions share. */
const PLAIN: readonly (readonly [pattern: string, plain: string])[] = [
  ["[“”„‟«»]", '"'],
  ["[‘’‚‛]", "'"],
  ["[‐‑‒–—―]", "-"],
  ["…", "..."],
  ["[\u00a0\u2009\u202f]", " "],
];
const PLAIN_RULES = PLAIN.map(([pattern, plain]) => [new RegExp(pattern, "gu"), plain] as const);

/** Applies the options to a text, in the order in which `normalizers` lists them. */
export function normalizeText(text: string, options: TextOptions): string {
  if (options.nfc) text = text.normalize("NFC");
  if (options.plainPunctuation) {
    for (const [pattern, plain] of PLAIN_RULES) text = text.replaceAll(pattern, plain);
  }
  return options.lowerCase ? text.toLowerCase() : text;
}

/** The options as the steps of a tokenizer.json. */
export function normalizers(options: TextOptions): HuggingFaceStep[] {
  return [
    ...(options.nfc ? [{ type: "NFC" }] : []),
    ...(options.plainPunctuation ? PLAIN.map(([pattern, plain]) => replaceStep(pattern, plain)) : []),
    ...(options.lowerCase ? [{ type: "Lowercase" }] : []),
  ];
}

/** A step that replaces what a regular expression matches. */
export function replaceStep(pattern: string, content: string): HuggingFaceStep {
  return { type: "Replace", pattern: { Regex: pattern }, content };
}

/** Every choice of options, so that a reader can tell which of them wrote a list of steps. */
export function* everyChoice(): Generator<Required<TextOptions>> {
  for (const nfc of [false, true]) {
    for (const plainPunctuation of [false, true]) {
      for (const lowerCase of [false, true]) yield { nfc, plainPunctuation, lowerCase };
    }
  }
}
