// Results as text: lines for the terminal, and one table in Markdown.

import { type BenchResult, type Environment, measured, type Row, type Side } from "./results.ts";

/** The lines that say where something was measured. */
export function header({ adapter, driver, profile, processor, deno, floors }: Environment): string[] {
  return [
    `adapter     ${adapter}, profile ${profile}`,
    `driver      ${driver}`,
    `processor   ${processor}`,
    `runtime     Deno ${deno}`,
    `at most     ${rate(floors.flops, "FLOP/s")}, ${rate(floors.bandwidth, "B/s")}`,
  ];
}

/** A benchmark for the terminal: a line a side. */
export function listing({ rows, environment }: BenchResult): string {
  const lines = rows.flatMap((row) => {
    const [ours, ...others] = row.sides;
    const own = [timeCell(row, ours!), ...ownCells(row, environment)].filter(Boolean).join(", ");
    return [`${row.title}: ${own}`, ...others.map((side) => `    ${side.label}: ${timeCell(row, side)}`)];
  });
  return lines.join("\n");
}

/** All results of an adapter as a Markdown document. */
export function document(results: readonly BenchResult[]): string {
  const peers = new Set(results.flatMap(({ rows }) => rows).flatMap(peersOf).map(({ label }) => label));
  const notes: string[] = [];
  const note = (reason: string) => {
    if (!notes.includes(reason)) notes.push(reason);
    return `(${notes.indexOf(reason) + 1})`;
  };
  const lines = results.flatMap(({ rows, environment }) =>
    rows.map((row) => {
      const others = row.sides.slice(1).filter(({ peer }) => !peer).map((side) =>
        `${side.label}: ${timeCell(row, side, note)}`
      );
      const cells = [
        row.title,
        timeCell(row, row.sides[0]!),
        ...ownCells(row, environment),
        others.join("; "),
      ];
      for (const label of peers) {
        const side = peersOf(row).find((side) => side.label === label);
        cells.push(side ? timeCell(row, side, note) : "");
      }
      return tableLine(cells);
    })
  );
  const columns = ["work", "attend", "rate", "of the floor", "attend otherwise", ...peers];
  const environment = results.at(-1)!.environment;
  return [
    `# ${environment.adapter}`,
    "Written by `deno task bench:report`; how to read it stands in `docs/performance.md`.",
    "```\n" + header(environment).join("\n") + "\n```",
    [tableLine(columns), tableLine(columns.map(() => "---")), ...lines].join("\n"),
    notes.map((reason, index) => `(${index + 1}) ${reason}`).join("  \n"),
  ].filter(Boolean).join("\n\n") + "\n";
}

function peersOf({ sides }: Row): Side[] {
  return sides.filter(({ peer }) => peer);
}

function tableLine(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

/** A side's time, and for all but ours how many times ours it is; or why there is none. */
function timeCell(row: Row, side: Side, note: (reason: string) => string = (reason) => reason): string {
  const found = measured(side);
  if (!found) return note("reason" in side ? side.reason : "");
  const ours = measured(row.sides[0]);
  const ratio = side === row.sides[0] || !ours ? "" : `, ${digits(found.seconds / ours.seconds)} times`;
  return `${duration(found.seconds)}${ratio}`;
}

/** The rate of ours, and its share of the floor. */
function ownCells({ flop = 0, bytes = 0, floor, sides }: Row, { floors }: Environment): string[] {
  const ours = measured(sides[0]);
  if (!ours || floor === undefined) return ["", ""];
  const { seconds } = ours;
  const computes = flop / floors.flops >= bytes / floors.bandwidth;
  return [
    computes ? rate(flop / seconds, "FLOP/s") : rate(bytes / seconds, "B/s"),
    `${digits(100 * floor / seconds)} %`,
  ];
}

/** Two significant digits, or all before the point. */
function digits(value: number): string {
  return value >= 9.95 ? value.toFixed(0) : value >= 0.995 ? value.toFixed(1) : value.toPrecision(2);
}

/** Seconds in the unit that suits them. */
export function duration(seconds: number): string {
  if (seconds >= 1) return `${seconds.toPrecision(3)} s`;
  if (seconds >= 1e-3) return `${(1e3 * seconds).toPrecision(3)} ms`;
  return `${(1e6 * seconds).toPrecision(3)} us`;
}

/** A rate in billions. */
export function rate(perSecond: number, unit: string): string {
  return `${digits(perSecond / 1e9)} G${unit}`;
}
