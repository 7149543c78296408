/**
 * A WebTransport server in Deno, by its QUIC endpoints and `Deno.upgradeWebTransport` (`--unstable-net`).
 *
 * The stream of a session is taken from the QUIC connection and not from the session, whose streams send no FIN when they
 * are closed; so the header that makes it a stream of the session (0x41 and the session's number) is read here.
 */

import { ConfigError, TransportError, type TransportErrorCode } from "../errors.ts";
import { AcceptQueue, DEFAULT_BACKLOG } from "../transport/accept_queue.ts";
import { formatAddress, type TransportAddress } from "../transport/address.ts";
import { MAX_HANDSHAKES } from "../transport/layered_listener.ts";
import { sourceKey } from "../transport/source_key.ts";
import type { CarrierListenOptions, Connection, Listener } from "../transport/types.ts";
import type { PlatformWebTransport } from "../transport/web_transport/client.ts";
import { WebTransportConnection } from "../transport/web_transport/connection.ts";
import { WebTransportDatagramEndpoint } from "../transport/web_transport/datagrams.ts";
import { checkAddress, resolveAddress } from "./_resolve.ts";
import { toTransportError } from "./errors.ts";

/** The QUIC part of `Deno`, which is not in its stable types. */
interface DenoQuic {
  QuicEndpoint: new (options: TransportAddress) => QuicEndpoint;
  upgradeWebTransport(connection: QuicConnection): Promise<PlatformWebTransport & { readonly url: string }>;
}

interface QuicEndpoint {
  readonly addr: TransportAddress;
  listen(options: object): QuicListener;
  close(): void;
}

interface QuicListener {
  incoming(): Promise<QuicIncoming>;
  stop(): void;
}

/** Its address is not looked at: in Deno 2.9 it cannot be accepted then any more. */
interface QuicIncoming {
  accept(): Promise<QuicConnection>;
  refuse(): void;
}

interface QuicConnection {
  readonly remoteAddr: TransportAddress;
  readonly closed: Promise<{ readonly closeCode?: number; readonly reason?: string }>;
  readonly incomingBidirectionalStreams: ReadableStream<{
    readonly readable: ReadableStream<Uint8Array>;
    readonly writable: WritableStream<Uint8Array>;
  }>;
  close(info: { closeCode?: number; reason?: string }): void;
}

/** Options of {@linkcode listenWebTransport}. */
export interface ListenWebTransportOptions extends CarrierListenOptions {
  /** The path that is served. Default: any. */
  readonly path?: string;
}

/** Milliseconds between signs of life of an idle session: QUIC gives one up after the least that either end names. */
const KEEP_ALIVE = 4000;

/** Milliseconds without a sign of life after which a session is over. */
const IDLE = 30000;

/** Handshakes that one address may have under way, unless told otherwise: as of TLS, which QUIC has inside. */
const MAX_HANDSHAKES_PER_SOURCE = 100;

/** A client whose address nobody knows yet. */
const UNKNOWN: TransportAddress = { hostname: "", port: 0 };

const TOO_MANY = "too many handshakes are under way, or connections wait";

/** Characters of a wrong path that are told. */
const SHOWN_PATH = 80;

/** A session needs two streams of the client in both directions, and four in one; some are left over. */
const STREAMS = 8;

/** The header of a stream of a session (draft-ietf-webtrans-http3, section 4.3). */
const STREAM_TYPE = 0x41;

/** Whether this is Deno with `--unstable-net`. */
export function hasWebTransportServer(): boolean {
  return (globalThis as { Deno?: Partial<DenoQuic> }).Deno?.QuicEndpoint !== undefined;
}

