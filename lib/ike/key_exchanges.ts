/** The key exchanges that a list of proposals offers. */

import type { KeyExchangeTransform } from "../crypto/mod.ts";
import type { ConfiguredProposal } from "./proposals.ts";

/** Each once, the preferred ones first; none where no key exchange is the only choice. */
export function offeredKeyExchanges(proposals: readonly ConfiguredProposal[]): KeyExchangeTransform[] {
  return [...new Set(proposals.flatMap(({ keyExchange }) => keyExchange.filter((row) => row !== null)))];
}
