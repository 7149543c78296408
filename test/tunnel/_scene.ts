/** Two ends of tunnels in one process, with a connection in memory between them. */

import { CryptoProviders, nobleProvider } from "../../lib/crypto/mod.ts";
import { Credentials, parseIdentity } from "../../lib/ike/auth/mod.ts";
import type { ConnectionConfig, IkeEvent } from "../../lib/ike/mod.ts";
import { type Connection, type Listener, MemoryNetwork } from "../../lib/transport/mod.ts";
import {
  connect,
  type ConnectOptions,
  listen,
  type ListenOptions,
  type Session,
} from "../../lib/tunnel/mod.ts";

export const crypto: CryptoProviders = new CryptoProviders([nobleProvider()]);

/** The host behind the gateway. */
export const HOST: Uint8Array = new Uint8Array([192, 0, 2, 1]);

/** Credentials that hold one secret for everybody. */
export function sharedSecret(secret = "not a secret"): Credentials {
  const credentials = new Credentials();
  credentials.addPreSharedKey({
    secret: new TextEncoder().encode(secret),
    owners: [parseIdentity("gw.example"), parseIdentity("*.example")],
  });
  return credentials;
}

export const GATEWAY: ConnectionConfig = {
  name: "clients",
  local: { auth: "psk", id: "gw.example" },
  remote: { auth: "psk" },
  pools: "clients",
  children: { net: { local_ts: "192.0.2.0/24" } },
};

export const CLIENT: ConnectionConfig = {
  name: "office",
  local: { auth: "psk", id: "client.example" },
  remote: { auth: "psk", id: "gw.example" },
  vips: "0.0.0.0",
  children: { net: { remote_ts: "192.0.2.0/24" } },
};

/** What a test may change. */
export interface SceneOptions {
  readonly client?: Partial<ConnectOptions>;
  readonly gateway?: Partial<ListenOptions>;
}

/** A gateway in memory, and how to get there. */
export class Scene {
  readonly gateway: ReturnType<typeof listen>;
  /** What both engines told, in order. */
  readonly events: { readonly end: "client" | "gateway"; readonly event: IkeEvent }[] = [];
  readonly #network: MemoryNetwork;
  readonly #options: SceneOptions;
  readonly #arrived: ReadableStreamDefaultReader<Session>;

  static async open(options: SceneOptions = {}): Promise<Scene> {
    const network = new MemoryNetwork();
    return new Scene(network, await network.listen({ hostname: "198.51.100.10", port: 4500 }), options);
  }

  constructor(network: MemoryNetwork, listener: Listener, options: SceneOptions) {
    this.#network = network;
    this.#options = options;
    this.gateway = listen(listener, {
      crypto,
      credentials: sharedSecret(),
      configurations: [GATEWAY],
      pools: { clients: { addrs: "10.99.0.0/24" } },
      onEvent: (event) => this.events.push({ end: "gateway", event }),
      ...options.gateway,
    });
    this.#arrived = this.gateway.sessions.getReader();
  }

  /** A connection to the gateway. */
  dial(): Promise<Connection> {
    const localAddress = { hostname: "192.0.2.10", port: 50000 };
    return this.#network.connect(this.gateway.address, { localAddress });
  }

  /** A session from the client's side. */
  async connect(options: Partial<ConnectOptions> = {}, connection?: Connection): Promise<Session> {
    return await connect(connection ?? await this.dial(), {
      crypto,
      credentials: sharedSecret(),
      configuration: CLIENT,
      onEvent: (event) => this.events.push({ end: "client", event }),
      ...this.#options.client,
      ...options,
    });
  }

  /** The gateway's side of the next session. */
  async arrival(): Promise<Session> {
    const { value } = await this.#arrived.read();
    return value!;
  }

  /** The lines of the messages that one end sent. */
  lines(end: "client" | "gateway"): string[] {
    return this.events.flatMap(({ end: its, event }) =>
      its === end && event.type === "message" && event.direction === "sent" ? [event.line] : []
    );
  }

  async close(): Promise<void> {
    this.#arrived.releaseLock();
    await this.gateway.close();
  }
}
