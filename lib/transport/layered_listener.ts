/**
 * A listener on top of another one: each connection that comes goes through a handshake of its own before it is handed on.
 * The handshakes run side by side, since a client that takes its time must not keep the others waiting, and are bounded.
 */

import { AcceptQueue, DEFAULT_BACKLOG } from "./accept_queue.ts";
import type { Connection, Listener } from "./types.ts";

/** Handshakes that may be under way, unless told otherwise. */
export const MAX_HANDSHAKES = 1000;

/** Options of {@linkcode layerListener}. */
export interface LayerOptions {
  /** Handshakes that may be under way; a connection past them is reset. Default {@linkcode MAX_HANDSHAKES}. */
  readonly maxHandshakes?: number;
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
  const { maxHandshakes = MAX_HANDSHAKES, backlog = DEFAULT_BACKLOG, signal } = options;
  const ended = new AbortController();
  let underWay = 0;

  const close = (): Promise<void> => {
    signal?.removeEventListener("abort", close);
    queue.handleEnd();
    ended.abort(new Error("The listener was closed"));
    return lower.close();
  };
  const queue = new AcceptQueue({ limit: backlog, cancelled: close });

  const handle = async (connection: Connection): Promise<void> => {
    underWay++;
    try {
      const opened = await open(connection, ended.signal);
      if (!queue.handleConnection(opened)) opened.writable.abort().catch(() => {});
    } catch {
      // That connection's fault.
    } finally {
      underWay--;
    }
  };
  const accept = async (): Promise<void> => {
    for await (const connection of lower.connections) {
      if (underWay >= maxHandshakes || queue.full) connection.writable.abort().catch(() => {});
      else handle(connection);
    }
  };
  accept().then(() => queue.handleEnd(), () => queue.handleEnd());

  if (signal?.aborted) close();
  else signal?.addEventListener("abort", close, { once: true });
  return { connections: queue.connections, address: lower.address, close };
}
