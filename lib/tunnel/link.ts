/** What carries the messages of an endpoint: a stream or a UDP socket. */

import { viewOf } from "../bytes/mod.ts";
import { NON_ESP_MARKER_LENGTH } from "../encap/mod.ts";
import { parseIpAddress } from "../ip/mod.ts";
import type { IkeEndpoint, IkePath } from "../ike/mod.ts";
import type { TransportAddress } from "../transport/mod.ts";

/** A path that knows its link: the engine hands back what it was given. */
export interface LinkPath extends IkePath {
  /** What carries it. */
  readonly link: Link;
}

/** Sends messages. After its end it sends nothing: packets are lost then, as they would be on any network. */
export interface Link {
  /** Sends IKE messages, which have no marker yet. */
  sendIke(messages: readonly Uint8Array[], path: IkePath): void;
  /** Sends ESP packets that have two octets free in front of each; a promise holds the sender back. */
  sendEsp(packets: Uint8Array[], path: IkePath): Promise<void> | void;
  /** No SA uses the path any more. */
  release(path: IkePath): void;
  /** Closes it. */
  close(): Promise<void>;
}

/** Takes what comes. */
export interface LinkOwner {
  /** A path leads nowhere any more. */
  handlePathLost(path: IkePath): void;
  /** The link is closed. */
  handleLinkEnd(link: Link): void;
  /** IKE messages, without their markers, as views. */
  handleIke(messages: readonly Uint8Array[], path: IkePath): void;
  /** ESP packets that have one SPI, given away. */
  handleEsp(packets: Uint8Array[], spi: number, path: IkePath): void;
}

/** Gives messages that begin with a marker or an SPI to their owner, by runs of one SPI. */
export function sortMessages(messages: Uint8Array[], path: IkePath, owner: LinkOwner): void {
  for (let i = 0; i < messages.length;) {
    const spi = readSpi(messages[i]!);
    let end = i + 1;
    while (end < messages.length && readSpi(messages[end]!) === spi) end++;
    const run = i === 0 && end === messages.length ? messages : messages.slice(i, end);
    // The marker stands where an SPI would be, and no SPI is 0 (RFC 9329, section 3.1).
    if (spi !== 0) owner.handleEsp(run, spi, path);
    else owner.handleIke(run.map((message) => viewOf(message, NON_ESP_MARKER_LENGTH, message.length)), path);
    i = end;
  }
}

/** The SPI that a packet begins with (RFC 4303, section 2.1); 0 where it is too short to have one. */
export function readSpi(packet: Uint8Array): number {
  if (packet.length < 4) return 0;
  return (packet[0]! << 24 | packet[1]! << 16 | packet[2]! << 8 | packet[3]!) >>> 0;
}

/** An address as NAT detection wants it (RFC 9329, section 6.5); zeros for a carrier that has names only. */
export function ikeEndpointOf({ hostname, port }: TransportAddress): IkeEndpoint {
  return { address: parseIpAddress(hostname) ?? new Uint8Array(4), port };
}
