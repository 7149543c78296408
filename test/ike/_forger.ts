/** Messages that no engine would send, under keys that a key log gave away: what a peer that lies could do. */

import assert from "node:assert/strict";
import { CryptoProviders, nobleProvider } from "../../lib/crypto/mod.ts";
import { emitIkeMessage, type IkeMessage, parseIkeMessage, type Payload } from "../../lib/ike/codec/mod.ts";
import { type IkeKeysLogged, IkeProtection } from "../../lib/ike/mod.ts";
import type { End, Pair } from "./_pair.ts";

const crypto = new CryptoProviders([nobleProvider()]);

/** What a forged message says. */
export interface Forgery {
  readonly exchangeType: number;
  readonly messageId: number;
  readonly payloads: readonly Payload[];
  readonly response?: boolean;
  /** Whether its header says that the original initiator has sent it (default: what is true). */
  readonly initiator?: boolean;
  /** SPIs of its header, of the initiator and of the responder (default: those of the IKE SA). */
  readonly spis?: readonly [Uint8Array, Uint8Array];
}

/** Speaks as one end of an IKE SA. */
export class Forger {
  readonly #pair: Pair;
  readonly #as: "a" | "b";
  readonly #keys: IkeKeysLogged;
  readonly #protection: IkeProtection;

  /** Takes the end whose keys it has, and which of its IKE SAs; the end began all of them if it is `a`. */
  constructor(pair: Pair, as: "a" | "b", nth: number = 0) {
    this.#pair = pair;
    this.#as = as;
    const keys = pair[as].keys.filter((entry) => entry.type === "ike_keys")[nth];
    assert.ok(keys?.type === "ike_keys");
    this.#keys = keys;
    const cipher = (encryptionKey: Uint8Array) => ({ encryption: keys.encryption, encryptionKey });
    const [ours, theirs] = as === "a" ? [keys.skEi, keys.skEr] : [keys.skEr, keys.skEi];
    this.#protection = new IkeProtection({
      sealer: crypto.createSealer(cipher(ours)),
      opener: crypto.createOpener(cipher(theirs)),
    });
  }

  /** SPIs of its IKE SA, of the initiator and of the responder. */
  get spis(): readonly [Uint8Array, Uint8Array] {
    return [this.#keys.spiI, this.#keys.spiR];
  }

  /** A message under the right keys. */
  seal(forgery: Forgery): Uint8Array {
    return this.#protection.seal(this.#message(forgery));
  }

  /** The same cut to fragments. */
  fragments(forgery: Forgery, size: number): Uint8Array[] {
    return this.#protection.sealFragments(this.#message(forgery), size);
  }

  /** What is inside a message of the other end; nothing of one in the clear. */
  open(octets: Uint8Array): readonly Payload[] {
    const message = parseIkeMessage(octets);
    if (message.payloads.at(-1)?.kind !== "SK") return [];
    const payloads = this.#protection.open(octets.slice(), message);
    assert.ok(payloads !== "not_authentic");
    return payloads;
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

  #message(forgery: Forgery): IkeMessage {
    const { exchangeType, messageId, payloads, response = false, initiator = this.#as === "a" } = forgery;
    const [spiI, spiR] = forgery.spis ?? [this.#keys.spiI, this.#keys.spiR];
    return { spiI, spiR, exchangeType, messageId, payloads, response, initiator };
  }
}
