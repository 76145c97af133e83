// The parameters of a model as a table for people, part by part.

import { columns } from "./columns.ts";
import { formatBytes, formatCount } from "./format.ts";

/** What is asked of a model here; every model of this project is one. */
export interface SummarizedModel {
  /** Its parameters. */
  readonly parameters: {
    /** All of them by name, the parts of the model before the last dot. */
    readonly tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>;
    /** Those that training changes. */
    readonly trainable: ReadonlyMap<string, unknown>;
  };
  /** What its parts put out, such as `[S, B, 128]`, by the part's name; parts that are not there do not matter. */
  readonly outputShapes?: Readonly<Record<string, string>>;
}

interface Row {
  readonly part: string;
  readonly name: string;
  readonly shape: readonly number[];
  readonly count: number;
  readonly trainable: boolean;
}

/**
 * Lays out the parameters of a model as Keras' `summary()` does: for each part the shape of its output, how many numbers it
 * has and what share of all, and its parameters with their shapes; in the end how many numbers are trainable and how many are not.
 *
 * @param model A model, or anything with parameters by name.
 * @returns The table, several lines.
 *
 * @example
 * ```ts
 * import { openDevice, Parameters, summary } from "../../mod.ts";
 *
 * const device = await openDevice();
 * const parameters = new Parameters(device);
 * const zeros = (_: unknown, size: number) => new Float32Array(size);
 * parameters.declare("embedding.weight", [1_000, 8], zeros, { frozen: true });
 * parameters.declare("output.weight", [2, 8], zeros);
 * parameters.declare("output.bias", [2], zeros);
 * console.log(summary({ parameters }));
 * device.close();
 * ```
 */
export function summary({ parameters, outputShapes = {} }: SummarizedModel): string {
  const rows = [...parameters.tensors].map(([path, { shape }]): Row => {
    const dot = path.lastIndexOf(".");
    const count = shape.reduce((product, length) => product * length, 1);
    const part = dot < 0 ? "(model)" : path.slice(0, dot);
    return { part, name: path.slice(dot + 1), shape, count, trainable: parameters.trainable.has(path) };
  });
  const total = countOf(rows);
  const share = (count: number) => `${(100 * count / Math.max(1, total)).toFixed(1)} %`;
  const parts = [...Map.groupBy(rows, ({ part }) => part)].flatMap(([part, rows]) => [
    [part, outputShapes[part] ?? "", formatCount(countOf(rows)), share(countOf(rows)), ""],
    ...rows.map(({ name, shape, count, trainable }) => {
      return [`  ${name}`, `[${shape.join(", ")}]`, formatCount(count), "", trainable ? "" : "frozen"];
    }),
  ]);
  const totals = [
    ["total", rows],
    ["trainable", rows.filter(({ trainable }) => trainable)],
    ["not trainable", rows.filter(({ trainable }) => !trainable)],
  ] as const;
  const [headings, ...lines] = columns([
    ["part", "output shape", "parameters", "share", ""],
    ...parts,
    ...totals.map(([name, rows]) => {
      return [name, formatBytes(4 * countOf(rows)), formatCount(countOf(rows)), share(countOf(rows)), ""];
    }),
  ]);
  const rule = "─".repeat(Math.max(...[headings!, ...lines].map(({ length }) => length)));
  return [headings, rule, ...lines.slice(0, -totals.length), rule, ...lines.slice(-totals.length)].join("\n");
}

function countOf(rows: readonly Row[]): number {
  return rows.reduce((sum, { count }) => sum + count, 0);
}
