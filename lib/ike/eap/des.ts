/**
 * One block of DES (FIPS 46-3) with a key of 56 bits: broken, and of use for nothing but the response of MS-CHAP-V2
 * (RFC 2759, section 8.6). Written bit by bit, after the standard: three blocks an authentication do not ask for speed.
 *
 * @module
 */

/** Encrypts 8 octets with a key of 7 octets, parity bits left out. */
export function desEncryptBlock(key: Uint8Array, block: Uint8Array): Uint8Array<ArrayBuffer> {
  const roundKeys = schedule(bitsOf(key));
  const bits = permute(bitsOf(block), INITIAL);
  let left = bits.slice(0, 32);
  let right = bits.slice(32);
  for (const roundKey of roundKeys) {
    const mixed = round(right, roundKey);
    [left, right] = [right, left.map((bit, i) => bit ^ mixed[i]!)];
  }
  // The halves are exchanged once more before the last permutation, which undoes the first.
  return octetsOf(permute([...right, ...left], INVERSE));
}

/** Sixteen keys of 48 bits out of 56. */
function schedule(key: readonly number[]): number[][] {
  // The 64-bit key of the standard has a parity bit behind every seven bits; its first choice leaves them out.
  const spread = (position: number) => key[position - 1 - Math.floor((position - 1) / 8)]!;
  const chosen = KEY_CHOICE_1.map(spread);
  let c = chosen.slice(0, 28);
  let d = chosen.slice(28);
  return KEY_ROTATIONS.map((by) => {
    c = [...c.slice(by), ...c.slice(0, by)];
    d = [...d.slice(by), ...d.slice(0, by)];
    return permute([...c, ...d], KEY_CHOICE_2);
  });
}

/** The function f: expansion, key, S-boxes, permutation. */
function round(right: readonly number[], key: readonly number[]): number[] {
  const mixed = permute(right, EXPANSION).map((bit, i) => bit ^ key[i]!);
  const substituted: number[] = [];
  for (const [i, box] of S_BOXES.entries()) {
    const [a, b, c, d, e, f] = mixed.slice(6 * i, 6 * i + 6) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const row = a << 1 | f;
    const column = b << 3 | c << 2 | d << 1 | e;
    const value = parseInt(box[16 * row + column]!, 16);
    substituted.push(value >> 3 & 1, value >> 2 & 1, value >> 1 & 1, value & 1);
  }
  return permute(substituted, P);
}

/** The standard counts bits from 1. */
function permute(bits: readonly number[], table: readonly number[]): number[] {
  return table.map((position) => bits[position - 1]!);
}

function bitsOf(octets: Uint8Array): number[] {
  return [...octets].flatMap((octet) => [7, 6, 5, 4, 3, 2, 1, 0].map((bit) => octet >> bit & 1));
}

function octetsOf(bits: readonly number[]): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(bits.length / 8);
  bits.forEach((bit, i) => octets[i >> 3]! |= bit << 7 - (i & 7));
  return octets;
}

/** Columns of eight, from the right: 58 50 42 … 2, 60 …, 62 …, 64 …, 57 …, 59 …, 61 …, 63 … 7. */
const INITIAL: readonly number[] = [58, 60, 62, 64, 57, 59, 61, 63].flatMap((first) =>
  [0, 1, 2, 3, 4, 5, 6, 7].map((row) => first - 8 * row)
);

const INVERSE: readonly number[] = INITIAL.map((_, i) => INITIAL.indexOf(i + 1) + 1);

/** Each four bits with a neighbour on either side. */
const EXPANSION: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((group) =>
  [-1, 0, 1, 2, 3, 4].map((bit) => (4 * group + bit + 32) % 32 + 1)
);

// deno-fmt-ignore -- rows as in the standard
const P: readonly number[] = [
  16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10,
  2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
];

// deno-fmt-ignore -- rows as in the standard
const KEY_CHOICE_1: readonly number[] = [
  57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18,
  10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
  63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22,
  14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
];

// deno-fmt-ignore -- rows as in the standard
const KEY_CHOICE_2: readonly number[] = [
  14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10,
  23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
  41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48,
  44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
];

const KEY_ROTATIONS: readonly number[] = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];

/** S1 to S8: four rows of sixteen values, each a hexadecimal digit. */
const S_BOXES: readonly string[] = [
  "e4d12fb83a6c59070f74e2d1a6cb953841e8d62bfc973a50fc8249175b3ea06d",
  "f18e6b34972dc05a3d47f28ec01a69b50e7ba4d158c6932fd8a13f42b67c05e9",
  "a09e63f51dc7b428d709346a285ecbf1d6498f30b12c5ae71ad069874fe3b52c",
  "7de3069a1285bc4fd8b56f03472c1ae9a690cb7df13e52843f06a1d8945bc72e",
  "2c417ab6853fd0e9eb2c47d150fa3986421bad78f9c5630eb8c71e2d6f09a453",
  "c1af92680d34e75baf427c9561de0b389ef528c3704a1db6432c95fabe17608d",
  "4b2ef08d3c975a61d0b7491ae35c2f8614bdc37eaf6805926bd814a7950fe23c",
  "d2846fb1a93e50c71fd8a374c56b0e927b419ce206adf35821e74a8dfc90356b",
];
