/** The client's side of a WebSocket over any byte stream: TCP, TLS, a tunnel through a proxy, a pair in memory. */

import { TransportError } from "../../errors.ts";
import { formatAddress } from "../address.ts";
import { HttpHeadReader } from "../http_head.ts";
import type { Connection } from "../types.ts";
import { WebSocketConnection, type WebSocketOptions } from "./connection.ts";
import { checkUpgradeResponse, makeKey, writeUpgradeRequest } from "./handshake.ts";

/** Options of {@linkcode openWebSocket}. */
export interface OpenWebSocketOptions extends WebSocketOptions {
  /** What the `Host` field says: host, and port unless it is 80 (`wss`: 443). Default: the stream's other end. */
  readonly host?: string;
  /** The path. Default `/`. */
  readonly path?: string;
  /** More fields for the request, such as `Authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Gives up when aborted, and aborts the stream. The time that a server may take is the caller's to bound. */
  readonly signal?: AbortSignal;
}

/**
 * Opens a WebSocket over a stream, which is the connection's from then on, also when opening fails.
 *
 * @example
 * ```ts
 * import { acceptWebSocket, memoryPair, openWebSocket } from "iketcp/transport";
 * import { strictEqual } from "node:assert";
 *
 * const [here, there] = memoryPair();
 * const [client, server] = await Promise.all([openWebSocket(here, { path: "/vpn" }), acceptWebSocket(there)]);
 * const sent = new Response("hello").body!.pipeTo(client.writable);
 * strictEqual(await new Response(server.readable).text(), "hello");
 * await sent;
 * await Promise.all([client.close(), server.close()]);
 * ```
 */
export async function openWebSocket(
  stream: Connection,
  options: OpenWebSocketOptions = {},
): Promise<Connection> {
  const { host = formatAddress(stream.remoteAddress), path = "/", headers, signal } = options;
  const action = `open WebSocket to ${host}${path}`;
  const key = makeKey();
  const reader = stream.readable.getReader();
  const writer = stream.writable.getWriter();
  const abort = () => void writer.abort(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", abort, { once: true });
  try {
    signal?.throwIfAborted();
    await writer.write(writeUpgradeRequest({ host, path, key, headers }));
    const heads = new HttpHeadReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw endedWithoutAnswer(action);
      const result = heads.handle(value);
      if (result.state === "incomplete") continue;
      if (result.state !== "complete") throw malformed(action, result.state);
      const protocol = await checkUpgradeResponse(result.head, key, action);
      signal?.throwIfAborted();
      return new WebSocketConnection(stream, {
        ...options,
        role: "client",
        reader,
        writer,
        rest: result.rest,
        protocol,
      });
    }
  } catch (error) {
    writer.abort(error).catch(() => {});
    throw signal?.aborted ? signal.reason : error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

function endedWithoutAnswer(action: string): TransportError {
  return new TransportError(
    "ERR_TRANSPORT_WEBSOCKET",
    `Cannot ${action}: expected a response, the stream ended before it`,
  );
}

function malformed(action: string, state: "malformed" | "too long"): TransportError {
  return new TransportError(
    "ERR_TRANSPORT_WEBSOCKET",
    `Cannot ${action}: expected an HTTP response, got ${
      state === "malformed" ? "something else" : "a head that is too long"
    }`,
  );
}
