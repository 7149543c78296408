/**
 * AES-CCM (RFC 3610) with the sizes of RFC 4309: a nonce of 11 octets, and so a length field of 4. noble has no CCM: it is
 * put together of its CBC, whose last block is the MAC, and its CTR.
 */

import { cbc, ctr } from "@noble/ciphers/aes.js";
import type { AeadPrimitive } from "../types.ts";
import { equalOctets } from "../constant_time.ts";

const BLOCK_SIZE = 16;

/** L - 1 of RFC 3610, section 2.2. */
const LENGTH_FLAG = 3;

/** Set in the first octet of B_0 when there is authenticated data. */
const ADATA_FLAG = 0x40;

/** Authenticated data from this size on has a length of six octets in front instead of two. */
const LONG_AAD_SIZE = 0xff00;

/** AES-CCM by noble. */
export class NobleCcm implements AeadPrimitive {
  readonly nonce: Uint8Array = new Uint8Array(11);
  readonly prefix: Uint8Array = new Uint8Array(12);
  readonly #key: Uint8Array;
  readonly #icvSize: number;
  #slab: Uint8Array = new Uint8Array(0);

  /** Copies the key. */
  constructor(key: Uint8Array, icvSize: number) {
    this.#key = key.slice();
    this.#icvSize = icvSize;
  }

  bind(slab: Uint8Array): void {
    this.#slab = slab;
  }

  seal(prefixSize: number, aadStart: number, aadEnd: number, bodyStart: number, bodyEnd: number): void {
    const body = this.#slab.subarray(bodyStart, bodyEnd);
    const mac = this.#mac(prefixSize, aadStart, aadEnd, body);
    const sealed = this.#crypt(mac, body);
    this.#slab.set(sealed.subarray(BLOCK_SIZE), bodyStart);
    this.#slab.set(sealed.subarray(0, this.#icvSize), bodyEnd);
  }

  open(
    prefixSize: number,
    aadStart: number,
    aadEnd: number,
    bodyStart: number,
    bodyEnd: number,
  ): boolean {
    const icv = new Uint8Array(BLOCK_SIZE);
    icv.set(this.#slab.subarray(bodyEnd, bodyEnd + this.#icvSize));
    const opened = this.#crypt(icv, this.#slab.subarray(bodyStart, bodyEnd));
    const mac = this.#mac(prefixSize, aadStart, aadEnd, opened.subarray(BLOCK_SIZE));
    if (!equalOctets(mac, 0, opened, 0, this.#icvSize)) return false;
    this.#slab.set(opened.subarray(BLOCK_SIZE), bodyStart);
    return true;
  }

  dispose(): void {
    this.#key.fill(0);
  }

  /** The CBC-MAC of section 2.2: B_0, authenticated data with its length, body, each filled up to whole blocks. */
  #mac(prefixSize: number, aadStart: number, aadEnd: number, body: Uint8Array): Uint8Array {
    const aadSize = prefixSize + aadEnd - aadStart;
    const lengthSize = aadSize === 0 ? 0 : aadSize < LONG_AAD_SIZE ? 2 : 6;
    const bodyStart = BLOCK_SIZE + wholeBlocks(lengthSize + aadSize);
    const blocks = new Uint8Array(bodyStart + wholeBlocks(body.length));
    const view = new DataView(blocks.buffer);
    blocks[0] = (aadSize > 0 ? ADATA_FLAG : 0) | ((this.#icvSize - 2) / 2 << 3) | LENGTH_FLAG;
    blocks.set(this.nonce, 1);
    view.setUint32(12, body.length);
    if (lengthSize === 2) view.setUint16(BLOCK_SIZE, aadSize);
    if (lengthSize === 6) {
      view.setUint16(BLOCK_SIZE, 0xfffe);
      view.setUint32(BLOCK_SIZE + 2, aadSize);
    }
    blocks.set(this.prefix.subarray(0, prefixSize), BLOCK_SIZE + lengthSize);
    blocks.set(this.#slab.subarray(aadStart, aadEnd), BLOCK_SIZE + lengthSize + prefixSize);
    blocks.set(body, bodyStart);
    const chained = cbc(this.#key, new Uint8Array(BLOCK_SIZE), { disablePadding: true }).encrypt(blocks);
    return chained.subarray(chained.length - BLOCK_SIZE);
  }

  /** Section 2.3: block 0 of the key stream covers the MAC, those from 1 on the body. */
  #crypt(mac: Uint8Array, body: Uint8Array): Uint8Array {
    const counter = new Uint8Array(BLOCK_SIZE);
    counter[0] = LENGTH_FLAG;
    counter.set(this.nonce, 1);
    const octets = new Uint8Array(BLOCK_SIZE + body.length);
    octets.set(mac);
    octets.set(body, BLOCK_SIZE);
    return ctr(this.#key, counter).encrypt(octets);
  }
}

function wholeBlocks(size: number): number {
  return Math.ceil(size / BLOCK_SIZE) * BLOCK_SIZE;
}
