/**
 * A listener whose connections are TLS, on a listener of any kind; or TLS and plain streams at one port, told apart by their
 * first octet. Handshakes run beside each other, within limits, so that a slow client holds up nobody else.
 */

import { TransportError } from "../errors.ts";
import { AcceptQueue } from "../transport/accept_queue.ts";
import { formatAddress, type TransportAddress } from "../transport/address.ts";
import { attempt } from "../transport/attempt.ts";
import { ResumedConnection } from "../transport/prepend.ts";
import { sourceKey } from "../transport/source_key.ts";
import type { TlsServerSettings } from "../transport/tls_settings.ts";
import type { CarrierListenOptions, Connection, Listener } from "../transport/types.ts";
import { randomBytes } from "node:crypto";
import { checkTlsServer, serverContext } from "./_tls_options.ts";
import { acceptAction, acceptWith, HANDSHAKE_TIMEOUT } from "./tls_connection.ts";

/** Handshakes that may be under way, unless told otherwise: of all clients, and of one address. */
const MAX_HANDSHAKES = 1000;
const MAX_HANDSHAKES_PER_SOURCE = 100;

/** RFC 8446, section 5.1: the first record of a client is a handshake. `IKETCP` begins with 0x49 (RFC 9329, section 4). */
const HANDSHAKE_RECORD = 0x16;

/** Octets of a ticket key (as `node:tls` has it). */
const TICKET_KEY_LENGTH = 48;

/** Options of {@linkcode listenTls}. */
export interface TlsListenOptions extends Pick<CarrierListenOptions, "onRefused"> {
  /** Hands on what is not TLS as it came; RFC 9329's prefix then says whether it belongs there. Default false. */
  readonly plainToo?: boolean;
}

/** A listener for TLS. */
export interface TlsListener extends Listener {
  /** Takes other certificates for connections that come from now on; those that are open live on. Throws when they cannot be used. */
  reload(settings: Pick<TlsServerSettings, "cert" | "key">): void;
}

/**
 * Does the handshake with every connection of a listener, which then belongs to it.
 *
 * @example Certificates that are renewed while connections live on
 * ```ts
 * import { listenTcp, listenTls, type TlsListener } from "iketcp/runtime";
 * import { readFileSync } from "node:fs";
 *
 * async function listen(read: (name: string) => string): Promise<TlsListener> {
 *   const identity = () => ({ cert: read("gw.crt"), key: read("gw.key") });
 *   const listener = listenTls(await listenTcp({ hostname: "::", port: 443 }), identity());
 *   setInterval(() => listener.reload(identity()), 86_400_000);
 *   return listener;
 * }
 * void [listen, readFileSync];
 * ```
 */
export function listenTls(
  below: Listener,
  settings: TlsServerSettings,
  options: TlsListenOptions = {},
): TlsListener {
  return new LayeredListener(below, settings, options);
}

class LayeredListener implements TlsListener {
  readonly connections: ReadableStream<Connection>;
  readonly address: TransportAddress;

  readonly #below: Listener;
  readonly #options: TlsListenOptions;
  readonly #queue: AcceptQueue;
  readonly #action: string;
  /** Sessions outlive a change of certificates. */
  readonly #ticketKeys: Uint8Array = randomBytes(TICKET_KEY_LENGTH);
  /** What ends handshakes when the listener closes: one each, since Node warns of signals with many listeners. */
  readonly #ends: Set<AbortController> = new Set();
  /** Why handshakes end, once the listener closes. */
  #closed: TransportError | undefined;
  /** Handshakes that are under way, by what `sourceKey` makes of the client's address. */
  readonly #bySource: Map<string, number> = new Map();
  readonly #running: Set<Promise<void>> = new Set();
  readonly #accepted: Promise<void>;
  #settings: TlsServerSettings;
  #context: ReturnType<typeof serverContext>;

