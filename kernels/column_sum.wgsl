// y[j] += sum over i of x[i, j]: the gradient of a bias. Four columns, a part, at a time.
// A workgroup takes 32 parts: each of eight lanes four of them, eight apart, so that it reads long stretches of each row.
// Where it has more than eight lanes, LANES / 8 of them share the rows of a part; their sums are added from first to last.
// Where the rows are many and the columns few, workgroups share the rows, too: y has a row for each share of them.
//
// M: rows   N: columns   Z: shares

struct Params { rows: u32, rows_share: u32, columns: u32, x_offset: u32, x_stride: u32, y_offset: u32, y_stride: u32, accumulate_y: u32 }

override LANES: u32 = 8u;

alias Part = vec4f;
const PART = 4u;

@group(0) @binding(0) var<storage, read> x: array<Part>;        // [M, N]
@group(0) @binding(1) var<storage, read_write> y: array<Part>;  // [Z, N]
@group(1) @binding(0) var<uniform> params: Params;

struct Sums { a: Part, b: Part, c: Part, d: Part }

var<workgroup> sums: array<Sums, LANES>;

fn store(share: u32, part: u32, sum: Part) {
  if (part >= params.columns / PART) { return; }
  let at = (params.y_offset + share * params.y_stride) / PART + part;
  var total = sum;
  if (params.accumulate_y != 0u) { total += y[at]; }
  y[at] = total;
}

@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let part = (group.y * groups.x + group.x) * 32u + lane % 8u;
  let first = group.z * params.rows_share;
  let end = min(params.rows, first + params.rows_share);
  var sum = Sums();
  for (var i = first + lane / 8u; i < end; i += LANES / 8u) {
    let at = (params.x_offset + i * params.x_stride) / PART + part;
    // Past the last column this reads what does not belong here, and store() leaves out.
    sum.a += x[at];
    sum.b += x[at + 8u];
    sum.c += x[at + 16u];
    sum.d += x[at + 24u];
  }
  sums[lane] = sum;
  workgroupBarrier();
  if (lane >= 8u) { return; }
  for (var other = lane + 8u; other < LANES; other += 8u) {
    sum.a += sums[other].a;
    sum.b += sums[other].b;
    sum.c += sums[other].c;
    sum.d += sums[other].d;
  }
  store(group.z, part, sum.a);
  store(group.z, part + 8u, sum.b);
  store(group.z, part + 16u, sum.c);
  store(group.z, part + 24u, sum.d);
}
