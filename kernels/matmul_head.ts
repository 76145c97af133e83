// What the matrix products have in common: bindings, parameters, and which part of the product a workgroup owns. The
// reference, matmul.wgsl, says the same in plain WGSL.

/** Lines of WGSL, one for each index below `count`. */
export const each = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => line(index)).join("\n");

/** What is applied to the sums, one number or four at a time. NaN is told by bit pattern, as clamp() and max() may hide it. */
export function matmulActivation(type: "f32" | "vec4f"): string {
  const bits = type === "f32" ? "u32" : "vec4u";
  return `
fn or_nan(y: ${type}, x: ${type}) -> ${type} {
  return select(y, x, (bitcast<${bits}>(x) & ${bits}(0x7fffffffu)) > ${bits}(0x7f800000u));
}

fn activate(x: ${type}) -> ${type} {
  switch p.activation {
    case 1u: { return or_nan(tanh(clamp(x, ${type}(-15.0), ${type}(15.0))), x); }
    case 2u: { return 1.0 / (1.0 + exp(-x)); }
    case 3u: { return or_nan(max(x, ${type}(0.0)), x); }
    default: { return x; }
  }
}
`;
}

/** The parameters and bindings, with the operands' elements as `element`; C has single numbers, or as many as they. */
export const matmulHead = (element: "f32" | "vec4f" | "u64" | "vec2<u64>") => `
struct Params {
  rows: u32, columns: u32, inner: u32, inner_share: u32,
  a_offset: u32, a_stride: u32, transpose_a: u32,
  b_offset: u32, b_stride: u32, transpose_b: u32,
  bias_offset: u32, has_bias: u32, activation: u32,
  c_offset: u32, c_stride: u32, accumulate_c: u32,
}

@group(0) @binding(0) var<storage, read> a: array<${element}>;  // [rows, inner]
@group(0) @binding(1) var<storage, read> b: array<${element}>;  // [inner, columns]
@group(0) @binding(2) var<storage, read> bias: array<f32>;     // [columns]
@group(0) @binding(3) var<storage, read_write> c: array<${
  element === "vec4f" ? element : "f32"
}>;  // [rows, columns], or one such for each part of inner
@group(1) @binding(0) var<uniform> p: Params;

// The tile of a workgroup, as row and column. Workgroups that run one after the other sweep over the smaller operand
// and keep their tile of the larger one in the cache.
fn tile_of(group: vec3u) -> vec2u { return select(group.yx, group.xy, p.rows <= 4u * p.columns); }
`;
