// Logarithms of probabilities that are added. Functions only: the text of kernels that need them is this one followed by
// theirs.

const IMPOSSIBLE = -1e30;  // the logarithm of 0; those of many words can still be added

// log(exp(a) + exp(b))
fn log_add(a: f32, b: f32) -> f32 { return max(a, b) + log(1.0 + exp(-abs(a - b))); }
