// Draws lines, such as those of a falling loss, as an SVG that stands alone, with Observable Plot on a document
// without a browser.

import * as Plot from "npm:@observablehq/plot@0.6.17";
import { DOMParser } from "npm:linkedom@0.18.15";
import { formatCount } from "./format.ts";
import { element, escapeXml } from "./svg.ts";
import { textWidth } from "./text_width.ts";

/** Up to this many points of a line are marked. */
const MOST_DOTS = 40;
const INK = "#1f2328";
const COLORS = ["#5590df", "#c2410c", "#0f766e", "#9657a8", "#a16207", "#475569"] as const;
/** Lines beyond the colours are told apart by their dashes. */
const DASHES = ["none", "7 4", "2 3"] as const;
const ROW_HEIGHT = 20;

/** The losses at one step; one that was not measured there is left out. */
export interface LossPoint {
  /** The number of optimizer steps taken. */
  readonly step: number;
  /** The mean training loss per token, in nats. */
  readonly training?: number;
  /** The loss per token on the validation part, in nats. */
  readonly validation?: number;
}

/** How a chart looks. */
export interface ChartOptions {
  /** A heading; none by default. */
  readonly title?: string;
  /** The width in pixels, 720 by default. */
  readonly width?: number;
  /** The height in pixels, 420 by default. */
  readonly height?: number;
}

/** One line of a chart. */
export interface Line {
  /** What the legend calls it. */
  readonly label: string;
  /** Its points from left to right, with what is said of each when one points at it. */
  readonly points: readonly (readonly [x: number, y: number, tip?: string])[];
}

/** What the axes of a chart say. */
export interface Axes {
  /** The words for the whole picture where it has no title. */
  readonly name: string;
  /** What the picture shows, in words, for those who listen to it. */
  readonly description: string;
  /** What is along the horizontal axis. */
  readonly x: string;
  /** What is along the vertical axis. */
  readonly y: string;
  /** Whether the axes begin at 0. */
  readonly fromZero: boolean;
}

type Margins = Readonly<Record<"top" | "right" | "bottom" | "left", number>>;

/**
 * Draws training and validation loss against the step.
 *
 * Losses that are not finite are left out. The loss axis need not start at 0: the shape of the curve is what
 * one looks for.
 *
 * @param points The losses, in any order.
 * @param options A heading and the size.
 * @returns An SVG document as text, without external references.
 * @throws {RangeError} If no point has a finite loss.
 *
 * @example
 * ```ts
 * import { lossCurve } from "./line_chart.ts";
 *
 * const svg = lossCurve([
 *   { step: 100, training: 5.1 },
 *   { step: 200, training: 4.2, validation: 4.4 },
 *   { step: 300, training: 3.7, validation: 4.0 },
 * ]);
 * console.log(svg.startsWith("<svg")); // true
 * ```
 */
export function lossCurve(points: readonly LossPoint[], options: ChartOptions = {}): string {
  const lines = [
    { label: "training", points: finite(points, "training") },
    { label: "validation", points: finite(points, "validation") },
  ];
  if (lines.every(({ points }) => points.length === 0)) {
    throw new RangeError(
      `Cannot draw a loss curve: none of the ${points.length} points has a finite training or validation loss`,
    );
  }
  const axes = { name: "Loss curve", x: "step", y: "loss per token", fromZero: false };
  return drawLines(lines, { ...axes, description: describe(lines) }, options);
}

/**
 * Draws lines with a legend; those without points are left out, but keep their colour.
 *
 * @param lines At least one with a point.
 * @param axes What the axes and the picture say.
 * @param options A heading and the size.
 * @returns An SVG document as text, without external references.
 */
