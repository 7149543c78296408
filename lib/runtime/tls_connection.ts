/**
 * TLS as a layer on any duplex of octets, by `node:tls` in every runtime: a connection over TCP, through a proxy, or a pair of
 * streams with no socket at all. RFC 9329, appendices A and B.
 *
 * What runtimes lack: Deno resumes no sessions and has no key log; in Deno and Bun a server cannot write on after its client
 * has half-closed. RFC 9329 needs none of it.
 */

import type { TLSSocket } from "node:tls";
import { connect, TLSSocket as NodeTlsSocket } from "node:tls";
import { createHash } from "node:crypto";
import { TransportError } from "../errors.ts";
import { formatAddress, type TransportAddress } from "../transport/address.ts";
import { attempt } from "../transport/attempt.ts";
import { CarrierConnection, LINGER_TIME } from "../transport/carrier_connection.ts";
import type { ByteDuplex } from "../transport/http_tunnel.ts";
import { parsePin } from "../transport/pin.ts";
import type {
  TlsClientSettings,
  TlsServerSettings,
  TlsSettings,
  TlsState,
} from "../transport/tls_settings.ts";
import type { Connection, ConnectionLayer, ConnectOptions } from "../transport/types.ts";
import { NodeDuplex } from "./_node_duplex.ts";
import { handshakeError, recordError } from "./_tls_errors.ts";
import {
  checkTlsClient,
  checkTlsServer,
  clientOptions,
  serverContext,
  verification,
} from "./_tls_options.ts";
import type { TlsSessions } from "./tls_sessions.ts";

/** Options of {@linkcode connectTls}. */
export interface TlsConnectOptions extends TlsClientSettings, Pick<ConnectOptions, "signal" | "timeout"> {
  /** The host that was meant, for SNI and the certificate, unless `sni` says otherwise. Default: the peer's address. */
  readonly host?: string;
  /** Where sessions are kept for resumption. Default: nowhere. */
  readonly sessions?: TlsSessions;
}

