// Rows of cells as lines of text.

/**
 * Aligns rows of cells: the first column on its left, the others on their right.
 *
 * @param rows The cells, as many in each row.
 * @returns A line a row.
 *
 * @example
 * ```ts
 * import { columns } from "./columns.ts";
 *
 * console.log(columns([["word", "count"], ["the", "12"]]).join("\n"));
 * ```
 */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]!.length))) ?? [];
  return rows.map((row) =>
    row.map((cell, column) => column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))
      .join("  ").trimEnd()
  );
}
