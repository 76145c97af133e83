// Results as text: lines for the terminal, and one table in Markdown.

import type { BenchResult, Environment, Row, Side } from "./results.ts";

/** The lines that say where something was measured. */
export function header(environment: Environment): string[] {
  const { adapter, driver, profile, processor, deno, flops, bandwidth } = environment;
  return [
    `adapter     ${adapter}, profile ${profile}`,
    `driver      ${driver}`,
    `processor   ${processor}`,
    `runtime     Deno ${deno}`,
    `at most     ${rate(flops, "FLOP")}, ${rate(bandwidth, "B")}`,
  ];
}

/** A benchmark for the terminal: a line a side. */
export function listing({ rows }: BenchResult): string {
  const lines = rows.flatMap((row) => {
    const own = ownCells(row).filter(Boolean).join(", ");
    const others = row.sides.slice(1).filter(({ kind }) => kind !== "floor");
    return [`${row.title}: ${own}`, ...others.map((side) => `    ${side.label}: ${otherCell(side)}`)];
  });
  return lines.join("\n");
}

/** All results of an adapter as a Markdown document. */
export function document(results: readonly BenchResult[]): string {
  const all = results.flatMap(({ rows }) => rows).flatMap(({ sides }) => sides);
  const peers = [...new Set(all.filter(({ kind }) => kind === "peer").map(({ label }) => label))];
  const notes = new Notes();
  const cell = (side: Side) => otherCell(side, notes.mark);
  const lines = results.flatMap(({ rows }) => rows).map((row) => {
    const otherwise = row.sides.filter(({ kind }) => kind === "otherwise");
    return [
      row.title,
      ...ownCells(row),
      otherwise.map((side) => `${side.label}: ${cell(side)}`).join("; "),
      ...peers.map((label) => {
        const side = row.sides.find((side) => side.label === label);
        return side ? cell(side) : "";
      }),
    ];
  });
  const columns = ["work", "attend", "rate", "of the floor", "attend otherwise", ...peers];
  const { environment } = results.at(-1)!;
  const parts = [
    `# ${environment.adapter}`,
    "Written by `deno task bench:report`. How to read it stands in `docs/performance.md`.",
    ["```", ...header(environment), "```"].join("\n"),
    [columns, columns.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n"),
    notes.text(),
  ];
  return `${parts.filter(Boolean).join("\n\n")}\n`;
}

/** Sentences that would not fit into cells, each numbered once. */
class Notes {
  #notes: string[] = [];

  /** The number of a note. */
  mark = (note: string): string => {
    if (!this.#notes.includes(note)) this.#notes.push(note);
    return `[${this.#notes.indexOf(note) + 1}]`;
  };

  /** All notes, a line each. */
  text(): string {
    return this.#notes.map((note, index) => `[${index + 1}] ${note}`).join("  \n");
  }
}

/** Time, rate and share of the floor of ours. */
function ownCells({ takes, sides }: Row): [string, string, string] {
  const seconds = sides[0]?.measured?.seconds;
  if (seconds === undefined) return ["not measured", "", ""];
  const floor = sides.find(({ kind }) => kind === "floor")?.measured;
  return [
    duration(seconds),
    takes ? rate(takes.amount / seconds, takes.unit) : "",
    floor ? `${digits(100 * floor.ratio)} %` : "",
  ];
}

/** How many times ours another side takes, and its time; or why there is none. */
function otherCell({ measured, note }: Side, mark = (note: string) => note): string {
  const once = measured?.samples === 1 ? ", once" : "";
  const parts = measured ? [`${digits(measured.ratio)} times (${duration(measured.seconds)}${once})`] : [];
  return [...parts, note === undefined ? [] : mark(note)].flat().join(" ");
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

/** A rate in billions a second. */
export function rate(perSecond: number, unit: string): string {
  return `${digits(perSecond / 1e9)} G${unit}/s`;
}