/** Options of {@linkcode acceptTls}. */
export interface TlsAcceptOptions
  extends Omit<TlsServerSettings, "maxHandshakes" | "maxHandshakesPerSource"> {
  /** Gives up when aborted; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A connection over TLS. */
export interface TlsConnection extends Connection {
  /** What was negotiated. */
  readonly tls: TlsState;
  /** The layers below, and TLS. */
  readonly layers: readonly ConnectionLayer[];
}

/** Milliseconds that a client may take for the handshake, unless told otherwise. */
export const HANDSHAKE_TIMEOUT = 10_000;

const NOWHERE: TransportAddress = { hostname: "", port: 0 };

/**
 * Does the client's handshake on `below`. When that fails, `below` is broken.
 *
 * @example
 * ```ts
 * import { acceptTls, connectTls } from "iketcp/runtime";
 * import { memoryPair } from "iketcp/transport";
 * import type { TlsConnection } from "iketcp/runtime";
 *
 * // `cert` and `key` are the server's, as PEM; `ca` is who issued them.
 * async function overMemory(cert: string, key: string, ca: string): Promise<[TlsConnection, TlsConnection]> {
 *   const [here, there] = memoryPair();
 *   return await Promise.all([connectTls(here, { ca, host: "gw.example" }), acceptTls(there, { cert, key })]);
 * }
 * ```
 */
export async function connectTls(below: ByteDuplex, options: TlsConnectOptions = {}): Promise<TlsConnection> {
  const { remoteAddress } = below as Partial<Connection>;
  const host = options.host ?? remoteAddress?.hostname ?? "";
  const action = `speak TLS with ${options.sni ?? host}`;
  checkTlsClient(options, action);
  const key = options.sessions && sessionKey(options, host);
  return await attempt(options, action, async (signal) => {
    const duplex = new NodeDuplex(below);
    const known = key === undefined ? undefined : options.sessions!.take(key);
    const socket = connect({
      ...clientOptions(options, host, action),
      socket: duplex,
      ...(known !== undefined && { session: known.session as Buffer }),
    });
    if (key !== undefined) {
      socket.on("session", (session) => {
        const certificate = socket.getPeerCertificate()?.raw ?? known?.certificate;
        options.sessions!.put(key, { session, certificate });
      });
    }
    await handshake(socket, "secureConnect", duplex, below, options, action, signal);
    const state = stateOf(socket, verification(options), known?.certificate);
    try {
      checkState(state, options, action);
      checkPin(state, options, action);
    } catch (error) {
      destroy(socket, duplex, error as Error);
      throw error;
    }
    return new NodeTlsConnection(socket, duplex, below, state);
  });
}

/** Does the server's handshake on `below`. When that fails, `below` is broken. */
export async function acceptTls(below: ByteDuplex, options: TlsAcceptOptions): Promise<TlsConnection> {
  const action = acceptAction(below);
  checkTlsServer(options, action);
  return await acceptWith(below, serverContext(options, undefined, action), options);
}

/** As {@linkcode acceptTls}, with a context that several connections share. */
export async function acceptWith(
  below: ByteDuplex,
  context: ReturnType<typeof serverContext>,
  options: TlsAcceptOptions,
): Promise<TlsConnection> {
  const { alpn, signal, handshakeTimeout = HANDSHAKE_TIMEOUT } = options;
  const action = acceptAction(below);
  return await attempt({ signal, timeout: handshakeTimeout }, action, async (signal) => {
    const duplex = new NodeDuplex(below);
    const socket = new NodeTlsSocket(duplex, {
      isServer: true,
      secureContext: context,
      requestCert: false, // RFC 9329, appendix B.1
      ...(alpn !== undefined && alpn.length > 0 && { ALPNProtocols: [...alpn] }),
    });
    await handshake(socket, "secure", duplex, below, options, action, signal);
    const state = stateOf(socket, "no");
    return new NodeTlsConnection(socket, duplex, below, state);
  });
}

/** What accepting is called in errors. */
export function acceptAction(below: ByteDuplex): string {
  const { remoteAddress } = below as Partial<Connection>;
  return remoteAddress === undefined ? "accept TLS" : `accept TLS of ${formatAddress(remoteAddress)}`;
}

/** Waits for the end of the handshake. */
function handshake(
  socket: TLSSocket,
  done: "secureConnect" | "secure",
  duplex: NodeDuplex,
  below: Partial<Connection>,
  settings: TlsSettings,
  action: string,
  signal: AbortSignal,
): Promise<void> {
  const { onKeyLog } = settings;
  if (onKeyLog !== undefined) {
    socket.on("keylog", (line) => onKeyLog(new TextDecoder().decode(line).trimEnd()));
  }
  return new Promise((resolve, reject) => {
    let settled = false;
    const finish = (error?: unknown) => {
      if (settled) return;
      settled = true;
      socket.removeListener(done, handleDone);
      socket.removeListener("close", handleEnd);
      duplex.removeListener("end", handleEndBelow);
      signal.removeEventListener("abort", handleAbort);
      if (error === undefined) {
        socket.removeListener("error", finish);
        socket.removeListener("_tlsError", finish);
        duplex.breakWhenDestroyed();
        return resolve();
      }
      socket.on("error", () => {}); // what else it says is no news
      if (signal.aborted) {
        duplex.breakWhenDestroyed();
        destroy(socket, duplex, signal.reason);
        return reject(signal.reason);
      }
      const reason = handshakeError(error, action, duplex.failure);
      setTimeout(() => destroy(socket, duplex, reason), 0); // Node writes the alert in this turn
      duplex.once("close", () => void below.close?.(reason)); // which waits for the alert to leave, but not for ever
      reject(reason);
    };
    const handleDone = () => finish();
    const handleEnd = () =>
      finish(
        new TransportError(
          "ERR_TRANSPORT_TLS",
          `Cannot ${action}: the peer ended the connection inside the handshake`,
        ),
      );
    // A server waits on for what its peer cannot send any more. What came with the end is looked at first.
    const handleEndBelow = () => void setTimeout(() => settled || handleEnd(), 0);
    const handleAbort = () => finish(signal.reason);
    socket.once(done, handleDone);
    socket.once("error", finish);
    socket.once("_tlsError", finish); // what a server's socket of Node says before its handshake is done
    socket.once("close", handleEnd);
    duplex.once("end", handleEndBelow);
    signal.addEventListener("abort", handleAbort, { once: true });
    if (signal.aborted) handleAbort();
  });
}

function destroy(socket: TLSSocket, duplex: NodeDuplex, reason: Error): void {
  socket.destroy();
  duplex.destroy(reason);
}

/** `before` is the certificate of the session that was resumed, if one was. */
function stateOf(socket: TLSSocket, verified: TlsState["verified"], before?: Uint8Array): TlsState {
  const resumed = socket.isSessionReused?.() ?? false;
  const certificate = socket.getPeerCertificate()?.raw ?? (resumed ? before : undefined);
  const alpn = socket.alpnProtocol;
  return {
    protocol: socket.getProtocol() ?? "unknown",
    cipher: socket.getCipher()?.name ?? "unknown",
    ...(typeof alpn === "string" && alpn !== "" && { alpn }),
    resumed,
    ...(certificate !== undefined && {
      peerCertificate: {
        der: new Uint8Array(certificate),
        fingerprint: createHash("sha256").update(certificate).digest("hex"),
      },
    }),
    verified,
  };
}

/** Some runtimes ignore options in silence; what was negotiated tells. */
function checkState({ protocol, cipher }: TlsState, settings: TlsSettings, action: string): void {
  const { minVersion = "TLSv1.2", maxVersion = "TLSv1.3", nullCipher } = settings;
  const refuse = (expected: string, actual: string) => {
    throw new TransportError("ERR_TRANSPORT_TLS", `Cannot ${action}: expected ${expected}, got ${actual}`);
  };
  if (protocol < minVersion || protocol > maxVersion) refuse(`${minVersion} to ${maxVersion}`, protocol);
  if (nullCipher && !cipher.includes("NULL")) refuse("a NULL cipher", cipher);
}

function checkPin(
  { peerCertificate, verified }: TlsState,
  { pin = [] }: TlsClientSettings,
  action: string,
): void {
  if (!verified.includes("pin")) return;
  const actual = peerCertificate?.fingerprint;
  if (actual !== undefined && pin.some((each) => parsePin(each) === actual)) return;
  throw new TransportError(
    "ERR_TRANSPORT_TLS_CERTIFICATE",
    `Cannot ${action}: the server's certificate has none of the pinned fingerprints but ${
      actual ?? "none at all"
    }`,
  );
}

/** A session says that a certificate was good for a name, by these authorities and pins: it is good for nothing else. */
function sessionKey(options: TlsConnectOptions, host: string): string {
  const { sni, ca, pin, insecure, alpn, minVersion, maxVersion, nullCipher } = options;
  return JSON.stringify([sni ?? host, ca, pin, insecure, alpn, minVersion, maxVersion, nullCipher]);
}

class NodeTlsConnection extends CarrierConnection implements TlsConnection {
  readonly tls: TlsState;
  readonly layers: readonly ConnectionLayer[];

  readonly #socket: TLSSocket;
  readonly #duplex: NodeDuplex;
  readonly #below: ByteDuplex & Partial<Connection>;
  #ended = false;
  #closed = false;
  /** Broken by TLS itself, which has an alert for the peer, and not by one of the peer. */
  #faulty = false;
  /** Settles the half-close that waits: Bun forgets it when the peer has ended meanwhile. */
  #ending: (() => void) | undefined;
  /** Rejects the write that waits. */
  #sending: ((error: Error) => void) | undefined;

  constructor(
    socket: TLSSocket,
    duplex: NodeDuplex,
    below: ByteDuplex & Partial<Connection>,
    state: TlsState,
  ) {
    super({
      localAddress: below.localAddress ?? NOWHERE,
      remoteAddress: below.remoteAddress ?? NOWHERE,
    });
    this.#socket = socket;
    this.#duplex = duplex;
    this.#below = below;
    this.tls = state;
    this.layers = [...below.layers ?? [], { layer: "tls", ...state }];
    socket.on("data", (data: Uint8Array) => {
      this.handleChunk(new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength));
    });
    socket.on("end", () => {
      // Bun says so also when the stream below broke.
      if (this.#duplex.failure !== undefined) return;
      this.#ended = true;
      this.handleEnd();
    });
    // Of a record that is wrong, a server's socket says nothing else.
    socket.on("_tlsError", (error) => this.#handleFault(error));
    socket.on("error", (error) => this.handleError(this.#explain(error)));
    socket.on("close", () => this.#handleClose());
    this.handleOpen();
  }

  /** The peer broke the rules of TLS, somebody on the way did, or the peer says that of us. */
  #handleFault(error: Error): void {
    this.#faulty = this.#duplex.failure === undefined && !/alert/i.test(error.message);
    this.handleError(this.#explain(error));
  }

  #handleClose(): void {
    this.#closed = true;
    this.#sending?.(this.#explain());
    this.#ending?.();
    // Bun closes when the peer has ended. Who then writes learns that it cannot; who only ends has lost nothing.
    if (!this.#ended || this.#duplex.failure !== undefined) this.handleError(this.#explain());
  }

  protected override startReading(): void {
    this.#duplex.resumeReading();
    this.#socket.resume();
  }

  protected override stopReading(): void {
    this.#duplex.hold();
    this.#socket.pause();
  }

  protected override send(chunk: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw this.#explain();
      this.#sending = reject;
      this.#socket.write(chunk, (error) => {
        this.#sending = undefined;
        if (error) reject(this.#explain(error));
        else resolve(this.#duplex.drained());
      });
    });
  }

  /** RFC 9329, appendix B.2: close_notify, then the end of the stream below. */
  protected override sendEnd(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return resolve();
      this.#ending = () => this.#duplex.failure === undefined ? resolve() : reject(this.#explain());
      this.#socket.end((error?: Error | null) => error ? reject(this.#explain(error)) : resolve());
    });
  }

  protected override async reset(): Promise<void> {
    this.#duplex.destroy();
    this.#socket.destroy();
    await this.#below.closed?.catch(() => {});
  }

  protected override async release(): Promise<void> {
    const timer = this.#faulty ? await this.#sendAlert() : undefined;
    // Ended in both directions, the stream below closes as it does by itself; in one, it is given up.
    this.#socket.destroy();
    if (this.#below.close !== undefined) await this.#below.close();
    clearTimeout(timer);
    this.#duplex.destroy();
  }

  /** TLS writes its alert in this turn; the stream below then has a while to take it, and is ended behind it. */
  async #sendAlert(): Promise<ReturnType<typeof setTimeout>> {
    this.#duplex.endWhenDestroyed();
    await new Promise((resolve) => setTimeout(resolve, 0));
    return setTimeout(() => this.#duplex.abort(), LINGER_TIME);
  }

  #explain(error?: Error | null): TransportError {
    return recordError(this.#duplex.failure ?? error ?? RESET, formatAddress(this.remoteAddress));
  }
}

const RESET: TransportError = new TransportError(
  "ERR_TRANSPORT_RESET",
  "The connection below TLS was ended by the peer",
);