/** Listens for WebTransport sessions at a UDP port. The certificate and its key are `cert` and `key` of `tls`. */
export async function listenWebTransport(
  address: TransportAddress,
  options: ListenWebTransportOptions = {},
): Promise<Listener> {
  const action = `listen on https ${formatAddress(address)}`;
  const { cert, key } = options.tls ?? {};
  options.signal?.throwIfAborted();
  checkAddress(address, action);
  if (cert === undefined || key === undefined) {
    throw new ConfigError(
      "ERR_CONFIG_OPTION",
      `Cannot ${action}: expected a certificate and its key, got none`,
    );
  }
  const quic = (globalThis as unknown as { Deno?: DenoQuic }).Deno;
  if (quic?.QuicEndpoint === undefined) {
    throw new TransportError(
      "ERR_TRANSPORT_UNSUPPORTED",
      `Cannot ${action}: only Deno with --unstable-net has a WebTransport server`,
    );
  }
  const local = await resolveAddress(address, action);
  let endpoint: QuicEndpoint | undefined;
  try {
    endpoint = new quic.QuicEndpoint(local);
    const listener = endpoint.listen({
      cert,
      key,
      alpnProtocols: ["h3"],
      keepAliveInterval: KEEP_ALIVE,
      maxIdleTimeout: IDLE,
      maxConcurrentBidirectionalStreams: STREAMS,
      maxConcurrentUnidirectionalStreams: STREAMS,
    });
    return new DenoWebTransportListener(quic, endpoint, listener, options);
  } catch (error) {
    endpoint?.close();
    throw toTransportError(error, action);
  }
}

class DenoWebTransportListener implements Listener {
  readonly connections: ReadableStream<Connection>;
  readonly address: TransportAddress;

  readonly #quic: DenoQuic;
  readonly #endpoint: QuicEndpoint;
  readonly #listener: QuicListener;
  readonly #options: ListenWebTransportOptions;
  readonly #queue: AcceptQueue;
  readonly #handleAbort: () => void = () => void this.close();
  /** Sessions that live: the endpoint is theirs, too. */
  #sessions = 0;
  /** Handshakes of everybody, and who is in one, as far as that is known. */
  #handshakes = 0;
  readonly #clients: Set<TransportAddress> = new Set();
  #closed = false;

