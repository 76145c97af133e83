// Where a decoder step may look: what global attention and the two kinds of local attention (Luong et al. 2015, section
// 3.2) say differently. The rest of the WGSL is in attention_step.ts.

/** Kinds of spans. */
export type SpanName = "global" | "monotonic" | "predictive";

/** Texts of WGSL that complete the kernels of a step. */
export interface StepPiece {
  /** Bindings and functions of the step forward. */
  readonly forward: string;
  /** Bindings and functions of the step backward. */
  readonly backward: string;
}

/** Weights as the softmax has them, and no position to pass a gradient to. */
const undistorted = `
fn nearness(b: u32, s: u32) -> f32 { return 1.0; }
`;
const unpositioned = `${undistorted}
fn pass_to_position(b: u32, span: Span, lane: u32) {}
`;

/** A Gaussian around the position, of a standard deviation of half a window. */
const near = `
@group(0) @binding(_) var<storage, read> positions: array<f32>;  // [B] at this step

fn distance_to(b: u32, s: u32) -> f32 { return f32(s) - positions[p.positions_offset + b]; }

fn nearness(b: u32, s: u32) -> f32 {
  let windows = distance_to(b, s) / f32(p.window);
  return exp(-2.0 * windows * windows);
}
`;

/**
 * For each kind forward `span_of` and `nearness`, and backward `nearness` and `pass_to_position`, which is called while
 * `dweights` still holds the gradient of the weights.
 */
export const spans: Readonly<Record<SpanName, StepPiece>> = {
  global: {
    forward: `${undistorted}
fn span_of(b: u32) -> Span { return Span(0u, length_of(b)); }
`,
    backward: unpositioned,
  },

  // |s - min(t, length - 1)| <= window
  monotonic: {
    forward: `${undistorted}
fn span_of(b: u32) -> Span {
  let length = length_of(b);
  let position = min(p.step, max(length, 1u) - 1u);
  return Span(position - min(position, p.window), min(length, position + p.window + 1u));
}
`,
    backward: unpositioned,
  },

  // |s - position| <= window
  predictive: {
    forward: `${near}
fn span_of(b: u32) -> Span {
  let length = f32(length_of(b));
  let position = positions[p.positions_offset + b];
  let first = clamp(ceil(position - f32(p.window)), 0.0, length);
  let end = clamp(floor(position + f32(p.window)) + 1.0, first, length);
  return Span(u32(first), u32(end));
}
`,
    backward: `${near}
@group(0) @binding(_) var<storage, read_write> dpositions: array<f32>;  // [B] at this step

// dposition = sum over s of weights dweights (s - position) / (window / 2)^2
fn pass_to_position(b: u32, span: Span, lane: u32) {
  if (lane == 0u) {
    var sum = 0.0;
    for (var s = span.first; s < span.end; s++) {
      let i = b * p.source + s;
      sum += weights_saved[p.weights_offset + i] * dweights[p.dweights_offset + i] * distance_to(b, s);
    }
    sum *= 4.0 / (f32(p.window) * f32(p.window));
    let i = p.dpositions_offset + b;
    if (p.accumulate_dpositions != 0u) { sum += dpositions[i]; }
    dpositions[i] = sum;
  }
}
`,
  },
};