export function drawLines(lines: readonly Line[], axes: Axes, options: ChartOptions): string {
  const { width = 720, height = 420, title } = options;
  const drawn = lines.map((line, index) => ({ ...line, ...strokeOf(index) })).filter(({ points }) =>
    points.length > 0
  );
  const entries = placeLegend(drawn.map(({ label }) => label), width - 160);
  const rows = 1 + Math.max(...entries.map(({ row }) => row));
  const top = 24 + rows * ROW_HEIGHT;
  const margins = { top: title === undefined ? top : top + 28, right: 24, bottom: 46, left: 56 };
  const chart = Plot.plot({
    document: new DOMParser().parseFromString("<svg/>", "image/svg+xml"),
    width,
    height,
    marginTop: margins.top,
    marginRight: margins.right,
    marginBottom: margins.bottom,
    marginLeft: margins.left,
    style: { fontSize: "13px", color: INK },
    x: { zero: axes.fromZero },
    y: { nice: true, zero: axes.fromZero, ...yDomain(drawn, axes.fromZero) },
    marks: [
      background(margins),
      Plot.gridY(),
      Plot.axisX({ label: axes.x, labelAnchor: "center", labelArrow: "none", tickFormat: whole }),
      Plot.axisY({ label: null }),
      ...drawn.map(({ points, ...stroke }) => Plot.line(points, { ...stroke, strokeWidth: 1.8 })),
      // A line of one point is invisible, and few points are better seen as such.
      ...drawn.filter(({ points }) => points.length <= MOST_DOTS).map(({ points, stroke }) =>
        dots(points, stroke)
      ),
      ...drawn.flatMap(({ label, stroke }, index) => legend(label, stroke, entries[index]!)),
      ...(title === undefined ? [] : [note(title, margins, top + 6, { fontSize: 17, fontWeight: 600 })]),
      note(axes.y, margins, 20),
    ],
  });
  chart.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  chart.setAttribute("role", "img");
  const words = element("title", {}, escapeXml(title ?? axes.name)) +
    element("desc", {}, escapeXml(axes.description));
  return `${chart.outerHTML.replace(/^<svg[^>]*>/, (tag: string) => tag + words)}\n`;
}

/** The points with a finite loss, in the order of their steps. */
function finite(points: readonly LossPoint[], name: "training" | "validation"): Line["points"] {
  return points
    .flatMap((point) => {
      const loss = point[name];
      return loss !== undefined && Number.isFinite(loss) ? [[point.step, loss] as const] : [];
    })
    .sort(([left], [right]) => left - right);
}

function describe(lines: readonly Line[]): string {
  return lines.filter(({ points }) => points.length > 0).map(({ label, points }) => {
    const [firstStep, first] = points[0]!;
    const [lastStep, last] = points.at(-1)!;
    return `${label} loss from ${first.toFixed(3)} at step ${firstStep} to ${
      last.toFixed(3)
    } at step ${lastStep}`;
  }).join("; ");
}

/** Colours first, then dashes. */
function strokeOf(index: number): { stroke: string; strokeDasharray: string } {
  return {
    stroke: COLORS[index % COLORS.length]!,
    strokeDasharray: DASHES[Math.floor(index / COLORS.length) % DASHES.length]!,
  };
}

/** Gives an axis to a curve that is flat or a single point; any other sets its own. */
function yDomain(lines: readonly Line[], fromZero: boolean): { domain?: [number, number] } {
  const [first = 0, ...others] = lines.flatMap(({ points }) => points.map(([, y]) => y));
  if (!others.every((y) => y === first)) return {};
  return { domain: fromZero ? [0, first || 1] : [first - 0.5, first + 0.5] };
}

/** Fills the whole picture, under everything else; a style would do so in browsers only. */
function background({ top, right, bottom, left }: Margins): Plot.Markish {
  return Plot.frame({
    fill: "#ffffff",
    stroke: "none",
    insetTop: -top,
    insetRight: -right,
    insetBottom: -bottom,
    insetLeft: -left,
  });
}

function dots(points: Line["points"], fill: string): Plot.Markish {
  const tips = points.some(([, , tip]) => tip !== undefined) ? { title: "2" } : {};
  return Plot.dot(points, { x: "0", y: "1", fill, r: 3, ...tips });
}

/** Labels no tick between two whole numbers, as a short run would have. */
function whole(x: number): string {
  return Number.isInteger(x) ? formatCount(x) : "";
}

/** Where an entry of the legend ends, in pixels left of the right corner, and in which row above the axes. */
interface Place {
  readonly dx: number;
  readonly row: number;
}

/** Fills rows from the right, the last entry first. */
function placeLegend(labels: readonly string[], room: number): Place[] {
  let dx = 0, row = 0;
  return labels.toReversed().map((label) => {
    const width = Math.max(96, 26 + 7.5 * textWidth(label));
    if (dx > 0 && dx + width > room) [dx, row] = [0, row + 1];
    dx += width;
    return { dx, row };
  }).reverse();
}

function legend(label: string, color: string, { dx, row }: Place): Plot.Markish[] {
  const place = { frameAnchor: "top-right", dy: -20 - row * ROW_HEIGHT } as const;
  return [
    Plot.dot([label], { ...place, fill: color, r: 5, dx: 20 - dx }),
    Plot.text([label], { ...place, text: [label], textAnchor: "start", lineAnchor: "middle", dx: 30 - dx }),
  ];
}

/** A text at the left margin, `rise` pixels above the axes. */
function note(content: string, margins: Margins, rise: number, style: Plot.TextOptions = {}): Plot.Markish {
  const place = { frameAnchor: "top-left", textAnchor: "start", lineAnchor: "middle" } as const;
  return Plot.text([content], { ...place, text: [content], dx: 16 - margins.left, dy: -rise, ...style });
}
