// C = act(sum of the parts + bias)          or, accumulating, C += sum of the parts
//
// The second half of a product whose inner length workgroups share, and of a column's sum whose rows they share: each gave
// a part, added here in order.
// M: rows   N: columns   Z: parts

struct Params {
  size: u32, columns: u32, parts: u32, sums_stride: u32,
  bias_offset: u32, has_bias: u32, activation: u32,
  c_offset: u32, c_stride: u32, accumulate_c: u32,
}

override WORKGROUP: u32 = 64u;

@group(0) @binding(0) var<storage, read> sums: array<f32>;     // [Z, M, N], rows sums_stride apart
@group(0) @binding(1) var<storage, read> bias: array<f32>;     // [N]
@group(0) @binding(2) var<storage, read_write> c: array<f32>;  // [M, N]
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

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let at = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (at >= p.size) { return; }
  let column = at % p.columns;
  var sum = 0.0;
  let distance = p.size / p.columns * p.sums_stride;
  var i = at / p.columns * p.sums_stride + column;
  var part = 0u;
  for (; part + 4u <= p.parts; part += 4u) {  // four loads on their way at once
    let first = sums[i];
    let second = sums[i + distance];
    let third = sums[i + 2u * distance];
    let fourth = sums[i + 3u * distance];
    sum = (((sum + first) + second) + third) + fourth;
    i += 4u * distance;
  }
  for (; part < p.parts; part++) {
    sum += sums[i];
    i += distance;
  }
  if (p.has_bias != 0u) { sum += bias[p.bias_offset + column]; }
  let to = p.c_offset + at / p.columns * p.c_stride + column;
  if (p.accumulate_c != 0u) { sum += c[to]; }
  c[to] = activate(sum);
}
