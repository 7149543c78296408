/** What the peer can do, as it has told itself in notifies; the same for every IKE SA of one that was rekeyed. */

/** What the peer has told of itself. */
export interface PeerCapabilities {
  /** It said that it takes IKE fragments (RFC 7383). */
  fragmentationOffered: boolean;
  /** It takes them, and the connection lets us send them. */
  fragmentation: boolean;
  /** It moves SAs between addresses (RFC 4555). */
  mobike: boolean;
  /** It makes IKE SAs without a child (RFC 6023). */
  childless: boolean;
  /** Hashes that it verifies signatures with (RFC 7427). */
  hashAlgorithms: readonly number[];
  /** Hashes of the keys of authorities that it trusts: what its CERTREQs hold; null where it asked for no certificate. */
  authorities: readonly Uint8Array[] | null;
  /** It authenticates by EAP alone (RFC 5998). */
  eapOnly: boolean;
}

const NONE: readonly number[] = [];

/** What is known of a peer that has said nothing yet. */
export function noCapabilities(): PeerCapabilities {
  return {
    fragmentationOffered: false,
    fragmentation: false,
    mobike: false,
    childless: false,
    hashAlgorithms: NONE,
    authorities: null,
    eapOnly: false,
  };
}
