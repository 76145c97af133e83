// Perplexity, the readable form of the validation loss.

/**
 * Converts a mean loss per token to perplexity, `e^loss`.
 *
 * The loss is the cross-entropy in nats (natural logarithm) without label smoothing: its sum over all target tokens
 * that are not padding, with `<eos>`, divided by their number. The result reads as "as unsure as a choice among that
 * many equally likely words". There are two, and they do not compare: teacher-forced, where each word is predicted
 * from the right words before it (`heldOutLoss()` as it is), and free-running, where it is predicted from those that
 * the model chose itself (`given: "own"`), which is much higher.
 *
 * @param lossPerToken The mean loss per target token, in nats.
 * @returns The perplexity, at least 1 for any real loss; infinite or NaN if the loss is.
 * @throws {RangeError} If the loss is negative.
 *
 * @example
 * ```ts
 * import { perplexity } from "./perplexity.ts";
 *
 * console.log(perplexity(Math.log(100)).toFixed(1)); // 100.0
 * ```
 */
export function perplexity(lossPerToken: number): number {
  if (lossPerToken < 0) {
    throw new RangeError(
      `Cannot compute perplexity: the loss per token is ${lossPerToken}, but a cross-entropy is at least 0`,
    );
  }
  return Math.exp(lossPerToken);
}