  constructor(below: Listener, settings: TlsServerSettings, options: TlsListenOptions) {
    this.#below = below;
    this.#options = options;
    this.address = below.address;
    this.#action = `listen with TLS on ${formatAddress(below.address)}`;
    checkTlsServer(settings, this.#action);
    this.#settings = settings;
    this.#context = serverContext(settings, this.#ticketKeys, this.#action);
    this.#queue = new AcceptQueue({ cancelled: () => this.close() });
    this.connections = this.#queue.connections;
    this.#accepted = this.#accept().catch(() => this.#queue.handleEnd());
  }

  reload({ cert, key }: Pick<TlsServerSettings, "cert" | "key">): void {
    const settings = { ...this.#settings, cert, key };
    checkTlsServer(settings, this.#action);
    this.#context = serverContext(settings, this.#ticketKeys, this.#action);
    this.#settings = settings;
  }

  async close(): Promise<void> {
    this.#closed ??= new TransportError("ERR_TRANSPORT_CLOSED", "The listener was closed");
    for (const end of this.#ends) end.abort(this.#closed);
    await this.#below.close();
    this.#queue.handleEnd();
    await this.#accepted;
    await Promise.all(this.#running);
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#below.connections) {
      const opening: Promise<void> = this.#open(connection).finally(() => this.#running.delete(opening));
      this.#running.add(opening);
    }
    this.#queue.handleEnd();
  }

  async #open(below: Connection): Promise<void> {
    const { remoteAddress: client } = below;
    const source = sourceKey(client.hostname);
    const { maxHandshakes = MAX_HANDSHAKES, maxHandshakesPerSource = MAX_HANDSHAKES_PER_SOURCE } =
      this.#settings;
    const fromSource = this.#bySource.get(source) ?? 0;
    if (this.#queue.full || this.#running.size >= maxHandshakes || fromSource >= maxHandshakesPerSource) {
      return this.#refuse(
        below,
        new TransportError(
          "ERR_TRANSPORT_REFUSED",
          `Cannot accept TLS of ${formatAddress(client)}: too many handshakes are under way`,
        ),
      );
    }
    this.#bySource.set(source, fromSource + 1);
    const end = new AbortController();
    this.#ends.add(end);
    if (this.#closed !== undefined) end.abort(this.#closed);
    try {
      const connection = await this.#shake(below, end.signal);
      if (!this.#queue.handleConnection(connection)) connection.writable.abort().catch(() => {});
    } catch (error) {
      this.#refuse(below, error as Error);
    } finally {
      this.#ends.delete(end);
      const left = this.#bySource.get(source)! - 1;
      if (left > 0) this.#bySource.set(source, left);
      else this.#bySource.delete(source);
    }
  }

  async #shake(below: Connection, signal: AbortSignal): Promise<Connection> {
    const { handshakeTimeout: timeout = HANDSHAKE_TIMEOUT } = this.#settings;
    return await attempt({ signal, timeout }, acceptAction(below), async (signal) => {
      let connection = below;
      if (this.#options.plainToo) {
        const first = await this.#firstOctets(below, signal);
        connection = new ResumedConnection(below, first);
        if (first[0] !== HANDSHAKE_RECORD) return connection;
      }
      return await acceptWith(connection, this.#context, { ...this.#settings, handshakeTimeout: 0, signal });
    });
  }

  /** What the client sends first. One that has ended before is handed on too: it is nobody's, and whoever reads it sees that. */
  async #firstOctets(below: Connection, signal: AbortSignal): Promise<Uint8Array> {
    const reader = below.readable.getReader();
    const giveUp = () => void reader.cancel(signal.reason).catch(() => {});
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      const { value } = await reader.read();
      signal.throwIfAborted();
      return value ?? new Uint8Array(0);
    } finally {
      signal.removeEventListener("abort", giveUp);
      reader.releaseLock();
    }
  }

  #refuse(below: Connection, error: Error): void {
    below.writable.abort(error).catch(() => {});
    below.close(error).catch(() => {});
    if (this.#closed === undefined) this.#options.onRefused?.(below.remoteAddress, error);
  }
}
