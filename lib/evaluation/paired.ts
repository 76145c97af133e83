// What every measure of translations against references asks of its two lists.

/**
 * Refuses lists that cannot be compared line by line.
 *
 * @param measure The name of the figure, for the message.
 * @param hypotheses The translations.
 * @param references Their references.
 * @throws {RangeError} If there are no sentences, or not as many references as hypotheses.
 */
export function checkPaired(
  measure: string,
  hypotheses: readonly string[],
  references: readonly string[],
): void {
  if (hypotheses.length !== references.length) {
    throw new RangeError(
      `Cannot compute ${measure}: there are ${hypotheses.length} hypotheses but ${references.length} ` +
        `references; give one reference for each hypothesis`,
    );
  }
  if (hypotheses.length === 0) {
    throw new RangeError(`Cannot compute ${measure}: there are 0 sentences; give at least one`);
  }
}
