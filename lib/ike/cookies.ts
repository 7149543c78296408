/**
 * Cookies (RFC 7296, section 2.6): proof that an initiator receives at the address it sends from, without state for those who
 * do not. A cookie is `version of the secret | prf(secret, Ni | IPi | SPIi)`. The port is not in it: behind a NAT, or on a
 * second connection, it may be another one (RFC 9329, section 6.3).
 */

import { equalOctets, type Prf } from "../crypto/mod.ts";

/** What a cookie is bound to. */
export interface CookieSubject {
  /** The initiator's nonce. */
  readonly nonceI: Uint8Array;
  /** The address it sends from. */
  readonly address: Uint8Array;
  /** Its SPI. */
  readonly spiI: Uint8Array;
}

const SECRET_SIZE = 32;

/** Gives cookies and knows them again. Secrets are changed, and the one before the current is taken too, for as long again. */
export class Cookies {
  readonly #prf: Prf;
  readonly #random: (octets: Uint8Array) => void;
  readonly #lifetime: number;
  #version = 0;
  #secrets: Uint8Array[] = [];
  #changed = -Infinity;

  /** Takes a PRF, randomness, and milliseconds after which the secret is changed. */
  constructor(prf: Prf, random: (octets: Uint8Array) => void, lifetime: number) {
    this.#prf = prf;
    this.#random = random;
    this.#lifetime = lifetime;
  }

  /** A cookie for an initiator. */
  give(subject: CookieSubject, now: number): Uint8Array<ArrayBuffer> {
    this.#refresh(now);
    return this.#make(subject, this.#version, this.#secrets[0]!);
  }

  /** Whether a cookie is one of ours, not too old, and this initiator's. */
  accepts(cookie: Uint8Array, subject: CookieSubject, now: number): boolean {
    this.#refresh(now);
    return this.#secrets.some((secret, age) => {
      const expected = this.#make(subject, (this.#version - age) & 0xff, secret);
      return cookie.length === expected.length && equalOctets(cookie, 0, expected, 0, expected.length);
    });
  }

  #make(
    { nonceI, address, spiI }: CookieSubject,
    version: number,
    secret: Uint8Array,
  ): Uint8Array<ArrayBuffer> {
    const digest = this.#prf.compute(secret, nonceI, address, spiI);
    const cookie = new Uint8Array(1 + digest.length);
    cookie[0] = version;
    cookie.set(digest, 1);
    return cookie;
  }

  /** Secrets are made when they are needed: an idle responder has none, and no timer. */
  #refresh(now: number): void {
    const age = now - this.#changed;
    if (age < this.#lifetime) return;
    const secret = new Uint8Array(SECRET_SIZE);
    this.#random(secret);
    this.#version = (this.#version + 1) & 0xff;
    const previous = this.#secrets[0];
    this.#secrets = previous !== undefined && age < 2 * this.#lifetime ? [secret, previous] : [secret];
    this.#changed = now;
  }
}
