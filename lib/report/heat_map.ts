// Draws which source words a translation looked at, the picture of Bahdanau et al. 2015, figure 3, as an SVG
// that stands alone: it opens in any browser, and hovering a cell tells its value.

import { rampColor, textColorOn } from "./color_ramp.ts";
import { element, escapeXml, text } from "./svg.ts";
import { textWidth, truncate } from "./text_width.ts";

const MARGIN = 16;
const GAP = 8;
const LABEL_COLUMNS = 28;
const LEGEND_WIDTH = 180;
const LEGEND_STEPS = 60;
const INK = "#1f2328";
const FAINT_INK = "#59636e";

/** What `heatMap()` draws; a translation with its attention is one. */
export interface HeatMapInput {
  /** The source tokens, the columns from left to right, with `<eos>` if it was attended to. */
  readonly source: readonly string[];
  /** The target tokens, the rows from top to bottom. */
  readonly target: readonly string[];
  /** The weights `[target][source]`, each from 0 to 1; a row sums to 1, or to less. */
  readonly attention: readonly (readonly number[])[];
}

/** How `heatMap()` draws. */
export interface HeatMapOptions {
  /** A heading; none by default. */
  readonly title?: string;
  /** The side of a cell in pixels; by default 40 for short sentences down to 17 for long ones. */
  readonly cell?: number;
}

