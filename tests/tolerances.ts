// How far numbers of 32 bits may be from the same ones in 64. A rounding is off by at most 2^-24, which is 6e-8, of the number;
// in sums errors are relative to the largest number there is. Whoever needs another tolerance says why where it stands.

/** Some sixteen roundings one upon the other: a softmax of a few terms, a mean; WGSL's log and division are off by 3 of them. */
export const FEW_ROUNDINGS = 1e-6;

/** Sums of some hundred terms, each with its rounding; or one tanh, which in WGSL may be off by 1e-5, or exp, by 3 + 2 |x| ULP. */
export const SUMS = 1e-5;

/**
 * Such sums through several others, as gradients are. Central differences of loops in 64 bits, with a step of 1e-5, add
 * less than 1e-9; after ten steps of an optimizer weights are no further off, for PyTorch's are in 64 bits, too.
 */
export const CHAINS = 1e-4;
