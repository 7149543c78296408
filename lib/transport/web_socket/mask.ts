/** Masking of frames that clients send (RFC 6455, section 5.3): XOR with four octets, over and over. */

/** What the platform calls the first four octets of memory, so that whole words can be masked in either byte order. */
const WORD: Uint32Array<ArrayBuffer> = new Uint32Array(1);
const WORD_OCTETS: Uint8Array<ArrayBuffer> = new Uint8Array(WORD.buffer);

/** Below this, finding where words begin costs more than it saves. */
const SHORT = 32;

/**
 * Masks or unmasks octets in place. `phase` is the number of octets of the payload that came before them: a frame may be
 * cut anywhere.
 */
export function applyMask(octets: Uint8Array, mask: Uint8Array, phase: number = 0): void {
  const { byteLength, byteOffset } = octets;
  // Octets up to the first whole word, then words, then the rest.
  const head = byteLength < SHORT ? byteLength : (4 - (byteOffset & 3)) & 3;
  for (let i = 0; i < head; i++) octets[i]! ^= mask[(phase + i) & 3]!;
  if (head === byteLength) return;
  for (let i = 0; i < 4; i++) WORD_OCTETS[i] = mask[(phase + head + i) & 3]!;
  const word = WORD[0]!;
  const words = new Uint32Array(octets.buffer, byteOffset + head, (byteLength - head) >> 2);
  for (let i = 0; i < words.length; i++) words[i]! ^= word;
  for (let i = head + words.length * 4; i < byteLength; i++) octets[i]! ^= mask[(phase + i) & 3]!;
}
