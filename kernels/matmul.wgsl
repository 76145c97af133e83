// C = act(A B + bias)          or, accumulating, C += A B
//
// M: rows   N: columns   K: inner. A and B may be stored transposed. One workgroup of 16 x 16 invocations owns a tile of 64 x 64 of C, each invocation 4 x 4;
// 16 columns of A and 16 rows of B at a time pass through workgroup memory.

struct Params {
  rows: u32, columns: u32, inner: u32,
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

var<workgroup> a_tile: array<f32, 1024>;  // [16, 64]: inner, row
var<workgroup> b_tile: array<f32, 1024>;  // [16, 64]: inner, column

// Neighbouring invocations load neighbouring addresses, transposed or not.
fn load_tiles(first_row: u32, first_column: u32, k0: u32, lane: u32) {
  for (var i = 0u; i < 4u; i++) {
    let e = lane + 256u * i;
    let a_fast = p.transpose_a == 0u;
    let ak = select(e / 64u, e % 16u, a_fast);
    let ar = select(e % 64u, e / 16u, a_fast);
    let row = min(first_row + ar, p.rows - 1u);
    let b_fast = p.transpose_b != 0u;
    let bk = select(e / 64u, e % 16u, b_fast);
    let bc = select(e % 64u, e / 16u, b_fast);
    let column = min(first_column + bc, p.columns - 1u);
    var av = 0.0;
    var bv = 0.0;
    if (k0 + ak < p.inner) { av = a[p.a_offset + select((k0 + ak) * p.a_stride + row, row * p.a_stride + k0 + ak, a_fast)]; }
    if (k0 + bk < p.inner) { bv = b[p.b_offset + select((k0 + bk) * p.b_stride + column, column * p.b_stride + k0 + bk, b_fast)]; }
    a_tile[ak * 64u + ar] = av;
    b_tile[bk * 64u + bc] = bv;
  }
}

fn activate(x: f32) -> f32 {
  switch p.activation {
    case 1u: { return tanh(clamp(x, -15.0, 15.0)); }
    case 2u: { return 1.0 / (1.0 + exp(-x)); }
    case 3u: { return max(x, 0.0); }
    default: { return x; }
  }
}

fn store(row: u32, first_column: u32, sums: vec4f) {
  if (row >= p.rows) { return; }
  for (var j = 0u; j < 4u; j++) {
    let column = first_column + j;
    if (column >= p.columns) { return; }
    var x = sums[j];
    if (p.has_bias != 0u) { x += bias[p.bias_offset + column]; }
    let i = p.c_offset + row * p.c_stride + column;
    if (p.accumulate_c != 0u) { x += c[i]; }
    c[i] = activate(x);
  }
}

@compute @workgroup_size(16, 16)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let first_row = group.y * 64u;
  let first_column = group.x * 64u;
  let r = local.y * 4u;
  let q = local.x * 4u;
  var c0 = vec4f(); var c1 = vec4f(); var c2 = vec4f(); var c3 = vec4f();
  for (var k0 = 0u; k0 < p.inner; k0 += 16u) {
    load_tiles(first_row, first_column, k0, lane);
    workgroupBarrier();
    for (var k = 0u; k < 16u; k++) {
      let t = k * 64u;
      let bv = vec4f(b_tile[t + q], b_tile[t + q + 1u], b_tile[t + q + 2u], b_tile[t + q + 3u]);
      c0 += a_tile[t + r] * bv;
      c1 += a_tile[t + r + 1u] * bv;
      c2 += a_tile[t + r + 2u] * bv;
      c3 += a_tile[t + r + 3u] * bv;
    }
    workgroupBarrier();
  }
  store(first_row + r, first_column + q, c0);
  store(first_row + r + 1u, first_column + q, c1);
  store(first_row + r + 2u, first_column + q, c2);
  store(first_row + r + 3u, first_column + q, c3);
}
