/** What the options of a UDP endpoint mean, the same in every runtime: names resolved, families settled. */

import { CodedRangeError, CodedTypeError } from "../errors.ts";
import { formatAddress, isIpAddress, type TransportAddress } from "../transport/address.ts";
import { SEND_QUEUE_LIMIT } from "../transport/datagram_send_queue.ts";
import type { UdpOptions } from "../transport/types.ts";
import { checkAddress, resolveAddress } from "./_resolve.ts";

/** Options with every name looked up and every default filled in. */
export interface UdpPlan {
  /** What is tried, as it stands in messages. */
  readonly action: string;
  /** Where to bind. */
  readonly local: TransportAddress;
  /** The only peer. */
  readonly remote: TransportAddress | undefined;
  /** Octets that may wait to be sent. */
  readonly maxSendQueue: number;
}

/** Resolves names once, here; `send` takes none. */
export async function planUdp(options: UdpOptions): Promise<UdpPlan> {
  options.signal?.throwIfAborted();
  const action = options.local === undefined && options.remote !== undefined
    ? `open udp to ${formatAddress(options.remote)}`
    : `open udp ${formatAddress(options.local ?? { hostname: "0.0.0.0", port: 0 })}`;
  for (const address of [options.local, options.remote]) {
    if (address !== undefined) checkAddress(address, action);
  }
  if (options.remote?.port === 0) throw portZero(action);
  const { maxReceiveQueue, maxSendQueue = SEND_QUEUE_LIMIT } = options;
  for (const limit of [maxReceiveQueue, maxSendQueue]) {
    if (limit !== undefined && !(limit >= 0)) {
      throw new CodedRangeError(
        "ERR_OPTION_RANGE",
        `Cannot ${action}: expected a limit of 0 or more octets, got ${limit}`,
      );
    }
  }
  let local = options.local && await resolveAddress(options.local, action);
  const family = local === undefined ? 0 : isIpv6(local) ? 6 : 4;
  // An IPv6 socket reaches IPv4 too where it is bound to every address.
  const remote = options.remote && await resolveAddress(options.remote, action, family === 4 ? 4 : 0);
  local ??= { hostname: remote !== undefined && isIpv6(remote) ? "::" : "0.0.0.0", port: 0 };
  options.signal?.throwIfAborted();
  return { action, local, remote, maxSendQueue };
}

/** Whether an IP address is of version 6. */
export function isIpv6(address: TransportAddress): boolean {
  return address.hostname.includes(":");
}

/**
 * Checks where `send` sends to: an IP address, since looking a name up for every datagram would take longer than
 * sending it. The last good address is remembered, as datagrams mostly go where the last one went.
 */
export class DestinationCheck {
  readonly #remote: TransportAddress | undefined;
  #hostname = "";

  /** `remote` is where datagrams without an address go. */
  constructor(remote: TransportAddress | undefined) {
    this.#remote = remote;
  }

  /** The address to send to; throws for a caller's mistake. */
  resolve(to: TransportAddress | undefined): TransportAddress {
    if (this.#remote !== undefined) {
      if (to === undefined || (to.port === this.#remote.port && to.hostname === this.#remote.hostname)) {
        return this.#remote;
      }
      throw new CodedTypeError(
        "ERR_OPTION_RANGE",
        `Cannot send a datagram to ${formatAddress(to)}: the endpoint sends to ${
          formatAddress(this.#remote)
        } only`,
      );
    }
    if (to === undefined) {
      throw new CodedTypeError(
        "ERR_OPTION_RANGE",
        "Cannot send a datagram: expected an address, as the endpoint was opened without a remote one, got none",
      );
    }
    if (to.hostname !== this.#hostname) {
      if (!isIpAddress(to.hostname)) {
        throw new CodedTypeError(
          "ERR_OPTION_RANGE",
          `Cannot send a datagram to ${formatAddress(to)}: expected an IP address, got a name`,
        );
      }
      this.#hostname = to.hostname;
    }
    if (!(to.port >= 1 && to.port <= 65535)) {
      throw portZero(`send a datagram to ${formatAddress(to)}`, to.port);
    }
    return to;
  }
}

function portZero(action: string, port = 0): CodedRangeError {
  return new CodedRangeError(
    "ERR_OPTION_RANGE",
    `Cannot ${action}: expected a port from 1 to 65535, got ${port}`,
  );
}

/** Gives the same object for the same address, as datagrams mostly come from where the last one came from. */
export class AddressCache {
  #last: TransportAddress = { hostname: "", port: 0 };
  #written = "";

  /** The address, by how the system writes it. */
  get(written: string, port: number, read: (written: string) => string): TransportAddress {
    if (written !== this.#written || port !== this.#last.port) {
      this.#written = written;
      this.#last = { hostname: read(written), port };
    }
    return this.#last;
  }
}
