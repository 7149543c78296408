/**
 * The contracts of everything that carries bytes or datagrams. A carrier is one file that fulfils {@linkcode Connection}
 * and {@linkcode Listener} (streams) or {@linkcode DatagramEndpoint}; `test/compliance` holds the suite for each.
 */

import type { TransportAddress } from "./address.ts";
import type { ProxySettings } from "./proxy_url.ts";
import type { TlsClientSettings, TlsServerSettings, TlsState } from "./tls_settings.ts";

/**
 * An ordered byte stream in both directions, shaped like the sockets of WinterTC's socket proposal.
 *
 * - `readable.cancel()` gives up reading and leaves `writable` usable.
 * - `writable.close()` half-closes (FIN) where the carrier can; `readable` goes on until the peer ends.
 * - `writable.abort()` resets: both directions end at once, unsent data is thrown away and the peer sees an error (RST).
 *   Deno's TCP sockets cannot reset: there the peer sees an end, and an error when it writes again.
 * - What was received before the connection broke is still read, then the error. After an abort of this end nothing is.
 * - Writing takes no more than a bounded amount ahead of the peer's reading, reading likewise.
 * - Chunks given to `writable` are not changed and may be reused once their write has settled; chunks that come from
 *   `readable` belong to the reader, but several may be views of one buffer.
 */
export interface Connection {
  /** Chunks of any size; ends when the peer half-closes; errors when the connection breaks. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Takes chunks of any size. */
  readonly writable: WritableStream<Uint8Array>;
  /**
   * Hands what comes to a receiver in the place of `readable`, which is locked from then on; throws where somebody reads
   * already. Carriers that have only streams leave it out.
   */
  receive?(receiver: Receiver): void;
  /**
   * Writes a chunk without a stream between, in place of `writable`, which may still close and abort. A promise says that the
   * chunk is in use and the next write must wait for it. Throws, or rejects, where the connection is broken. Carriers that
   * have only streams leave it out.
   */
  transmit?(chunk: Uint8Array): void | Promise<void>;
  /** Resolves when the connection carries data; rejects when it could not be opened. */
  readonly opened: Promise<void>;
  /** Resolves when both directions have ended and the resources are released; rejects when the connection broke. */
  readonly closed: Promise<void>;
  /**
   * Closes both directions, whoever holds the streams: what was written is still delivered, nothing more is read. Waits
   * a second for the peer's end, since a socket that is closed under incoming data may lose what is on its way out.
   * Resolves when done, also when the connection broke (which `closed` tells); safe to repeat.
   */
  close(reason?: unknown): Promise<void>;
  /** This end, as the network sees it. */
  readonly localAddress: TransportAddress;
  /** The other end. */
  readonly remoteAddress: TransportAddress;
  /** What lies between the network and the stream, the outermost first. Left out where there is nothing, as with TCP. */
  readonly layers?: readonly ConnectionLayer[];
}

/** What a layer of a connection has to tell: plain data, for programs and logs. */
export type ConnectionLayer =
  /** A tunnel through an HTTP proxy, given as it may be shown: without credentials. */
  | { readonly layer: "proxy"; readonly proxy: string }
  /** TLS, and what was negotiated. */
  | ({ readonly layer: "tls" } & TlsState)
  /** WebSocket messages, with the subprotocol that was chosen. */
  | { readonly layer: "websocket"; readonly protocol?: string }
  /** A stream of a WebTransport session. */
  | { readonly layer: "webtransport" };

/**
 * Takes what a connection receives without a stream between, in the turn of the event loop in which it came. None of its
 * functions may throw.
 */
export interface Receiver {
  /**
   * Whether octets need to be valid only until `handleOctets` returns. A carrier may then read into the same memory again,
   * which is faster than new memory for each read. Otherwise chunks belong to the receiver, as those of `readable` would.
   */
  readonly borrows: boolean;
  /** Takes a chunk. A promise, which must not reject, holds the carrier back until it resolves. */
  handleOctets(octets: Uint8Array): void | Promise<void>;
  /** The peer has ended its direction, or this end has closed the connection. Called once at most, and nothing afterwards. */
  handleEnd(): void;
  /** The connection broke, behind everything that came before. Called once at most, and nothing afterwards. */
  handleError(error: Error): void;
}

/** Accepts connections. */
export interface Listener {
  /** Each accepted connection; cancelling it closes the listener. */
  readonly connections: ReadableStream<Connection>;
  /** The address that is listened on, with the real port. */
  readonly address: TransportAddress;
  /** Stops accepting; connections that were handed out live on. Safe to repeat. */
  close(): Promise<void>;
}

