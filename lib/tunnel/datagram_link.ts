/** A UDP socket as a link (RFC 3948): a path for everybody who is heard, or spoken to, there. */

import { NAT_KEEPALIVE, NON_ESP_MARKER_LENGTH } from "../encap/mod.ts";
import { formatIpAddress } from "../ip/mod.ts";
import { datagramPath, type IkePath } from "../ike/mod.ts";
import type { Datagram, DatagramEndpoint, TransportAddress } from "../transport/mod.ts";
import { ikeEndpointOf, type Link, type LinkOwner, type LinkPath, sortMessages } from "./link.ts";

/**
 * Senders whose paths are remembered, so that a datagram costs no new one. One that is forgotten is made anew when it is heard
 * again, and is the same to the engine.
 */
const MAX_REMEMBERED_PATHS = 1024;

/** A UDP socket. */
export class DatagramLink implements Link {
  readonly #endpoint: DatagramEndpoint;
  readonly #marked: boolean;
  readonly #owner: LinkOwner;
  /** By address and port. */
  readonly #paths: Map<string, LinkPath> = new Map();

  /** Takes the socket over. */
  constructor(endpoint: DatagramEndpoint, marked: boolean, owner: LinkOwner) {
    this.#endpoint = endpoint;
    this.#marked = marked;
    this.#owner = owner;
    this.#receive();
  }

  /** The path to an address, which must be numeric. */
  pathTo(to: TransportAddress): LinkPath {
    const key = `${to.hostname} ${to.port}`;
    let path = this.#paths.get(key);
    if (path === undefined) {
      if (this.#paths.size >= MAX_REMEMBERED_PATHS) this.#paths.delete(this.#paths.keys().next().value!);
      path = { ...datagramPath(ikeEndpointOf(this.#endpoint.localAddress), ikeEndpointOf(to)), link: this };
      this.#paths.set(key, path);
    }
    return path;
  }

  /** Sends IKE messages, with their markers where the socket has them. */
  sendIke(messages: readonly Uint8Array[], { remote }: IkePath): void {
    const marker = this.#marked ? NON_ESP_MARKER_LENGTH : 0;
    const to = { hostname: formatIpAddress(remote.address), port: remote.port };
    for (const octets of messages) {
      const datagram = new Uint8Array(marker + octets.length);
      datagram.set(octets, marker);
      this.#endpoint.send(datagram, to);
    }
  }

  /** Sends ESP packets, each a datagram. */
  sendEsp(packets: Uint8Array[], { remote }: IkePath): void {
    const to = { hostname: formatIpAddress(remote.address), port: remote.port };
    for (const packet of packets) this.#endpoint.send(packet, to);
  }

  /** Others may be heard on the socket. */
  release(): void {}

  /** Closes the socket. */
  async close(): Promise<void> {
    await this.#endpoint.close();
  }

  async #receive(): Promise<void> {
    for await (const batch of this.#endpoint.readable) this.#sort(batch);
    this.#owner.handleLinkEnd(this);
  }

  /** Datagrams of one sender stay together. */
  #sort(batch: readonly Datagram[]): void {
    const bySender: Map<IkePath, Uint8Array[]> = new Map();
    for (const { data, from } of batch) {
      // RFC 3948, section 2.3; anything else that short is neither IKE nor ESP.
      if (data.length < NON_ESP_MARKER_LENGTH || (data.length === 1 && data[0] === NAT_KEEPALIVE)) continue;
      const path = this.pathTo(from);
      const messages = bySender.get(path);
      if (messages === undefined) bySender.set(path, [data]);
      else messages.push(data);
    }
    for (const [path, messages] of bySender) {
      if (this.#marked) sortMessages(messages, path, this.#owner);
      else this.#owner.handleIke(messages, path);
    }
  }
}
