/** The client's side of a WebSocket over any byte stream: TCP, TLS, a tunnel through a proxy, a pair in memory. */

import { formatAddress } from "../address.ts";
import { HttpResponseHeadReader, type HttpResponseStart } from "../http_response_head.ts";
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
    const { head, rest } = await readHead(reader);
    const protocol = await checkUpgradeResponse(head, key, action);
    signal?.throwIfAborted();
    return new WebSocketConnection(stream, { ...options, role: "client", reader, writer, rest, protocol });
  } catch (error) {
    writer.abort(error).catch(() => {});
    throw signal?.aborted ? signal.reason : error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

async function readHead(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<HttpResponseStart> {
  const heads = new HttpResponseHeadReader();
  for (;;) {
    const { value } = await reader.read();
    if (value === undefined) return heads.handleEnd();
    for (let start = heads.handle(value); start !== undefined; start = heads.handle(start.rest)) {
      // RFC 9110, section 15.2: any other 1xx only says that the answer is still to come.
      if (start.head.status === 101 || start.head.status >= 200) return start;
    }
  }
}
