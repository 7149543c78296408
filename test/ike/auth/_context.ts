/** Two sides of one IKE_AUTH exchange: what each signs, and with what it is held. */

import {
  type AuthContext,
  OFFERED_HASH_ALGORITHMS,
  parseIdentity,
  signedOctets,
} from "../../../lib/ike/auth/mod.ts";
import { type CryptoProviders, prfTransform } from "../../../lib/crypto/mod.ts";
import { runtimeCrypto } from "../../../lib/runtime/mod.ts";
import { NOW } from "./_pki.ts";

export const crypto: CryptoProviders = runtimeCrypto();

/** What a test says otherwise. */
export interface SceneOptions {
  readonly initiatorId?: string;
  readonly responderId?: string;
  readonly hashAlgorithms?: readonly number[];
  readonly more?: Partial<AuthContext>;
}

/** The contexts of both sides; octets are made up, but differ by side as those of real messages do. */
export function scene(options: SceneOptions = {}): { initiator: AuthContext; responder: AuthContext } {
  const { initiatorId = "carol@example.org", responderId = "gw.example.org", more } = options;
  const { hashAlgorithms = OFFERED_HASH_ALGORITHMS } = options;
  const prf = crypto.createPrf(prfTransform("prfsha256")!);
  const octets = (fill: number, size: number) => new Uint8Array(size).fill(fill);
  const [idI, idR] = [parseIdentity(initiatorId), parseIdentity(responderId)];
  const [keyI, keyR] = [octets(1, 32), octets(2, 32)];
  const octetsI = signedOctets({
    message: octets(3, 300),
    nonce: octets(4, 32),
    prf,
    key: keyI,
    identity: idI,
  });
  const octetsR = signedOctets({
    message: octets(5, 280),
    nonce: octets(6, 32),
    prf,
    key: keyR,
    identity: idR,
  });
  const common = {
    prf,
    crypto,
    peerHashAlgorithms: hashAlgorithms,
    localHashAlgorithms: hashAlgorithms,
    peerAuthorities: [],
    now: NOW,
    ...more,
  };
  return {
    initiator: {
      ...common,
      localId: idI,
      remoteId: idR,
      localOctets: octetsI,
      remoteOctets: octetsR,
      localKey: keyI,
      remoteKey: keyR,
    },
    responder: {
      ...common,
      localId: idR,
      remoteId: idI,
      localOctets: octetsR,
      remoteOctets: octetsI,
      localKey: keyR,
      remoteKey: keyI,
    },
  };
}
