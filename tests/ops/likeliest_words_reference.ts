// The likeliest words of a row in 64 bits, by sorting.

/** The same in 64 bits, by sorting. */
export function reference(logits: readonly number[], total: number, count: number, banned = 0) {
  const normalizer = Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0));
  const possible = (word: number) => logits[word]! > -1e29 && !(word < 32 && banned >>> word & 1);
  const value = (word: number) => possible(word) ? logits[word]! : -1e30;
  const words = [...logits.keys()].sort((a, b) => value(b) - value(a) || a - b).slice(0, count);
  return {
    words,
    scores: words.map((word) => possible(word) ? total + logits[word]! - normalizer : -1e30),
  };
}
