// Draws scores by the length of the source, one line a system, as figure 2 of Bahdanau et al. 2015 does.

import { type ChartOptions, drawLines, type Line } from "./line_chart.ts";

/** How `lengthChart()` draws. */
export interface LengthChartOptions extends ChartOptions {
  /** What the scores are; `"BLEU"` by default. */
  readonly measure?: string;
}

/** The score of the sentences of some lengths, as `scoreByLength()` returns it. */
export interface LengthPoint {
  /** The least number of source words in the bucket. */
  readonly from: number;
  /** The greatest number of source words in the bucket. */
  readonly to: number;
  /** How many sentences were scored. */
  readonly sentences: number;
  /** Their mean number of source words: where the point stands. */
  readonly meanLength: number;
  /** Their score. */
  readonly score: number;
}

/** The scores of one system. */
export interface LengthSeries {
  /** The name of the system. */
  readonly label: string;
  /** Its scores, in any order. */
  readonly scores: readonly LengthPoint[];
}

/**
 * Draws the scores of one or more systems against the length of the source sentences.
 *
 * A point stands at the mean length of its bucket's sentences; pointing at it tells the bucket and how many sentences
 * it has. Both axes begin at 0, so that heights and lengths compare.
 *
 * @param series The systems, in the order of the legend; scores that are not finite are left out.
 * @param options A heading, the size, and what the scores are.
 * @returns An SVG document as text, without external references.
 * @throws {RangeError} If no system has a finite score.
 *
 * @example
 * ```ts
 * import { lengthChart } from "./length_chart.ts";
 *
 * const bucket = { sentences: 100, meanLength: 0, score: 0 };
 * const short = { ...bucket, from: 1, to: 10, meanLength: 7 }, long = { ...bucket, from: 11, to: 20, meanLength: 14 };
 * const svg = lengthChart([
 *   { label: "with attention", scores: [{ ...short, score: 28.1 }, { ...long, score: 27.5 }] },
 *   { label: "without", scores: [{ ...short, score: 25.0 }, { ...long, score: 14.2 }] },
 * ]);
 * console.assert(svg.startsWith("<svg") && svg.includes(">with attention<"));
 * ```
 */
export function lengthChart(series: readonly LengthSeries[], options: LengthChartOptions = {}): string {
  const { measure = "BLEU" } = options;
  const finite = series.map(({ label, scores }) => ({
    label,
    scores: scores.filter(({ score }) => Number.isFinite(score)).sort((a, b) => a.meanLength - b.meanLength),
  }));
  if (finite.every(({ scores }) => scores.length === 0)) {
    throw new RangeError(
      `Cannot draw scores by length: none of the ${series.length} systems has a finite score`,
    );
  }
  const lines: Line[] = finite.map(({ label, scores }) => ({
    label,
    points: scores.map((score) => point(score, measure)),
  }));
  const description = finite.filter(({ scores }) => scores.length > 0)
    .map(({ label, scores }) => `${label}: ${scores.map((point) => tip(point, measure)).join(", ")}`).join(
      "; ",
    );
  const axes = { name: `${measure} by length of the source`, x: "source words", y: measure, fromZero: true };
  return drawLines(lines, { ...axes, description }, options);
}

function point(score: LengthPoint, measure: string): Line["points"][number] {
  // A BLEU of 100 comes out a trifle above, and would stretch the axis to 110.
  return [score.meanLength, Number(score.score.toPrecision(6)), tip(score, measure)];
}

/** What a point says. */
function tip({ from, to, sentences, score }: LengthPoint, measure: string): string {
  const lengths = from === to ? `${from}` : `${from} to ${to}`;
  return `${measure} ${score.toFixed(2)} for ${lengths} words (${sentences} sentence${
    sentences === 1 ? "" : "s"
  })`;
}
