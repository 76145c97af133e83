// The part of tsv-parse that tsv.ts uses, for the columns that it names: the package's own declarations point to files that
// it does not ship.

/** A line as the parser reads it. */
export type Row =
  | { readonly error: false; readonly parsedLine: { readonly source: string; readonly target: string } }
  | { readonly error: true; readonly errorMessage: string };

/** Parses a text whose first line names the columns. */
export function parse(
  text: string,
  options: {
    readonly headerRow: boolean;
    readonly ignoreBlankRows: boolean;
    readonly ignoreBlankHeaderlessData: boolean;
  },
): { readonly lines: readonly Row[] };
