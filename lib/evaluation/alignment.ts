// Word alignments: what attention says about which word translates which, in the format of aligners, and how far that
// is from what people say.

/** Where a model looked for each word that it wrote; a `Translation` is one. */
export interface Attended {
  /** The source words, from `<sos>` to `<eos>` where the model read these. */
  readonly source: readonly string[];
  /** The target words, with `<eos>` where the model wrote it. */
  readonly target: readonly string[];
  /** For each target word the attention to each source word. */
  readonly attention: readonly (readonly number[])[];
}

/** The positions of a source word and of a target word that belong together, both counted from 0. */
export type AlignmentLink = readonly [source: number, target: number];

/** How attention becomes links. */
export interface AlignmentOptions {
  /**
   * The least weight, above 0, that makes a link, so that a target word may have several or none. By default each
   * target word is linked to the one source word with the most weight.
   */
  readonly threshold?: number;
}

/** An alignment as people make them. */
export interface ReferenceAlignment {
  /** The links that a good alignment has. */
  readonly sure: readonly AlignmentLink[];
  /** The links that it may have besides. */
  readonly possible: readonly AlignmentLink[];
}

const ENDS: ReadonlySet<string> = new Set(["<sos>", "<eos>"]);

/**
 * Turns soft attention into a hard alignment.
 *
 * `<sos>` and `<eos>` are not words: positions are counted without them, and a target word that looked most at one of
 * them is linked to nothing. Of source words with equal weight the first is taken.
 *
 * @param translation What a model wrote and where it looked.
 * @param options Whether to take the heaviest word or all above a threshold.
 * @returns The links, by target word and then by source word.
 * @throws {RangeError} If there is not a weight for each pair of words, or the threshold is not above 0 and at most 1.
 *
 * @example
 * ```ts
 * import { alignment, formatAlignment } from "./alignment.ts";
 *
 * const links = alignment({
 *   source: ["<sos>", "red", "wine", "<eos>"],
 *   target: ["vin", "rouge", "<eos>"],
 *   attention: [[0, 0.2, 0.7, 0.1], [0, 0.9, 0.1, 0], [0, 0, 0.1, 0.9]],
 * });
 * console.assert(formatAlignment(links) === "1-0 0-1");
 * ```
 */
export function alignment(translation: Attended, options: AlignmentOptions = {}): AlignmentLink[] {
  const { source, target, attention } = translation;
  const { threshold } = options;
  if (threshold !== undefined && !(threshold > 0 && threshold <= 1)) {
    throw new RangeError(`Cannot align: threshold must be above 0 and at most 1, got ${threshold}`);
  }
  checkShape(translation);
  const sources = wordPositions(source);
  return target.flatMap((word, row) => ENDS.has(word) ? [] : [attention[row]!]).flatMap(
    (weights, position) => {
      const columns = threshold === undefined
        ? [weights.indexOf(Math.max(...weights))]
        : weights.keys().filter((column) => weights[column]! >= threshold);
      return [...columns].filter((column) => sources.has(column)).map((column) =>
        [sources.get(column)!, position] as const
      );
    },
  );
}

/**
 * Writes an alignment in the format of the Pharaoh decoder, as in `0-0 2-1 1-2`: source and target positions.
 *
 * @param links The links, written in the order in which they come.
 */
export function formatAlignment(links: readonly AlignmentLink[]): string {
  return links.map(([source, target]) => `${source}-${target}`).join(" ");
}

/**
 * Reads a line of the Pharaoh format.
 *
 * @param line Links between white space: `1-2` is a sure one, `1p2` or `1?2` one that is only possible.
 * @returns The links of either kind, in their order; a link stands in one of the lists.
 * @throws {SyntaxError} If something else is in the line; the message quotes it.
 *
 * @example
 * ```ts
 * import { parseAlignment } from "./alignment.ts";
 *
 * const { sure, possible } = parseAlignment("0-0 2-1 2p2");
 * console.assert(sure.length === 2 && possible[0]!.join() === "2,2");
 * ```
 */
export function parseAlignment(line: string): ReferenceAlignment {
  const sure: AlignmentLink[] = [];
  const possible: AlignmentLink[] = [];
  for (const link of line.split(/\s+/).filter((piece) => piece !== "")) {
    const [, source, kind, target] = /^(\d+)([-p?])(\d+)$/.exec(link) ?? [];
    if (kind === undefined) {
      throw new SyntaxError(
        `Cannot read an alignment: "${link}" is no link. Links are two numbers from 0, such as 3-4, or 3p4 where possible.`,
      );
    }
    (kind === "-" ? sure : possible).push([Number(source), Number(target)]);
  }
  return { sure, possible };
}

/**
 * Computes the alignment error rate of Och and Ney (2003), `1 - (|A ∩ S| + |A ∩ P|) / (|A| + |S|)`, over a corpus.
 *
 * A are the links to judge, S the sure ones and P the sure and the possible ones; counts are summed over all sentences
 * first. A link that stands twice counts once.
 *
 * @param alignments The alignment of each sentence, as `alignment()` makes it.
 * @param references Those made by people, at the same index; read, for instance, by `parseAlignment()`.
 * @returns From 0, right, to 1; 0 if there are no links at all.
 * @throws {RangeError} If there are not as many references as alignments.
 *
 * @example
 * ```ts
 * import { alignmentErrorRate, parseAlignment } from "./alignment.ts";
 *
 * const links = [[0, 0], [1, 2]] as const;
 * console.assert(alignmentErrorRate([links], [parseAlignment("0-0 1-1 1p2")]) === 0.25);
 * ```
 */
export function alignmentErrorRate(
  alignments: readonly (readonly AlignmentLink[])[],
  references: readonly ReferenceAlignment[],
): number {
  if (alignments.length !== references.length) {
    throw new RangeError(
      `Cannot compute the alignment error rate: there are ${alignments.length} alignments but ` +
        `${references.length} references; give one reference for each alignment`,
    );
  }
  let right = 0, links = 0;
  alignments.forEach((alignment, index) => {
    const judged = setOf(alignment);
    const sure = setOf(references[index]!.sure);
    const possible = setOf(references[index]!.possible).union(sure);
    right += judged.intersection(sure).size + judged.intersection(possible).size;
    links += judged.size + sure.size;
  });
  return links === 0 ? 0 : 1 - right / links;
}

function setOf(links: readonly AlignmentLink[]): Set<string> {
  return new Set(links.map(([source, target]) => `${source}-${target}`));
}

/** The positions among the words proper by the positions among all tokens. */
function wordPositions(tokens: readonly string[]): Map<number, number> {
  const columns = [...tokens.keys()].filter((column) => !ENDS.has(tokens[column]!));
  return new Map(columns.map((column, position) => [column, position]));
}

function checkShape({ source, target, attention }: Attended): void {
  const odd = attention.find((weights) => weights.length !== source.length);
  if (attention.length === target.length && odd === undefined) return;
  throw new RangeError(
    `Cannot align ${target.length} target words with ${source.length} source words: there are ${attention.length} ` +
      `rows of attention${
        odd === undefined ? "" : `, one with ${odd.length} weights`
      }; a model without attention aligns nothing`,
  );
}