/** One datagram that came in. */
export interface Datagram {
  /** The payload; belongs to the reader. */
  readonly data: Uint8Array;
  /** Who sent it. */
  readonly from: TransportAddress;
}

/** An endpoint that sends and receives datagrams. */
export interface DatagramEndpoint {
  /**
   * Batches of all datagrams that one turn of the event loop brought. Datagrams that nobody reads are dropped past
   * a bound, the newest first, as a kernel does.
   */
  readonly readable: ReadableStream<Datagram[]>;
  /**
   * Sends one datagram, or drops and counts it as a network would; never throws for what the network does. `to` is
   * left out on an endpoint that was opened with a `remote`, and else is an IP address: names are not looked up for
   * each datagram. `data` is not copied, so it must not change afterwards.
   */
  send(data: Uint8Array, to?: TransportAddress): void;
  /**
   * Pending while so much waits to be sent that a batch more might be dropped; `undefined` when there is room. Who can hold
   * its source back waits for it after each batch. Resolves also when the endpoint is closed.
   */
  readonly ready: Promise<void> | undefined;
  /** The address it is bound to, with the real port. */
  readonly localAddress: TransportAddress;
  /** What went wrong without an exception. */
  readonly counters: Readonly<DatagramCounters>;
  /** Ends `readable` and releases the socket. Safe to repeat. */
  close(): Promise<void>;
}

/** Counters of a {@linkcode DatagramEndpoint}. */
export interface DatagramCounters {
  /** Datagrams dropped because nobody read them. */
  receiveDropped: number;
  /** Datagrams dropped because too much waits to be sent. */
  sendDropped: number;
  /** Datagrams that the system refused to send (too long, unreachable, refused). */
  sendFailed: number;
}

/** Options for opening a connection. */
export interface ConnectOptions {
  /** Gives up when aborted; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Milliseconds until an attempt fails with `ERR_TRANSPORT_TIMEOUT`. Default 30000; 0 waits as long as the system does. */
  readonly timeout?: number;
  /** Local address to connect from. */
  readonly localAddress?: TransportAddress;
}

/**
 * Options for connecting by a carrier, whichever it is: a carrier takes those that concern it. What a carrier URL says goes
 * before what is said here.
 */
export interface CarrierConnectOptions extends ConnectOptions {
  /** The proxy through which the byte stream below is opened. */
  readonly proxy?: ProxySettings;
  /** TLS, for the carriers that have it. */
  readonly tls?: TlsClientSettings;
  /** TLS towards a proxy that is spoken to by it and has no settings of its own. Default: the authorities of `tls`. */
  readonly proxyTls?: TlsClientSettings;
  /** More header fields for the requests of carriers that open with HTTP (not for the proxy). */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Options for listening. */
export interface ListenOptions {
  /** Closes the listener when aborted. */
  readonly signal?: AbortSignal;
  /** Connections the kernel may hold before they are accepted. Default 511. */
  readonly backlog?: number;
}

/** What bounds the handshakes of the layers below a stream, TLS, WebSocket and WebTransport: clients are strangers until those are over. */
export interface HandshakeLimits {
  /** Milliseconds that a client may take, for each layer. Default 10000. */
  readonly handshakeTimeout?: number;
  /** Handshakes that may be under way in each layer; a connection past them is reset. Default 1000. */
  readonly maxHandshakes?: number;
  /** Of them, those of one address (IPv6: /64). Default: 100 of TLS and WebTransport, and no fewer of WebSocket, since behind a proxy every client has the proxy's. */
  readonly maxHandshakesPerSource?: number;
}

/**
 * Options for listening by a carrier, whichever it is: a carrier takes those that concern it. What `tls` says of handshakes goes
 * before what is said here.
 */
export interface CarrierListenOptions extends ListenOptions, HandshakeLimits {
  /** TLS, for the carriers that have it. */
  readonly tls?: TlsServerSettings;
  /** Told of a connection that was accepted and whose layers could not be opened: nobody else hears of it. */
  readonly onRefused?: (client: TransportAddress, error: Error) => void;
}

/** Options for a datagram endpoint. */
export interface UdpOptions {
  /** Address to bind. Default: any address of the remote's family, a port chosen by the system. */
  readonly local?: TransportAddress;
  /** The only peer: others are not heard, and `send` needs no address. */
  readonly remote?: TransportAddress;
  /** Closes the endpoint when aborted. */
  readonly signal?: AbortSignal;
  /** Octets of received datagrams that may wait for a reader, each counting 128 more. Default 1 MiB. */
  readonly maxReceiveQueue?: number;
  /** Octets of datagrams that may wait to be sent, each counting 128 more. Default 1 MiB. */
  readonly maxSendQueue?: number;
}
