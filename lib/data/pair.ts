// The plain value that every stage of the data layer takes and returns.

/** One sentence and its translation. */
export interface Pair {
  /** The sentence to be translated. */
  readonly source: string;
  /** Its translation. */
  readonly target: string;
}
