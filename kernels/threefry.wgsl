// Threefry-2x32 with 20 rounds (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): two random words for
// each key and counter. Functions only: the text of kernels that draw is this one followed by theirs.

fn rotate(x: u32, bits: u32) -> u32 { return (x << bits) | (x >> (32u - bits)); }

fn four_rounds(state: vec2u, r: vec4u) -> vec2u {
  var s = state;
  s.x += s.y; s.y = rotate(s.y, r.x) ^ s.x;
  s.x += s.y; s.y = rotate(s.y, r.y) ^ s.x;
  s.x += s.y; s.y = rotate(s.y, r.z) ^ s.x;
  s.x += s.y; s.y = rotate(s.y, r.w) ^ s.x;
  return s;
}

fn threefry(key: vec2u, counter: vec2u) -> vec2u {
  let third = 0x1BD11BDAu ^ key.x ^ key.y;
  let even = vec4u(13u, 15u, 26u, 6u);
  let odd = vec4u(17u, 29u, 16u, 24u);
  var s = counter + key;
  s = four_rounds(s, even) + vec2u(key.y, third + 1u);
  s = four_rounds(s, odd) + vec2u(third, key.x + 2u);
  s = four_rounds(s, even) + vec2u(key.x, key.y + 3u);
  s = four_rounds(s, odd) + vec2u(key.y, third + 4u);
  return four_rounds(s, even) + vec2u(third, key.x + 5u);
}
