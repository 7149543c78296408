/** Changes what is inside the SK payload of messages under way, under keys that a key log gave away, and seals it again. */

import { CryptoProviders, nobleProvider } from "../../lib/crypto/mod.ts";
import { EXCHANGE } from "../../lib/ike/codec/mod.ts";
import type { IkeKeysLogged } from "../../lib/ike/mod.ts";
import type { End, Pair } from "./_pair.ts";

const crypto = new CryptoProviders([nobleProvider()]);

/** IKE header and the generic header of SK. */
const HEADERS = 28 + 4;
const IV = 8;
const NEXT_PAYLOAD = 28;

/** What is inside SK. */
export interface Inside {
  /** Type of its first payload. */
  readonly nextPayload: number;
  readonly content: Uint8Array;
}

/** Opens and seals for either end of a pair; the suites of its tests are AEADs. */
export class Rewriter {
  readonly #ends: readonly End[];

  constructor({ a, b }: Pair) {
    this.#ends = [a, b];
  }

  /** A message with another inside; a message that is not protected by keys of the pair stays as it is. */
  rewrite(octets: Uint8Array, change: (inside: Inside) => Inside): Uint8Array {
    const keys = this.#keysOf(octets);
    if (keys === undefined || octets[18] === EXCHANGE.ikeSaInit || octets[16] !== 46) return octets;
    const fromInitiator = (octets[19]! & 0x08) !== 0;
    const cipher = {
      encryption: keys.encryption,
      encryptionKey: fromInitiator ? keys.skEi : keys.skEr,
    };
    const open = octets.slice();
    const opener = crypto.createOpener(cipher);
    if (!opener.open(open, { headerSize: HEADERS })) return octets;
    const body = open.subarray(HEADERS + IV, open.length - opener.icvSize);
    const content = body.slice(0, body.length - 1 - body.at(-1)!);
    const changed = change({ nextPayload: open[NEXT_PAYLOAD]!, content });
    const sealed = new Uint8Array(HEADERS + IV + changed.content.length + 1 + opener.icvSize);
    sealed.set(open.subarray(0, HEADERS + IV));
    sealed.set(changed.content, HEADERS + IV);
    sealed[NEXT_PAYLOAD] = changed.nextPayload;
    const view = new DataView(sealed.buffer);
    view.setUint32(24, sealed.length);
    view.setUint16(30, sealed.length - 28);
    const sealer = crypto.createSealer(cipher);
    sealer.seal(sealed, { headerSize: HEADERS });
    return sealed;
  }

  #keysOf(octets: Uint8Array): IkeKeysLogged | undefined {
    const spis = octets.subarray(0, 16);
    for (const { keys } of this.#ends) {
      for (const entry of keys) {
        if (entry.type !== "ike_keys") continue;
        const own = [...entry.spiI, ...entry.spiR];
        if (own.every((octet, i) => octet === spis[i])) return entry;
      }
    }
    return undefined;
  }
}
