/** Where IKE messages of an SA travel. The engine knows addresses and one property of the carrier; sockets belong to others. */

import { formatIpAddress } from "../ip/mod.ts";

/** An address and a port, as they enter NAT detection (RFC 7296, section 2.23). */
export interface IkeEndpoint {
  /** 4 or 16 octets. */
  readonly address: Uint8Array;
  /** Of UDP, or of the TCP connection in use (RFC 9329, section 6.5). */
  readonly port: number;
}

/**
 * One way to a peer: a UDP pair of addresses, or one connection. Two connections between the same addresses are two paths.
 *
 * The engine takes two paths with one `id` for the same, and hands the object back with everything that it wants sent there.
 */
export interface IkePath {
  /** Unique while anything uses the path. */
  readonly id: string;
  /**
   * A stream that neither loses nor doubles messages (RFC 9329): nothing is retransmitted on it, nothing fragmented, and
   * errors in IKE_SA_INIT count at once (sections 6.2, 6.4, 7.5).
   */
  readonly reliable: boolean;
  /** This end. */
  readonly local: IkeEndpoint;
  /** The peer's end, as it is seen here. */
  readonly remote: IkeEndpoint;
  /**
   * Where an initiator goes on when IKE_SA_INIT has found a NAT: from port 500 to port 4500, where ESP can go too (RFC 7296, section
   * 2.23). Absent, the path is kept, as is right for one that is on port 4500 from the beginning.
   */
  readonly behindNat?: IkePath;
}

/** `192.0.2.1:4500` or `[2001:db8::1]:4500`. */
export function formatEndpoint({ address, port }: IkeEndpoint): string {
  const text = formatIpAddress(address);
  return address.length === 16 ? `[${text}]:${port}` : `${text}:${port}`;
}

/** Names a UDP path by its addresses: what a datagram came from and to is all there is to tell paths apart. */
export function datagramPath(local: IkeEndpoint, remote: IkeEndpoint): IkePath {
  return { id: `udp ${formatEndpoint(local)} ${formatEndpoint(remote)}`, reliable: false, local, remote };
}
