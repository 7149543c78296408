/** Messages that no engine would send, under keys that a key log gave away: what a peer that lies could do. */

import assert from "node:assert/strict";
import { CryptoProviders, nobleProvider } from "../../lib/crypto/mod.ts";
import { emitIkeMessage, type IkeMessage, type Payload } from "../../lib/ike/codec/mod.ts";
import { type IkeKeysLogged, IkeProtection } from "../../lib/ike/mod.ts";
import type { End, Pair } from "./_pair.ts";

const crypto = new CryptoProviders([nobleProvider()]);

/** What a forged message says. */
export interface Forgery {
  readonly exchangeType: number;
  readonly messageId: number;
  readonly payloads: readonly Payload[];
  readonly response?: boolean;
}

/** Speaks as one end of an IKE SA. */
export class Forger {
  readonly #pair: Pair;
  readonly #as: "a" | "b";
  readonly #keys: IkeKeysLogged;
  readonly #protection: IkeProtection;

  constructor(pair: Pair, as: "a" | "b") {
    this.#pair = pair;
    this.#as = as;
    const keys = pair[as].keys.find((entry) => entry.type === "ike_keys");
    assert.ok(keys?.type === "ike_keys");
    this.#keys = keys;
    const cipher = (encryptionKey: Uint8Array) => ({ encryption: keys.encryption, encryptionKey });
    const [ours, theirs] = as === "a" ? [keys.skEi, keys.skEr] : [keys.skEr, keys.skEi];
    this.#protection = new IkeProtection({
      sealer: crypto.createSealer(cipher(ours)),
      opener: crypto.createOpener(cipher(theirs)),
    });
  }

  /** A message under the right keys. */
  seal(forgery: Forgery): Uint8Array {
    return this.#protection.seal(this.#message(forgery));
  }

  /** The same cut to fragments. */
  fragments(forgery: Forgery, size: number): Uint8Array[] {
    return this.#protection.sealFragments(this.#message(forgery), size);
  }

  /** A message in the clear. */
  plain(forgery: Forgery): Uint8Array {
    return emitIkeMessage(this.#message(forgery));
  }

  /** Lets the other end receive octets. */
  send(octets: Uint8Array): void {
    const { a, b, pathA, pathB } = this.#pair;
    const [target, path]: [End, typeof pathA] = this.#as === "a" ? [b, pathB] : [a, pathA];
    this.#pair.handle(target, { kind: "message", path, octets: octets.slice() });
  }

  #message({ exchangeType, messageId, payloads, response = false }: Forgery): IkeMessage {
    const { spiI, spiR } = this.#keys;
    return { spiI, spiR, exchangeType, messageId, payloads, response, initiator: this.#as === "a" };
  }
}
