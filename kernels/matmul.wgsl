// C = act(A B + bias)          or, accumulating, C += A B
//
// M: rows   N: columns   K: inner. A and B may be stored transposed. One invocation an element of C: the kernel to
// read. The fast ones, matmul_cpu8*.ts, matmul_tiled*.ts and matmul_sliced.ts, have its bindings and parameters.

struct Params {
  rows: u32, columns: u32, inner: u32, inner_share: u32,
  a_offset: u32, a_stride: u32, transpose_a: u32,
  b_offset: u32, b_stride: u32, transpose_b: u32,
  bias_offset: u32, has_bias: u32, activation: u32,
  c_offset: u32, c_stride: u32, accumulate_c: u32,
}

@group(0) @binding(0) var<storage, read> a: array<f32>;        // [M, K]
@group(0) @binding(1) var<storage, read> b: array<f32>;        // [K, N]
@group(0) @binding(2) var<storage, read> bias: array<f32>;     // [N]
@group(0) @binding(3) var<storage, read_write> c: array<f32>;  // [M, N]
@group(1) @binding(0) var<uniform> p: Params;

// By bit pattern, as clamp() and max() may make a number of NaN.
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

fn activate(x: f32) -> f32 {
  switch p.activation {
    case 1u: { return select(tanh(clamp(x, -15.0, 15.0)), x, is_nan(x)); }
    case 2u: { return 1.0 / (1.0 + exp(-x)); }
    case 3u: { return select(max(x, 0.0), x, is_nan(x)); }
    default: { return x; }
  }
}

@compute @workgroup_size(8, 8)
fn forward(@builtin(global_invocation_id) id: vec3u) {
  let row = id.y;
  let column = id.x;
  if (row >= p.rows || column >= p.columns) { return; }
  let end = min(p.inner, (id.z + 1u) * p.inner_share);
  var sum = 0.0;
  for (var k = id.z * p.inner_share; k < end; k++) {
    let i = p.a_offset + select(row * p.a_stride + k, k * p.a_stride + row, p.transpose_a != 0u);
    let j = p.b_offset + select(k * p.b_stride + column, column * p.b_stride + k, p.transpose_b != 0u);
    sum = fma(a[i], b[j], sum);
  }
  if (p.has_bias != 0u) { sum += bias[p.bias_offset + column]; }
  let i = p.c_offset + (id.z * p.rows + row) * p.c_stride + column;
  if (p.accumulate_c != 0u) { sum += c[i]; }
  c[i] = activate(sum);
}
