/** A peer and a server that talk until one of them is done. */

import {
  type EapOutcome,
  EapPeer,
  type EapPeerOptions,
  EapServer,
  type EapServerOptions,
} from "../../../lib/ike/eap/mod.ts";

/** Randomness that can be told apart and repeated: 1, 2, 3, … */
export function counting(start = 1): (octets: Uint8Array) => void {
  let next = start;
  return (octets) => {
    for (let i = 0; i < octets.length; i++) octets[i] = next++ & 0xff;
  };
}

/** How a conversation went. */
export interface Conversation {
  readonly peer: EapOutcome | null;
  readonly server: EapOutcome;
  /** Every packet, in order, the server's first. */
  readonly packets: readonly Uint8Array[];
}

/** Options of both sides; `carol` with the password of strongSwan's tests unless told otherwise. */
export interface ConversationOptions {
  readonly peer: Partial<EapPeerOptions> & Pick<EapPeerOptions, "methods">;
  readonly server: Partial<EapServerOptions> & Pick<EapServerOptions, "methods">;
  /** Changes a packet under way. */
  readonly change?: (packet: Uint8Array, index: number) => Uint8Array;
}

export const PASSWORD = "Ar3etTnp";

/** Lets both sides talk. */
export function converse(options: ConversationOptions): Conversation {
  const peer = new EapPeer({ identity: "carol", password: PASSWORD, random: counting(100), ...options.peer });
  const passwordOf = (identity: string) => identity === "carol" ? PASSWORD : null;
  const server = new EapServer({ passwordOf, random: counting(), ...options.server });
  const packets: Uint8Array[] = [];
  const pass = (packet: Uint8Array) => {
    const changed = options.change?.(packet, packets.length) ?? packet;
    packets.push(changed);
    return changed;
  };
  let asked = server.begin();
  for (;;) {
    const packet = asked.kind === "reply" ? asked.packet : asked.kind === "need" ? undefined : asked.packet;
    if (packet === undefined) return { peer: null, server: asked, packets };
    const answered = peer.handle(pass(packet));
    if (asked.kind !== "reply" || answered.kind !== "reply") {
      return { peer: answered, server: asked, packets };
    }
    asked = server.handle(pass(answered.packet));
  }
}
