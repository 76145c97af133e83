// Draws how the loss fell, as an SVG that stands alone, with Observable Plot on a document without a browser.

import * as Plot from "npm:@observablehq/plot@0.6.17";
import { DOMParser } from "npm:linkedom@0.18.15";
import { formatCount } from "./format.ts";

/** Up to this many points of a series are marked. */
const MOST_DOTS = 40;
const INK = "#1f2328";
const TRAINING_COLOR = "#5590df";
const VALIDATION_COLOR = "#c2410c";

/** The losses at one step; one that was not measured there is left out. */
export interface LossPoint {
  /** The number of optimizer steps taken. */
  readonly step: number;
  /** The mean training loss per token, in nats. */
  readonly training?: number;
  /** The loss per token on the validation part, in nats. */
  readonly validation?: number;
}

/** How `lossCurve()` draws. */
export interface LossCurveOptions {
  /** A heading; none by default. */
  readonly title?: string;
  /** The width in pixels, 720 by default. */
  readonly width?: number;
  /** The height in pixels, 420 by default. */
  readonly height?: number;
}

type Margins = Readonly<Record<"top" | "right" | "bottom" | "left", number>>;

interface Series {
  readonly label: string;
  readonly color: string;
  readonly points: readonly (readonly [step: number, loss: number])[];
}

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
export function lossCurve(points: readonly LossPoint[], options: LossCurveOptions = {}): string {
  const series: Series[] = [
    { label: "training", color: TRAINING_COLOR, points: finite(points, "training") },
    { label: "validation", color: VALIDATION_COLOR, points: finite(points, "validation") },
  ].filter(({ points }) => points.length > 0);
  if (series.length === 0) {
    throw new RangeError(
      `Cannot draw a loss curve: none of the ${points.length} points has a finite training or validation loss`,
    );
  }
  const { width = 720, height = 420, title } = options;
  const margins = { top: title === undefined ? 44 : 72, right: 24, bottom: 46, left: 56 };
  const chart = Plot.plot({
    document: new DOMParser().parseFromString("<svg/>", "image/svg+xml"),
    width,
    height,
    marginTop: margins.top,
    marginRight: margins.right,
    marginBottom: margins.bottom,
    marginLeft: margins.left,
    style: { fontSize: "13px", color: INK },
    ariaLabel: describe(series, title),
    y: { nice: true, ...lossDomain(series) },
    marks: [
      background(margins),
      Plot.gridY(),
      Plot.axisX({ label: "step", labelAnchor: "center", labelArrow: "none", tickFormat: wholeStep }),
      Plot.axisY({ label: null }),
      ...series.map(({ points, color }) => Plot.line(points, { stroke: color, strokeWidth: 1.8 })),
      // A line of one point is invisible, and few points are better seen as such.
      ...series.filter(({ points }) => points.length <= MOST_DOTS)
        .map(({ points, color }) => Plot.dot(points, { fill: color, r: 3 })),
      ...series.flatMap(({ label, color }, index) => legend(label, color, index - series.length + 1)),
      ...(title === undefined ? [] : [note(title, margins, 50, { fontSize: 17, fontWeight: 600 })]),
      note("loss per token", margins, 20),
    ],
  });
  chart.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  chart.setAttribute("role", "img");
  return `${chart.outerHTML}\n`;
}

/** The points with a finite loss, in the order of their steps. */
function finite(points: readonly LossPoint[], name: "training" | "validation"): Series["points"] {
  return points
    .flatMap((point) => {
      const loss = point[name];
      return loss !== undefined && Number.isFinite(loss) ? [[point.step, loss] as const] : [];
    })
    .sort(([left], [right]) => left - right);
}

/** Says in words what the picture shows, for those who listen to it. */
function describe(series: readonly Series[], title: string | undefined): string {
  const parts = series.map(({ label, points }) => {
    const [firstStep, first] = points[0]!;
    const [lastStep, last] = points.at(-1)!;
    return `${label} loss from ${first.toFixed(3)} at step ${firstStep} to ${
      last.toFixed(3)
    } at step ${lastStep}`;
  });
  return `${title ?? "Loss curve"}: ${parts.join("; ")}`;
}

/** Gives an axis to a curve that is flat or a single point; any other sets its own. */
function lossDomain(series: readonly Series[]): { domain?: [number, number] } {
  const [first = 0, ...others] = series.flatMap(({ points }) => points.map(([, loss]) => loss));
  return others.every((loss) => loss === first) ? { domain: [first - 0.5, first + 0.5] } : {};
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

/** Labels no tick between two steps, as a short run would have. */
function wholeStep(step: number): string {
  return Number.isInteger(step) ? formatCount(step) : "";
}

/** One entry above the right corner, counted leftwards from 0. */
function legend(label: string, color: string, position: number): Plot.Markish[] {
  const place = { frameAnchor: "top-right", dy: -20 } as const;
  const dx = position * 96;
  return [
    Plot.dot([label], { ...place, fill: color, r: 5, dx: dx - 76 }),
    Plot.text([label], { ...place, text: [label], textAnchor: "start", lineAnchor: "middle", dx: dx - 66 }),
  ];
}

/** A text at the left margin, `rise` pixels above the axes. */
function note(content: string, margins: Margins, rise: number, style: Plot.TextOptions = {}): Plot.Markish {
  const place = { frameAnchor: "top-left", textAnchor: "start", lineAnchor: "middle" } as const;
  return Plot.text([content], { ...place, text: [content], dx: 16 - margins.left, dy: -rise, ...style });
}
