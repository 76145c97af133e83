// The random generator of the kernels in plain JavaScript.

/** Threefry-2x32 with 20 rounds, first word; the plain form of the paper. */
export function threefry(key: readonly [number, number], counter: readonly [number, number]): number {
  const rotations = [13, 15, 26, 6, 17, 29, 16, 24];
  const keys = [...key, 0x1bd11bda ^ key[0] ^ key[1]];
  let [x, y] = [counter[0] + key[0] | 0, counter[1] + key[1] | 0];
  for (let round = 0; round < 20; round++) {
    const bits = rotations[round % 8]!;
    x = x + y | 0;
    y = (y << bits | y >>> 32 - bits) ^ x;
    if (round % 4 === 3) {
      const injection = (round + 1) / 4;
      x = x + keys[injection % 3]! | 0;
      y = y + keys[(injection + 1) % 3]! + injection | 0;
    }
  }
  return x >>> 0;
}
