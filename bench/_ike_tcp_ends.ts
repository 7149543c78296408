/** Two engines on loopback TCP, as in a tunnel: prefix, Lengths and markers between them, both ends in one process. */

import type { CryptoProviders } from "../lib/crypto/mod.ts";
import { type IkeEngine, IkeEngineHost, type IkeEvent, type IkeInput } from "../lib/ike/mod.ts";
import { connectTcp, listenTcp } from "../lib/runtime/mod.ts";
import type { Connection } from "../lib/transport/mod.ts";
import type { LinkPath } from "../lib/tunnel/link.ts";
import { StreamLink } from "../lib/tunnel/stream_link.ts";
import { makeEngines, type Suite } from "./_ike_ends.ts";

/** Two ends on one connection. */
export class IkeTcpEnds {
  readonly #initiator: End;
  readonly #responder: End;
  readonly #peers: number;
  readonly #live: number[] = [];

  private constructor(initiator: End, responder: End, peers: number) {
    this.#initiator = initiator;
    this.#responder = responder;
    this.#peers = peers;
  }

  /** Connects two ends. */
  static async open(suite: Suite, crypto: CryptoProviders): Promise<IkeTcpEnds> {
    const listener = await listenTcp({ hostname: "127.0.0.1", port: 0 });
    const accepted = listener.connections.getReader().read();
    const connection = await connectTcp(listener.address);
    const { value } = await accepted;
    await listener.close();
    const { initiator, responder } = makeEngines(suite, crypto);
    return new IkeTcpEnds(
      new End(initiator, connection, "originator"),
      new End(responder, value!, "responder"),
      suite.peers ?? 1,
    );
  }

  /** Sets up so many IKE SAs with a child SA each, of which so many are under way at any time. */
  async connect(amount: number, atOnce: number): Promise<void> {
    let begun = 0;
    const begin = () => {
      const connection = `bench${begun++ % this.#peers}`;
      this.#initiator.handle({ kind: "initiate", connection, path: this.#initiator.path });
    };
    await this.#initiator.count("child_sa_installed", amount, () => {
      for (let i = 0; i < Math.min(amount, atOnce); i++) begin();
    }, ({ ikeSa }) => {
      this.#live.push(ikeSa);
      if (begun < amount) begin();
    });
  }

  /** Deletes all of them. */
  async deleteAll(): Promise<void> {
    const gone = this.#live.splice(0);
    await this.#initiator.count("ike_sa_deleted", gone.length, () => {
      for (const ikeSa of gone) this.#initiator.handle({ kind: "delete_ike", ikeSa });
    });
  }

  /** Closes the connection. */
  async close(): Promise<void> {
    await Promise.all([this.#initiator.close(), this.#responder.close()]);
  }
}

/** One end: what the endpoint of a tunnel is without sessions. */
class End {
  readonly path: LinkPath;
  readonly #host: IkeEngineHost;
  readonly #link: StreamLink;
  #onEvent: (event: IkeEvent) => void = () => {};

  constructor(engine: IkeEngine, connection: Connection, role: "originator" | "responder") {
    this.#host = new IkeEngineHost(engine, {
      maxQueuedEvents: 0,
      onEvent: (event) => this.#onEvent(event),
      transmit: (_path, messages) => this.#link.sendIke(messages),
    });
    this.#link = new StreamLink(connection, role, "bench", {
      handleIke: (messages, path) =>
        this.#host.handleMessages(path, messages.map((message) => message.slice())),
      handleEsp: () => {},
      handlePathLost: () => {},
      handleLinkEnd: () => {},
    });
    this.path = this.#link.path;
  }

  handle(input: IkeInput): void {
    this.#host.handle(input);
  }

  /** Begins something and waits until so many events of a type have come. A failure is thrown. */
  count<Type extends IkeEvent["type"]>(
    type: Type,
    amount: number,
    begin: () => void,
    onEach: (event: Extract<IkeEvent, { type: Type }>) => void = () => {},
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      let left = amount;
      this.#onEvent = (event) => {
        if (event.type === "ike_sa_failed") return reject(new Error(event.text));
        if (event.type !== type) return;
        left--;
        onEach(event as Extract<IkeEvent, { type: Type }>);
        if (left === 0) resolve();
      };
      if (amount === 0) resolve();
      begin();
    });
  }

  async close(): Promise<void> {
    this.#host.close();
    await this.#link.close();
  }
}
