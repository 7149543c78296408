/** Connecting by the platform's own WebSocket: all that a browser has. */

import { CodedTypeError, TransportError } from "../../errors.ts";
import { attempt } from "../attempt.ts";
import type { Connection, ConnectOptions } from "../types.ts";
import { WEB_SOCKET_PROTOCOL } from "./handshake.ts";
import { adoptWebSocket, type PlatformWebSocket, type PlatformWebSocketOptions } from "./platform.ts";
import { adoptWebSocketStream, type PlatformWebSocketStream } from "./platform_stream.ts";

/** Makes a `WebSocket`, as its constructor does. */
export type PlatformWebSocketConstructor = new (url: string, protocols: string[]) => PlatformWebSocket;

/** Makes a `WebSocketStream`, as its constructor does. */
export type PlatformWebSocketStreamConstructor = new (
  url: string,
  options: { protocols: string[]; signal: AbortSignal },
) => PlatformWebSocketStream;

/** Options of {@linkcode connectPlatformWebSocket}. */
export interface PlatformConnectOptions
  extends PlatformWebSocketOptions, Pick<ConnectOptions, "signal" | "timeout"> {
  /**
   * What to connect with, `WebSocketStream` before `WebSocket`. Default: the platform's `WebSocket`, also where there is a
   * `WebSocketStream`, which could hold a peer back for a slow reader: in Chromium (156) a connection that breaks while a write
   * waits takes the whole tab with it, and nothing that a program does keeps it from that.
   */
  readonly use?: {
    readonly WebSocket?: PlatformWebSocketConstructor;
    readonly WebSocketStream?: PlatformWebSocketStreamConstructor;
  };
}

/**
 * Connects to a `ws://` or `wss://` URL by what the platform has. In Node, Deno and Bun `connectWebSocket` of
 * `iketcp/runtime` can more.
 *
 * @example
 * ```ts
 * import { connectPlatformWebSocket } from "iketcp/transport";
 * import { EncapsulationStream } from "iketcp/encap";
 *
 * async function open(): Promise<EncapsulationStream> {
 *   const connection = await connectPlatformWebSocket("wss://gw.example/vpn");
 *   const encapsulation = new EncapsulationStream({ role: "originator" });
 *   connection.readable.pipeThrough(encapsulation).pipeTo(connection.writable);
 *   return encapsulation;
 * }
 * ```
 */
export async function connectPlatformWebSocket(
  url: string | URL,
  options: PlatformConnectOptions = {},
): Promise<Connection> {
  const { origin, pathname, hostname, port, protocol } = parseUrl(url);
  const { WebSocket, WebSocketStream } = options.use ?? platformWebSocket();
  const action = `connect to ${origin}${pathname}`;
  const remoteAddress = options.remoteAddress ?? {
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? (protocol === "wss:" ? 443 : 80) : Number(port),
  };
  return await attempt(options, action, async (signal) => {
    if (WebSocketStream !== undefined) {
      const stream = new WebSocketStream(`${url}`, { protocols: [WEB_SOCKET_PROTOCOL], signal });
      try {
        return adoptWebSocketStream(stream, await stream.opened, { ...options, remoteAddress });
      } catch (error) {
        stream.closed.catch(() => {});
        throw failed(action, error as Error);
      }
    }
    if (WebSocket !== undefined) {
      const socket = new WebSocket(`${url}`, [WEB_SOCKET_PROTOCOL]);
      return await opening(
        socket,
        action,
        signal,
        () => adoptWebSocket(socket, { ...options, remoteAddress }),
      );
    }
    throw new TransportError(
      "ERR_TRANSPORT_UNSUPPORTED",
      `Cannot ${action}: this platform has no WebSocket; connectWebSocket of iketcp/runtime needs none`,
    );
  });
}

function platformWebSocket(): NonNullable<PlatformConnectOptions["use"]> {
  const { WebSocket } = globalThis as unknown as NonNullable<PlatformConnectOptions["use"]>;
  return { WebSocket };
}

/** Adopts in the very event, since the first message may follow at once. */
function opening(
  socket: PlatformWebSocket,
  action: string,
  signal: AbortSignal,
  adopt: () => Connection,
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      socket.close();
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    const settle = (finish: () => void) => {
      signal.removeEventListener("abort", abort);
      finish();
    };
    socket.addEventListener("open", () => settle(() => resolve(adopt())));
    socket.addEventListener("error", (event) => settle(() => reject(failed(action, event as Error))));
    socket.addEventListener("close", () => settle(() => reject(failed(action, undefined))));
  });
}

/** Platforms say nothing of why, on purpose: a page must not learn what is in its user's network. */
function failed(action: string, error: { readonly message?: string } | undefined): TransportError {
  const text = error?.message ? `: ${error.message}` : "";
  return new TransportError(
    "ERR_TRANSPORT_WEBSOCKET",
    `Cannot ${action}: the WebSocket could not be opened${text}`,
  );
}

function parseUrl(url: string | URL): URL {
  const parsed = URL.canParse(`${url}`) ? new URL(`${url}`) : undefined;
  if (parsed?.protocol === "ws:" || parsed?.protocol === "wss:") return parsed;
  throw new CodedTypeError(
    "ERR_OPTION_RANGE",
    `Cannot connect: expected a ws:// or wss:// URL, got ${
      JSON.stringify(parsed?.protocol ?? "something else")
    }`,
  );
}
