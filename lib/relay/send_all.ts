/** Messages of a stream to a UDP socket, no faster than it takes them. */

import type { TransportAddress } from "../transport/address.ts";
import type { DatagramEndpoint } from "../transport/types.ts";

/**
 * Sends messages in order. Where the socket has no room the rest waits until it has: a promise then says that the stream they
 * came from is to be held back. One read of small messages may be more than a socket has room for.
 */
export function sendAll(
  endpoint: Pick<DatagramEndpoint, "send" | "ready">,
  messages: readonly Uint8Array[],
  to?: TransportAddress,
): void | Promise<void> {
  for (const [index, message] of messages.entries()) {
    endpoint.send(message, to);
    const { ready } = endpoint;
    if (ready !== undefined) return ready.then(() => sendAll(endpoint, messages.slice(index + 1), to));
  }
}
