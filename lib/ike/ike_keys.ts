/** The keys of an IKE SA, put where they are used: its channel, its keyring, and the key log. */

import type { IkeSa } from "./ike_sa.ts";
import { deriveIkeKeys, wipe } from "./keymat.ts";
import type { SelectedProposal } from "./proposal_selection.ts";
import { IkeProtection, type IkeRandomSource } from "./protection.ts";
import type { IkeServices } from "./services.ts";

const NO_OCTETS = new Uint8Array(0);

/**
 * Derives the keys of an SA whose SPIs and nonces are known, and protects its channel with them. The shared secret is wiped.
 * For a rekey, `old` holds SK_d and the PRF of the SA that is replaced (RFC 7296, section 2.18).
 */
export function installIkeKeys(
  sa: IkeSa,
  selected: SelectedProposal,
  sharedSecret: Uint8Array,
  old?: Pick<IkeSa, "keys" | "prf">,
): void {
  const { services, nonceI, nonceR, spiI, spiR, role } = sa;
  const { encryption, integrity } = selected;
  // What remains of the peer's proposal are views into its message.
  sa.suite = { ...selected, spi: NO_OCTETS, transforms: [] };
  sa.prf = services.crypto.createPrf(selected.prf!);
  const keys = deriveIkeKeys({
    prf: sa.prf,
    encryption,
    integrity,
    nonceI,
    nonceR,
    spiI,
    spiR,
    sharedSecret,
    ...(old === undefined ? {} : { old: { skD: old.keys!.skD, prf: old.prf! } }),
  });
  sharedSecret.fill(0);
  const { skD, skPi, skPr, skEi, skEr, skAi, skAr } = keys;
  sa.keys = { skD, skPi, skPr };
  const initiator = { encryption, encryptionKey: skEi, integrity, integrityKey: skAi };
  const responder = { encryption, encryptionKey: skEr, integrity, integrityKey: skAr };
  const isInitiator = role === "initiator";
  sa.channel.protect(
    new IkeProtection({
      sealer: services.crypto.createSealer(isInitiator ? initiator : responder),
      opener: services.crypto.createOpener(isInitiator ? responder : initiator),
      ...(encryption.mode === "cbc" ? { random: randomOf(services) } : {}),
    }),
  );
  services.logKeys(() => ({
    type: "ike_keys",
    spiI: spiI.slice(),
    spiR: spiR.slice(),
    encryption,
    integrity,
    skEi: skEi.slice(),
    skEr: skEr.slice(),
    skAi: skAi.slice(),
    skAr: skAr.slice(),
  }));
  wipe(skEi, skEr, skAi, skAr);
}

/** Made here, where it holds on to nothing but the engine: it lives as long as the SA. */
function randomOf(services: IkeServices): IkeRandomSource {
  return (octets) => services.randomPublic(octets);
}
