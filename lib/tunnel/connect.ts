/** A tunnel from the end that asks for it: one connection, one IKE SA, one session. */

import { TunnelError, type TunnelErrorCode } from "../errors.ts";
import { type ConnectionConfig, IkeEngine, type IkeEngineOptions, type IkeEvent } from "../ike/mod.ts";
import type { Connection, DatagramEndpoint, TransportAddress } from "../transport/mod.ts";
import { Endpoint, type EndpointOptions } from "./endpoint.ts";
import { Session, type SessionOptions } from "./session.ts";

/** A peer that is spoken to by UDP: its port 4500, or the one in front of it. */
export interface DatagramPeer {
  /** The socket, which is the session's from now on. */
  readonly endpoint: DatagramEndpoint;
  /** The peer, by a numeric address. */
  readonly remote: TransportAddress;
}

/** What {@linkcode connect} takes. */
export interface ConnectOptions
  extends
    SessionOptions,
    Omit<IkeEngineOptions, "connections" | "pools" | "crypto" | "random">,
    Pick<EndpointOptions, "onEvent" | "onNeed"> {
  /** Who the peer is, and what to ask it for. */
  readonly configuration: ConnectionConfig;
  /** Gives up when aborted; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Sets up an IKE SA and its first child SA with a peer, over a connection that this end has opened or over UDP, and gives the session.
 * Rejects with a {@linkcode TunnelError} that says what went wrong. The carrier is closed then, and when the session ends.
 *
 * @example A tunnel through a connection in memory
 * ```ts
 * import { CryptoProviders, nobleProvider } from "iketcp/crypto";
 * import { Credentials, parseIdentity } from "iketcp/ike/auth";
 * import { MemoryNetwork } from "iketcp/transport";
 * import { connect, listen } from "iketcp/tunnel";
 * import { strictEqual } from "node:assert";
 *
 * const credentials = new Credentials();
 * credentials.addPreSharedKey({ secret: new TextEncoder().encode("a secret"), owners: [parseIdentity("%any")] });
 * const common = { crypto: new CryptoProviders([nobleProvider()]), credentials };
 * const local = (id: string) => ({ local: { auth: "psk", id }, remote: { auth: "psk" } });
 *
 * const network = new MemoryNetwork();
 * const gateway = listen(await network.listen({ hostname: "192.0.2.1", port: 4500 }), {
 *   ...common,
 *   configurations: [{ name: "gw", ...local("gw.example"), children: { net: { local_ts: "10.1.0.0/16" } } }],
 * });
 * const session = await connect(await network.connect(gateway.address), {
 *   ...common,
 *   configuration: { name: "me", ...local("me.example"), children: { net: { remote_ts: "10.1.0.0/16" } } },
 * });
 * strictEqual(session.remoteId, "gw.example");
 * await session.close();
 * await gateway.close();
 * ```
 */
export function connect(peer: Connection | DatagramPeer, options: ConnectOptions): Promise<Session> {
  const { configuration, signal } = options;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const attempt = new Attempt(options, (outcome) => {
      signal?.removeEventListener("abort", abort);
      if (outcome instanceof Session) resolve(outcome);
      else reject(outcome);
    });
    const abort = () => attempt.fail(signal!.reason);
    signal?.addEventListener("abort", abort, { once: true });
    attempt.begin(peer, configuration.name);
  });
}

/** From the first message to the first child SA, and then the end of the endpoint behind that of the session. */
class Attempt {
  readonly #endpoint: Endpoint;
  readonly #settle: (outcome: Session | unknown) => void;
  /** Whether the IKE SA is all that was asked for. */
  readonly #childless: boolean;
  #session: Session | undefined;
  #over = false;

  constructor(options: ConnectOptions, settle: (outcome: Session | unknown) => void) {
    const { configuration, onEvent } = options;
    this.#settle = settle;
    this.#childless = configuration.childless === "force" || configuration.children === undefined;
    this.#endpoint = new Endpoint({
      ...options,
      engine: new IkeEngine({ random: fillRandomly, ...options, connections: [configuration] }),
      role: "originator",
      onSession: (session) => this.#handleSession(session),
      onFailed: ({ text, reason }) => this.fail(failed("ERR_TUNNEL_FAILED", text || reason)),
      onEvent: (event) => {
        onEvent?.(event);
        this.#handleEvent(event);
      },
    });
  }

  begin(peer: Connection | DatagramPeer, connection: string): void {
    const path = "endpoint" in peer
      ? this.#endpoint.addDatagrams(peer.endpoint).pathTo(peer.remote)
      : this.#endpoint.addConnection(peer);
    const closed = "endpoint" in peer ? undefined : peer.closed;
    closed?.then(() => this.#handleLost(), (error) => this.#handleLost(error));
    try {
      this.#endpoint.handle({ kind: "initiate", connection, path });
    } catch (error) {
      this.fail(error); // the configuration shows already that it cannot succeed
    }
  }

  fail(reason: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#settle(reason);
    this.#endpoint.close();
  }

  #succeed(): void {
    if (this.#over || this.#session === undefined) return;
    this.#over = true;
    this.#settle(this.#session);
  }

  #handleSession(session: Session): void {
    this.#session = session;
    session.closed.catch(() => {}).then(() => this.#endpoint.close());
    if (this.#childless) this.#succeed();
  }

  #handleEvent(event: IkeEvent): void {
    if (event.type === "child_sa_installed") this.#succeed();
    else if (event.type === "child_sa_failed" && event.retryIn === undefined) {
      this.fail(failed("ERR_TUNNEL_CHILD", event.text || event.reason));
    } else if (event.type === "ike_sa_deleted") {
      this.fail(failed("ERR_TUNNEL_BROKEN", event.text ?? event.reason ?? `the ${event.by} end deleted it`));
    }
  }

  /** There is no other connection to go on with. */
  #handleLost(cause?: unknown): void {
    const why = cause instanceof Error ? cause.message : "the peer closed the connection";
    this.fail(failed("ERR_TUNNEL_LOST", why, cause));
    this.#session?.handleEnd(why);
  }
}

function failed(code: TunnelErrorCode, why: string, cause?: unknown): TunnelError {
  return new TunnelError(code, `Cannot set up a tunnel: ${why}`, { cause });
}

/** The platform's generator gives 65536 octets at once, which is more than anybody here asks for. */
export function fillRandomly(octets: Uint8Array): void {
  globalThis.crypto.getRandomValues(octets as Uint8Array<ArrayBuffer>);
}
