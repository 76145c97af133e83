// Looks at a tensor by bit pattern, as comparisons with NaN are not reliable on every adapter: how many elements are NaN,
// how many infinite, the first of either, and the largest magnitude of the others. Each workgroup looks at a share.
//
// N: elements   P: workgroups

struct Params { size: u32, columns: u32, parts: u32, first_record: u32, x_offset: u32, x_stride: u32 }

struct Record { nan: u32, infinite: u32, first: u32, largest: u32 }

override WORKGROUP: u32 = 64u;

const INFINITE = 0x7f800000u;
const NOWHERE = 0xffffffffu;

@group(0) @binding(0) var<storage, read> x: array<u32>;                 // [N], floats
@group(0) @binding(1) var<storage, read_write> records: array<Record>;  // [P] from first_record on

@group(1) @binding(0) var<uniform> p: Params;

var<workgroup> shares: array<Record, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  var found = Record(0u, 0u, NOWHERE, 0u);
  for (var i = group.x * WORKGROUP + lane; i < p.size; i += p.parts * WORKGROUP) {
    let bits = x[p.x_offset + i / p.columns * p.x_stride + i % p.columns] & 0x7fffffffu;
    if (bits < INFINITE) {
      found.largest = max(found.largest, bits);
    } else {
      found.nan += u32(bits > INFINITE);
      found.infinite += u32(bits == INFINITE);
      found.first = min(found.first, i);
    }
  }
  shares[lane] = found;
  workgroupBarrier();
  if (lane != 0u) { return; }
  for (var i = 1u; i < WORKGROUP; i++) {
    let other = shares[i];
    found.nan += other.nan;
    found.infinite += other.infinite;
    found.first = min(found.first, other.first);
    found.largest = max(found.largest, other.largest);
  }
  records[p.first_record + group.x] = found;
}
