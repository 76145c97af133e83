// What the gradients of a loss begin with in half precision: scaled = scale * loss_scale

struct Params { loss_scale_offset: u32 }

@group(0) @binding(0) var<storage, read> scale: array<f32>;         // [1]: one over the number of answers
@group(0) @binding(1) var<storage, read> loss_scale: array<f32>;    // [1]
@group(0) @binding(2) var<storage, read_write> scaled: array<f32>;  // [1]
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(1)
fn forward() {
  scaled[0] = scale[0] * loss_scale[p.loss_scale_offset];
}
