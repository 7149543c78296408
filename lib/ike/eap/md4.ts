/** MD4 (RFC 1320): broken, and of use for nothing but the password hash of MS-CHAP-V2. No provider has it any more. */

/** The digest of some octets: 16 octets. */
export function md4(data: Uint8Array): Uint8Array<ArrayBuffer> {
  // Section 3.1 and 3.2: one bit, zeros, and the number of bits in 64 bits, lower half first.
  const padded = new Uint8Array((data.length + 8 >>> 6) + 1 << 6);
  padded.set(data);
  padded[data.length] = 0x80;
  const words = new DataView(padded.buffer);
  words.setUint32(padded.length - 8, data.length << 3, true);
  words.setUint32(padded.length - 4, Math.floor(data.length / 0x20000000), true);

  const state = Uint32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  const x = new Uint32Array(16);
  for (let block = 0; block < padded.length; block += 64) {
    for (let i = 0; i < 16; i++) x[i] = words.getUint32(block + 4 * i, true);
    mix(state, x);
  }
  const digest = new Uint8Array(16);
  const out = new DataView(digest.buffer);
  state.forEach((word, i) => out.setUint32(4 * i, word, true));
  return digest;
}

/** Section 3.4: three rounds; each has its function, its constant, its order of the words and its rotations. */
const ROUNDS: readonly {
  readonly f: (x: number, y: number, z: number) => number;
  readonly constant: number;
  readonly order: readonly number[];
  readonly rotations: readonly number[];
}[] = [
  {
    f: (x, y, z) => x & y | ~x & z,
    constant: 0,
    order: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    rotations: [3, 7, 11, 19],
  },
  {
    f: (x, y, z) => x & y | x & z | y & z,
    constant: 0x5a827999,
    order: [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15],
    rotations: [3, 5, 9, 13],
  },
  {
    f: (x, y, z) => x ^ y ^ z,
    constant: 0x6ed9eba1,
    order: [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15],
    rotations: [3, 9, 11, 15],
  },
];

function mix(state: Uint32Array, x: Uint32Array): void {
  let [a, b, c, d] = state as unknown as [number, number, number, number];
  for (const { f, constant, order, rotations } of ROUNDS) {
    for (const [i, k] of order.entries()) {
      const sum = a + f(b, c, d) + x[k]! + constant | 0;
      const rotation = rotations[i & 3]!;
      [a, b, c, d] = [d, sum << rotation | sum >>> 32 - rotation, b, c];
    }
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
}
