/** The part of Deno's own API that the toolkit uses, typed here so that nothing needs Deno's types. */

import { TransportError } from "../errors.ts";
import type { PlatformWebSocket } from "../transport/web_socket/platform.ts";

/** `Deno.NetAddr`. */
export interface DenoAddress {
  readonly hostname: string;
  readonly port: number;
}

/** `Deno.TcpConn`. */
export interface DenoTcpConn {
  readonly localAddr: DenoAddress;
  readonly remoteAddr: DenoAddress;
  read(into: Uint8Array): Promise<number | null>;
  write(from: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  setNoDelay(on?: boolean): void;
  setKeepAlive(on?: boolean): void;
  close(): void;
}

/** `Deno.TcpListener`. */
export interface DenoTcpListener {
  readonly addr: DenoAddress;
  accept(): Promise<DenoTcpConn>;
  close(): void;
}

/** `Deno.DatagramConn`. */
export interface DenoDatagramConn {
  readonly addr: DenoAddress;
  receive(into: Uint8Array): Promise<[Uint8Array, DenoAddress]>;
  send(data: Uint8Array, to: DenoAddress & { readonly transport: "udp" }): Promise<number>;
  close(): void;
}

/** What `Deno.upgradeWebSocket` gives: a response to return, and a socket that opens after that. */
export interface DenoWebSocketUpgrade {
  readonly response: Response;
  readonly socket: PlatformWebSocket;
}

/** The functions of the `Deno` object. */
export interface DenoApi {
  upgradeWebSocket(
    request: Request,
    options: { readonly protocol?: string; readonly idleTimeout?: number },
  ): DenoWebSocketUpgrade;
  connect(options: DenoAddress & { readonly signal?: AbortSignal }): Promise<DenoTcpConn>;
  listen(options: DenoAddress & { readonly tcpBacklog?: number }): DenoTcpListener;
  /** Only there with `--unstable-net`. */
  listenDatagram?(options: DenoAddress & { readonly transport: "udp" }): DenoDatagramConn;
}

/** Deno's own API; throws in other runtimes. */
export function deno(): DenoApi {
  const api = (globalThis as { Deno?: DenoApi }).Deno;
  if (api === undefined) {
    throw new TransportError(
      "ERR_TRANSPORT_UNSUPPORTED",
      "Cannot use Deno's sockets: this is not Deno; iketcp/runtime picks what fits the runtime",
    );
  }
  return api;
}
