/** The server's side of a WebSocket over any byte stream, and a listener that takes every connection of another one so. */

import { TransportError } from "../../errors.ts";
import { formatAddress } from "../address.ts";
import { HttpRequestHeadReader } from "../http_request_head.ts";
import { layerListener, type LayerOptions } from "../layered_listener.ts";
import type { Connection, Listener } from "../types.ts";
import { WebSocketConnection, type WebSocketOptions } from "./connection.ts";
import {
  checkUpgradeRequest,
  type UpgradeRefusal,
  type UpgradeRules,
  writeRefusal,
  writeUpgradeResponse,
} from "./handshake.ts";

/** Milliseconds that a client may take for its request. */
export const WEB_SOCKET_HANDSHAKE_TIMEOUT = 10000;

/** Options of {@linkcode acceptWebSocket}. */
export interface AcceptWebSocketOptions extends WebSocketOptions, UpgradeRules {
  /** Milliseconds that a client may take for its request. Default {@linkcode WEB_SOCKET_HANDSHAKE_TIMEOUT}. */
  readonly handshakeTimeout?: number;
  /** Gives up when aborted. */
  readonly signal?: AbortSignal;
}

/** A request that was answered with a refusal, which has been sent. */
class Refused extends TransportError {}

/**
 * Accepts a WebSocket over a stream, which is the connection's from then on. A request that is not what it should be is
 * answered with a status that says so, and then rejected with an error.
 */
export async function acceptWebSocket(
  stream: Connection,
  options: AcceptWebSocketOptions = {},
): Promise<Connection> {
  const { handshakeTimeout = WEB_SOCKET_HANDSHAKE_TIMEOUT, signal } = options;
  const reader = stream.readable.getReader();
  const writer = stream.writable.getWriter();
  const refuse = (status: UpgradeRefusal, reason: string): Refused => {
    writer.write(writeRefusal(status, reason)).catch(() => {});
    stream.close();
    return new Refused(
      "ERR_TRANSPORT_WEBSOCKET",
      `Refused WebSocket from ${formatAddress(stream.remoteAddress)} with status ${status}: ${reason}`,
    );
  };
  let refused: Refused | undefined;
  const timer = setTimeout(() => {
    refused = refuse(408, "The request took too long");
  }, handshakeTimeout);
  const abort = () => void writer.abort(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", abort, { once: true });
  try {
    signal?.throwIfAborted();
    const heads = new HttpRequestHeadReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (refused !== undefined) throw refused;
      if (done) throw endedEarly(stream);
      const result = heads.handle(value);
      if (result.state === "incomplete") continue;
      if (result.state === "too long") throw refuse(431, "The request is too long");
      if (result.state === "malformed") throw refuse(400, "Expected an HTTP request");
      const decision = checkUpgradeRequest(result.head, options);
      if (!decision.accepted) throw refuse(decision.status, decision.reason);
      await writer.write(await writeUpgradeResponse(decision.key, decision.protocol));
      signal?.throwIfAborted();
      if (refused !== undefined) throw refused;
      return new WebSocketConnection(stream, {
        ...options,
        role: "server",
        reader,
        writer,
        rest: result.rest,
        protocol: decision.protocol,
      });
    }
  } catch (error) {
    if (!(error instanceof Refused)) writer.abort(error).catch(() => {});
    throw signal?.aborted ? signal.reason : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/**
 * A listener whose connections are WebSockets over those of another one, which it closes with itself. Handshakes run side
 * by side; one that fails is that connection's matter alone.
 */
export function acceptWebSockets(
  listener: Listener,
  options: AcceptWebSocketOptions & LayerOptions = {},
): Listener {
  return layerListener(
    listener,
    (stream, signal) => acceptWebSocket(stream, { ...options, signal }),
    options,
  );
}

function endedEarly(stream: Connection): TransportError {
  return new TransportError(
    "ERR_TRANSPORT_WEBSOCKET",
    `Cannot accept WebSocket from ${
      formatAddress(stream.remoteAddress)
    }: expected a request, the stream ended before it`,
  );
}
