/**
 * Input cuts as a parameter: every byte-level test runs whole, octet by octet and at random cuts, so that no result
 * depends on how the network happened to cut the stream. The random cuts come from a seed that stands in their name.
 */

/** One way to cut octets into chunks. */
export interface Cut {
  /** Says which cut it is, with the seed of a random one: use it in messages. */
  readonly name: string;
  /** The octets in order, each chunk its own copy, so that a stage that changes its input cannot hide. */
  readonly chunks: Uint8Array<ArrayBuffer>[];
}

/** How many different random cuts {@linkcode cutsOf} gives. */
const RANDOM_CUTS = 5;

/**
 * The octets whole, octet by octet, with empty chunks in between, and at random cuts. Each run gives new random cuts
 * unless `seed` fixes them.
 */
export function* cutsOf(octets: Uint8Array, seed: number = randomSeed()): Generator<Cut, void, undefined> {
  yield { name: "whole", chunks: [octets.slice()] };
  yield { name: "octet by octet", chunks: Array.from(octets, (octet) => Uint8Array.of(octet)) };
  yield {
    name: "with empty chunks",
    chunks: splitAt(octets, [0, 0, octets.length >>> 1, octets.length >>> 1, octets.length]),
  };
  for (let i = 0; i < RANDOM_CUTS; i++) {
    yield { name: `random cuts, seed ${seed + i}`, chunks: randomCut(octets, seed + i) };
  }
}

/** The octets at random cuts that only the seed decides: many short chunks, a few long ones. */
export function randomCut(octets: Uint8Array, seed: number): Uint8Array<ArrayBuffer>[] {
  const random = randomNumbers(seed);
  const longest = 1 + Math.floor(random() ** 3 * Math.max(8, octets.length));
  const cuts: number[] = [];
  for (let at = 0; at < octets.length;) {
    at += 1 + Math.floor(random() * longest);
    if (at < octets.length) cuts.push(at);
  }
  return splitAt(octets, cuts);
}

/** Numbers in [0, 1) that only the seed decides (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x100000000;
  };
}

/** A seed for a test that wants new random values on each run and prints it when it fails. */
export function randomSeed(): number {
  return Math.floor(Math.random() * 0x7fff0000);
}

function splitAt(octets: Uint8Array, cuts: readonly number[]): Uint8Array<ArrayBuffer>[] {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let start = 0;
  for (const end of [...cuts, octets.length]) {
    chunks.push(octets.slice(start, end));
    start = end;
  }
  return chunks;
}
