/** The methods by swanctl's words for `auth`. To add one, write its two sides under `methods/` and give it a row. */

import { ConfigError } from "../../errors.ts";
import { gtcPeer, gtcServer } from "./methods/gtc.ts";
import { md5Peer, md5Server } from "./methods/md5.ts";
import { mschapv2Peer, mschapv2Server } from "./methods/mschapv2.ts";
import { tlsPeer, tlsServer } from "./methods/tls.ts";
import type { EapPeerMethodFactory, EapServerMethodFactory } from "./types.ts";

/** Both sides of a method. */
export interface EapMethodRow {
  /** Answers. */
  readonly peer: EapPeerMethodFactory;
  /** Asks. */
  readonly server: EapServerMethodFactory;
  /** Whether the bare word `eap` stands for it too: a peer shows its password or certificate to nobody unless told so. */
  readonly usual: boolean;
}

/** Every method, the preferred one first. */
export const EAP_METHODS: Readonly<Record<string, EapMethodRow>> = {
  "eap-mschapv2": { peer: mschapv2Peer, server: mschapv2Server, usual: true },
  "eap-tls": { peer: tlsPeer, server: tlsServer, usual: false },
  "eap-md5": { peer: md5Peer, server: md5Server, usual: false },
  "eap-gtc": { peer: gtcPeer, server: gtcServer, usual: false },
};

/** The methods that a word stands for: one by its name, the usual ones by `eap`. */
export function eapMethods(word: string): readonly EapMethodRow[] {
  const row = EAP_METHODS[word];
  if (row !== undefined) return [row];
  if (word === "eap" || word === "eap-dynamic") {
    return Object.values(EAP_METHODS).filter(({ usual }) => usual);
  }
  throw new ConfigError(
    "ERR_CONFIG_CREDENTIAL",
    `Cannot authenticate by ${JSON.stringify(word)}: expected eap or one of ${
      Object.keys(EAP_METHODS).join(", ")
    }`,
  );
}