/** Where everything stands, in pixels. */
interface Layout {
  readonly cell: number;
  readonly font: number;
  /** How far column labels are turned, in degrees. */
  readonly angle: number;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Draws an attention matrix as an SVG heat map.
 *
 * Columns are source tokens and rows target tokens, in the order of the sentence also for scripts written from
 * right to left, whose labels are set in their direction. Darker is more; the colour scale runs from 0 to the
 * largest weight, rounded up to a tenth, and is printed below. Labels beyond 28 columns are cut; the whole
 * token stands in the tool-tip of each of its cells.
 *
 * @param translation The tokens and the weights.
 * @param options A heading and the size of a cell.
 * @returns An SVG document as text, without external references.
 * @throws {RangeError} If there are no tokens, the sizes do not fit each other, or a weight is not from 0 to 1.
 *
 * @example
 * ```ts
 * import { heatMap } from "./heat_map.ts";
 *
 * const svg = heatMap({
 *   source: ["der", "rote", "Apfel", "<eos>"],
 *   target: ["red", "apple", "<eos>"],
 *   attention: [[0.2, 0.7, 0.1, 0], [0.1, 0.1, 0.8, 0], [0, 0, 0.1, 0.9]],
 * });
 * console.log(svg.startsWith("<svg")); // true
 * ```
 */
export function heatMap(translation: HeatMapInput, options: HeatMapOptions = {}): string {
  checkSizes(translation, options.cell);
  const layout = arrange(translation, options);
  const { width, height } = layout;
  const maximum = scaleMaximum(translation.attention);
  const { source, target } = translation;
  return element(
    "svg",
    {
      "xmlns": "http://www.w3.org/2000/svg",
      "width": Math.ceil(width),
      "height": Math.ceil(height),
      "viewBox": `0 0 ${Math.ceil(width)} ${Math.ceil(height)}`,
      "font-family": "system-ui, 'Noto Sans', 'Noto Sans CJK SC', sans-serif",
      "font-size": layout.font,
      "fill": INK,
      "role": "img",
      "aria-label": (options.title === undefined ? "" : `${options.title}: `) +
        `attention of ${target.length} target tokens to ${source.length} source tokens. ` +
        describe(translation),
    },
    element("rect", { width: "100%", height: "100%", fill: "#ffffff" }),
    heading(layout, options.title),
    labels(translation, layout),
    cells(translation, layout, maximum),
    guides(layout, source.length, target.length),
    legend(layout, maximum),
  ) + "\n";
}

function checkSizes({ source, target, attention }: HeatMapInput, cell: number | undefined): void {
  const sizes = `${target.length} target and ${source.length} source tokens`;
  if (source.length === 0 || target.length === 0) {
    throw new RangeError(`Cannot draw a heat map of ${sizes}: both need at least one`);
  }
  if (attention.length !== target.length) {
    throw new RangeError(`Cannot draw a heat map of ${sizes}: attention has ${attention.length} rows`);
  }
  attention.forEach((row, index) => {
    if (row.length !== source.length) {
      throw new RangeError(
        `Cannot draw a heat map of ${sizes}: row ${index} of attention has ${row.length} weights`,
      );
    }
    // A little above 1 is what rounding leaves of a softmax in single precision.
    const wrong = row.find((weight) => !(weight >= 0 && weight <= 1.001));
    if (wrong !== undefined) {
      throw new RangeError(
        `Cannot draw a heat map of ${sizes}: row ${index} of attention has the weight ${wrong}, not one from 0 to 1`,
      );
    }
  });
  if (cell !== undefined && !(cell >= 4 && cell <= 200)) {
    throw new RangeError(`Cannot draw a heat map with cells of ${cell} pixels: choose from 4 to 200`);
  }
}

function arrange({ source, target }: HeatMapInput, options: HeatMapOptions): Layout {
  const longer = Math.max(source.length, target.length);
  const cell = options.cell ?? (longer <= 12 ? 40 : longer <= 25 ? 26 : 17);
  const font = Math.min(14, Math.max(7, cell * 0.7));
  // Slanted labels read more easily, but need room beside each other.
  const angle = cell >= 24 ? 45 : 90;
  const radians = angle * Math.PI / 180;
  const widths = source.map((token) => labelWidth(token, font));
  const rise = Math.max(...widths) * Math.sin(radians) + font * Math.cos(radians);
  const overhang = Math.max(
    ...widths.map((width, index) => width * Math.cos(radians) - (source.length - index - 0.5) * cell + font),
  );
  const left = MARGIN + Math.max(5.5 * font, ...target.map((token) => labelWidth(token, font))) + GAP;
  const top = MARGIN + (options.title === undefined ? 0 : 32) + Math.max(rise, 2.6 * font) + GAP;
  const right = left + source.length * cell;
  const bottom = top + target.length * cell;
  const titleWidth = options.title === undefined ? 0 : textWidth(options.title) * 9.5;
  const width = Math.max(right + Math.max(overhang, 0), left + LEGEND_WIDTH + GAP, MARGIN + titleWidth) +
    MARGIN;
  return { cell, font, angle, left, top, right, bottom, width, height: bottom + 62 + MARGIN };
}

/** An estimate, a little generous: the font is not known until the picture is shown. */
function labelWidth(token: string, font: number): number {
  return textWidth(label(token)) * font * 0.6;
}

function label(token: string): string {
  return truncate(token, LABEL_COLUMNS);
}

function scaleMaximum(attention: readonly (readonly number[])[]): number {
  const largest = Math.max(...attention.map((row) => Math.max(...row)));
  return Math.min(Math.max(Math.ceil(largest * 10 - 1e-6), 1), 10) / 10;
}

/** Says in words what the picture shows, for those who listen to it. */
function describe({ source, target, attention }: HeatMapInput): string {
  return target.map((token, row) => {
    const weights = attention[row]!;
    const strongest = weights.indexOf(Math.max(...weights));
    return pair(token, source[strongest]!, weights[strongest]!);
  }).join("; ");
}

/** Isolates (U+2068, U+2069) keep words of opposite direction from changing places. */
function pair(target: string, source: string, weight: number): string {
  return `\u2068${target}\u2069 ← \u2068${source}\u2069 ${weight.toFixed(3)}`;
}

function heading({ left, top, font }: Layout, title: string | undefined): string {
  const caption = { "x": left - GAP, "fill": FAINT_INK, "font-style": "italic" };
  return (title === undefined
    ? ""
    : text(title, "left", { "x": MARGIN, "y": MARGIN + 16, "font-size": 17, "font-weight": 600 })) +
    text("source →", "right", { ...caption, y: top - GAP - 1.35 * font }) +
    text("target ↓", "right", { ...caption, y: top - GAP });
}

function labels({ source, target }: HeatMapInput, layout: Layout): string {
  const { cell, font, angle, left, top } = layout;
  const columns = source.map((token, index) => {
    // The foot of a slanted label stands above the middle of its column, that of an upright one beside it.
    const x = left + (index + 0.5) * cell + font * (angle === 90 ? 0.35 : 0.2);
    return text(label(token), "left", {
      transform: `translate(${x.toFixed(1)} ${(top - GAP).toFixed(1)}) rotate(-${angle})`,
    });
  });
  const rows = target.map((token, index) =>
    text(label(token), "right", { x: left - GAP, y: top + (index + 0.5) * cell + font * 0.35 })
  );
  return element("g", {}, ...columns) + element("g", {}, ...rows);
}

function cells({ source, target, attention }: HeatMapInput, layout: Layout, maximum: number): string {
  const { cell, left, top } = layout;
  const squares: string[] = [];
  const values: string[] = [];
  attention.forEach((weights, row) =>
    weights.forEach((weight, column) => {
      const x = left + column * cell;
      const y = top + row * cell;
      const share = Math.min(weight / maximum, 1);
      const tip = element("title", {}, escapeXml(pair(target[row]!, source[column]!, weight)));
      squares.push(element("rect", { x, y, width: cell, height: cell, fill: rampColor(share) }, tip));
      const shown = weight.toFixed(2);
      if (cell >= 32 && shown !== "0.00") {
        values.push(
          text(shown, "middle", { x: x + cell / 2, y: y + cell / 2 + 4, fill: textColorOn(share) }),
        );
      }
    })
  );
  return element("g", { "stroke": "#ffffff", "stroke-width": 1 }, ...squares) +
    element("g", { "font-size": 11, "pointer-events": "none" }, ...values);
}

/** Frames the cells, and rules off every fifth row and column for the eye to follow. */
function guides({ cell, left, top, right, bottom }: Layout, columns: number, rows: number): string {
  const lines: string[] = [];
  for (let column = 5; column < columns; column += 5) {
    lines.push(`M${left + column * cell} ${top}V${bottom}`);
  }
  for (let row = 5; row < rows; row += 5) lines.push(`M${left} ${top + row * cell}H${right}`);
  const frame = `M${left} ${top}H${right}V${bottom}H${left}Z`;
  return element("path", { d: lines.join(""), stroke: "#d1d9e0", fill: "none" }) +
    element("path", { d: frame, stroke: "#818b98", fill: "none" });
}

function legend({ left, bottom }: Layout, maximum: number): string {
  const y = bottom + 18;
  const step = LEGEND_WIDTH / LEGEND_STEPS;
  const steps = Array.from({ length: LEGEND_STEPS }, (_, index) => {
    const fill = rampColor((index + 0.5) / LEGEND_STEPS);
    return element("rect", { x: left + index * step, y, width: step + 0.5, height: 12, fill });
  });
  const ticks = [0, 0.5, 1].map((share) => {
    const x = left + share * LEGEND_WIDTH;
    const value = String(Math.round(share * maximum * 100) / 100);
    return element("path", { d: `M${x} ${y + 12}v4`, stroke: "#818b98" }) +
      text(value, "middle", { x, y: y + 28 });
  });
  const caption = text("attention weight", "left", { x: left, y: y + 44, fill: FAINT_INK });
  return element("g", { "font-size": 12 }, ...steps, ...ticks, caption);
}
