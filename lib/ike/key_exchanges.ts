/** Key exchanges: those that a list of proposals offers, and one that is done with. */

import type { KeyExchangeTransform } from "../crypto/mod.ts";
import type { IkeSa } from "./ike_sa.ts";
import type { ConfiguredProposal } from "./proposals.ts";

/** Each once, the preferred ones first; none where no key exchange is the only choice. */
export function offeredKeyExchanges(proposals: readonly ConfiguredProposal[]): KeyExchangeTransform[] {
  return [...new Set(proposals.flatMap(({ keyExchange }) => keyExchange.filter((row) => row !== null)))];
}

/**
 * Our half of a key exchange that the peer has begun, and the secret that both halves make. A public value that cannot be used is
 * an `IkeError`.
 */
export function agree(
  sa: IkeSa,
  row: KeyExchangeTransform,
  peerValue: Uint8Array,
): { publicValue: Uint8Array; shared: Uint8Array<ArrayBuffer> } {
  const { services } = sa;
  const keyExchange = services.crypto.createKeyExchange(row, (octets) => services.random(octets));
  try {
    return { publicValue: keyExchange.publicValue, shared: keyExchange.computeSharedSecret(peerValue) };
  } finally {
    keyExchange.dispose();
  }
}
