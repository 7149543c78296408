/** A connection as a link: the whole of RFC 9329, sections 3 and 4, and one path. */

import { viewOf } from "../bytes/mod.ts";
import { type EncapsulationRole, NON_ESP_MARKER_LENGTH } from "../encap/mod.ts";
import { InPlaceFramer } from "../encap/in_place_framer.ts";
import { MessageLink } from "../encap/message_link.ts";
import { borrowSlab, returnSlab } from "../encap/slab_framer.ts";
import type { Connection } from "../transport/mod.ts";
import { ikeEndpointOf, type Link, type LinkOwner, type LinkPath, sortMessages } from "./link.ts";

/** Octets in front of an IKE message in its slab: Length and marker (RFC 9329, section 3). */
const IKE_ROOM = 2 + NON_ESP_MARKER_LENGTH;

/** A connection. */
export class StreamLink implements Link {
  /** What inputs of the engine name it by. */
  readonly path: LinkPath;
  readonly #messages: MessageLink;
  #ended = false;

  /** Takes the connection over. */
  constructor(connection: Connection, role: EncapsulationRole, id: string, owner: LinkOwner) {
    const path = this.path = {
      id,
      link: this,
      reliable: true,
      local: ikeEndpointOf(connection.localAddress),
      remote: ikeEndpointOf(connection.remoteAddress),
    };
    this.#messages = new MessageLink(connection, {
      role,
      framer: new InPlaceFramer(),
      onMessages: (messages) => sortMessages(messages, path, owner),
      // Half a connection is of no use: every message wants an answer.
      onEnd: () => this.close(),
      onFault: () => this.#lost(owner),
    });
    connection.closed.catch(() => {}).then(() => {
      this.#lost(owner);
      owner.handleLinkEnd(this);
    });
  }

  /** All in one slab, which one write sends. */
  sendIke(messages: readonly Uint8Array[]): void {
    if (this.#ended) return;
    const size = messages.reduce((sum, { length }) => sum + IKE_ROOM + length, 0);
    const slab = borrowSlab(size);
    let end = 0;
    const marked = messages.map((octets) => {
      slab.fill(0, end, end + IKE_ROOM);
      slab.set(octets, end + IKE_ROOM);
      return viewOf(slab, end + IKE_ROOM - NON_ESP_MARKER_LENGTH, end += IKE_ROOM + octets.length);
    });
    const sent = this.#messages.send(marked);
    if (sent === undefined) return returnSlab(slab);
    // Its own answer is what a request waits for; a broken connection is told by `onFault`.
    sent.then(() => returnSlab(slab), () => {});
  }

  sendEsp(packets: Uint8Array[]): Promise<void> | void {
    if (!this.#ended) return this.#messages.send(packets);
  }

  release(): void {
    this.close();
  }

  async close(): Promise<void> {
    await this.#messages.close();
  }

  #lost(owner: LinkOwner): void {
    if (this.#ended) return;
    this.#ended = true;
    owner.handlePathLost(this.path);
  }
}
