/**
 * A listener on top of another one: each connection that comes goes through a handshake of its own before it is handed on.
 * The handshakes run side by side, since a client that takes its time must not keep the others waiting, and are bounded.
 */

import { TransportError } from "../errors.ts";
import { formatAddress, type TransportAddress } from "./address.ts";
import { sourceKey } from "./source_key.ts";
import { AcceptQueue, DEFAULT_BACKLOG } from "./accept_queue.ts";
import type { Connection, Listener } from "./types.ts";

/** Handshakes that may be under way, unless told otherwise. */
export const MAX_HANDSHAKES = 1000;

/** Options of {@linkcode layerListener}. */
export interface LayerOptions {
  /** Handshakes that may be under way; a connection past them is reset. Default {@linkcode MAX_HANDSHAKES}. */
  readonly maxHandshakes?: number;
  /** Of them, those of one address (IPv6: /64). Default: no fewer, since behind a proxy every client has the proxy's. */
  readonly maxHandshakesPerSource?: number;
  /** Is told of each connection that was refused, and why: there were too many, or its handshake failed. */
  readonly onRefused?: (client: TransportAddress, error: Error) => void;
  /** Connections that may wait to be taken once their handshake is done; those past them are reset. Default 511. */
  readonly backlog?: number;
  /** Closes the listener when aborted. */
  readonly signal?: AbortSignal;
}

/**
 * Puts a layer on every connection of a listener, which is closed with the one that is given.
 *
 * `open` is to end the connection that it was given when it fails, and to give up when its signal aborts: then the
 * listener has closed.
 *
 * @example
 * ```ts
 * import { layerListener, MemoryNetwork } from "iketcp/transport";
 *
 * const network = new MemoryNetwork();
 * const lower = await network.listen({ hostname: "gw.example", port: 4500 });
 * const upper = layerListener(lower, (connection) => Promise.resolve(connection));
 * await upper.close();
 * ```
 */
export function layerListener(
  lower: Listener,
  open: (connection: Connection, signal: AbortSignal) => Promise<Connection>,
  options: LayerOptions = {},
): Listener {
  const { backlog = DEFAULT_BACKLOG, signal, onRefused } = options;
  const { maxHandshakes = MAX_HANDSHAKES, maxHandshakesPerSource = maxHandshakes } = options;
  /** What ends handshakes: one each, since Node warns of signals with many listeners. */
  const ends = new Set<AbortController>();
  let closed: TransportError | undefined;
  const bySource = new Map<string, number>();
  let underWay = 0;

  const close = (): Promise<void> => {
    signal?.removeEventListener("abort", close);
    queue.handleEnd();
    closed ??= new TransportError("ERR_TRANSPORT_CLOSED", "The listener was closed");
    for (const end of ends) end.abort(closed);
    return lower.close();
  };
  const queue = new AcceptQueue({ limit: backlog, cancelled: close });

  const count = (source: string, change: 1 | -1): void => {
    underWay += change;
    const left = (bySource.get(source) ?? 0) + change;
    if (left > 0) bySource.set(source, left);
    else bySource.delete(source);
  };
  const handle = async (connection: Connection): Promise<void> => {
    const { remoteAddress } = connection;
    const source = sourceKey(remoteAddress.hostname);
    count(source, 1);
    const end = new AbortController();
    ends.add(end);
    if (closed !== undefined) end.abort(closed);
    try {
      const opened = await open(connection, end.signal);
      if (!queue.handleConnection(opened)) opened.writable.abort().catch(() => {});
    } catch (error) {
      // That connection's fault.
      if (closed === undefined) onRefused?.(remoteAddress, error as Error);
    } finally {
      ends.delete(end);
      count(source, -1);
    }
  };
  const isFull = (source: string): boolean =>
    queue.full || underWay >= maxHandshakes || (bySource.get(source) ?? 0) >= maxHandshakesPerSource;
  const accept = async (): Promise<void> => {
    for await (const connection of lower.connections) {
      const { remoteAddress } = connection;
      if (!isFull(sourceKey(remoteAddress.hostname))) {
        void handle(connection);
        continue;
      }
      connection.writable.abort().catch(() => {});
      if (closed !== undefined) continue;
      onRefused?.(
        remoteAddress,
        new TransportError(
          "ERR_TRANSPORT_REFUSED",
          `Cannot accept ${
            formatAddress(remoteAddress)
          }: too many handshakes are under way, or connections wait`,
        ),
      );
    }
  };
  accept().then(() => queue.handleEnd(), () => queue.handleEnd());

  if (signal?.aborted) close();
  else signal?.addEventListener("abort", close, { once: true });
  return { connections: queue.connections, address: lower.address, close };
}