  constructor(
    quic: DenoQuic,
    endpoint: QuicEndpoint,
    listener: QuicListener,
    options: ListenWebTransportOptions,
  ) {
    this.#quic = quic;
    this.#endpoint = endpoint;
    this.#listener = listener;
    this.#options = options;
    const { hostname, port } = endpoint.addr;
    this.address = { hostname, port };
    this.#queue = new AcceptQueue({
      limit: options.backlog ?? DEFAULT_BACKLOG,
      cancelled: () => this.close(),
    });
    this.connections = this.#queue.connections;
    options.signal?.addEventListener("abort", this.#handleAbort, { once: true });
    void this.#accept();
  }

  /** The port is free when the sessions that were handed out have ended, too. */
  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#options.signal?.removeEventListener("abort", this.#handleAbort);
      this.#queue.handleEnd();
      this.#listener.stop();
      this.#closeEndpoint();
    }
    return Promise.resolve();
  }

  #closeEndpoint(): void {
    if (this.#closed && this.#sessions === 0) this.#endpoint.close();
  }

  async #accept(): Promise<void> {
    const { maxHandshakes = MAX_HANDSHAKES } = this.#options;
    for (;;) {
      let incoming: QuicIncoming;
      try {
        incoming = await this.#listener.incoming();
      } catch {
        return; // The listener was stopped.
      }
      if (!this.#closed && this.#handshakes < maxHandshakes && !this.#queue.full) {
        void this.#open(incoming);
        continue;
      }
      incoming.refuse();
      this.#tellRefused(UNKNOWN, "ERR_TRANSPORT_REFUSED", TOO_MANY);
    }
  }

  async #open(incoming: QuicIncoming): Promise<void> {
    const { handshakeTimeout = 10000 } = this.#options;
    let quic: QuicConnection | undefined;
    let client = UNKNOWN;
    let late = false;
    this.#handshakes++;
    this.#sessions++;
    const timer = setTimeout(() => {
      late = true;
      quic?.close({ closeCode: 1, reason: "too slow" });
    }, handshakeTimeout);
    try {
      quic = await incoming.accept();
      const { hostname, port } = quic.remoteAddr;
      client = { hostname, port };
      if (this.#isFull(hostname)) {
        quic.close({ closeCode: 1, reason: "too many handshakes" });
        throw new TransportError("ERR_TRANSPORT_REFUSED", TOO_MANY);
      }
      this.#clients.add(client);
      const connection = await this.#openSession(quic);
      if (!this.#queue.handleConnection(connection)) connection.writable.abort().catch(() => {});
    } catch (error) {
      // That session's fault.
      quic?.close({ closeCode: 1, reason: "not what is served here" });
      if (late) {
        const why = `expected a session and its stream within ${handshakeTimeout} ms`;
        this.#tellRefused(client, "ERR_TRANSPORT_TIMEOUT", why);
      } else {
        const { code, message } = error as Partial<TransportError> & Error;
        const refused = code === "ERR_TRANSPORT_REFUSED";
        this.#tellRefused(client, refused ? code : "ERR_TRANSPORT_WEBTRANSPORT", message);
      }
    } finally {
      clearTimeout(timer);
      this.#handshakes--;
      this.#clients.delete(client);
    }
    await quic?.closed.catch(() => {});
    this.#sessions--;
    this.#closeEndpoint();
  }

  /** Whether a client has enough handshakes under way. */
  #isFull(source: string): boolean {
    const { maxHandshakesPerSource = MAX_HANDSHAKES_PER_SOURCE } = this.#options;
    const key = sourceKey(source);
    let count = 0;
    for (const { hostname } of this.#clients) if (sourceKey(hostname) === key) count++;
    return count >= maxHandshakesPerSource;
  }

  #tellRefused(client: TransportAddress, code: TransportErrorCode, why: string): void {
    if (this.#closed) return;
    const from = client === UNKNOWN ? "" : ` from ${formatAddress(client)}`;
    const error = new TransportError(code, `Cannot accept WebTransport${from}: ${why}`);
    this.#options.onRefused?.(client, error);
  }

  async #openSession(quic: QuicConnection): Promise<Connection> {
    const session = await this.#quic.upgradeWebTransport(quic);
    session.closed.catch(() => {});
    await session.ready;
    const { path } = this.#options;
    const { pathname } = new URL(session.url);
    if (path !== undefined && pathname !== path) {
      throw new Error(`expected the path ${path}, got ${JSON.stringify(pathname.slice(0, SHOWN_PATH))}`);
    }
    const streams = quic.incomingBidirectionalStreams.getReader();
    const { value: stream } = await streams.read();
    if (stream === undefined) throw new Error("expected a stream of the session, got its end");
    const readable = await withoutHeader(stream.readable);
    void refuseMore(streams);
    const addresses = { localAddress: this.address, remoteAddress: { ...quic.remoteAddr } };
    return new WebTransportConnection({
      session,
      readable,
      writable: stream.writable,
      datagrams: new WebTransportDatagramEndpoint(session.datagrams, addresses),
      ...addresses,
    });
  }
}

/** One stream a session: others are read no further. */
async function refuseMore(streams: ReadableStreamDefaultReader<unknown>): Promise<void> {
  try {
    while (!(await streams.read()).done);
  } catch {
    // The session is over.
  }
}

/** Takes the header off: two numbers of one to eight octets (RFC 9000, section 16). */
async function withoutHeader(readable: ReadableStream<Uint8Array>): Promise<ReadableStream<Uint8Array>> {
  const reader = readable.getReader({ mode: "byob" });
  try {
    const type = await readNumber(reader);
    if (type !== STREAM_TYPE) throw new Error(`expected a stream of the session, got type ${type}`);
    await readNumber(reader); // there is one session
  } finally {
    reader.releaseLock();
  }
  return readable;
}

async function readNumber(reader: ReadableStreamBYOBReader): Promise<number> {
  const first = await readOctet(reader);
  let number = first & 0x3f;
  for (let left = (1 << (first >> 6)) - 1; left > 0; left--) number = number * 256 + await readOctet(reader);
  return number;
}

async function readOctet(reader: ReadableStreamBYOBReader): Promise<number> {
  const { value } = await reader.read(new Uint8Array(1));
  if (value === undefined || value.byteLength === 0) {
    throw new Error("expected the header of a stream, got its end");
  }
  return value[0]!;
}
