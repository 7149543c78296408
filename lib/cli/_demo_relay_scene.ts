/** The scene of the demo: two daemons that we play, and two real relays between them, all on loopback. */

import { OriginatorRelay, ResponderRelay } from "../relay/mod.ts";
import { connectTcp, listenTcp, openUdp } from "../runtime/mod.ts";
import {
  type Datagram,
  type DatagramEndpoint,
  formatAddress,
  type TransportAddress,
} from "../transport/mod.ts";
import { CaptureFile } from "./_capture_file.ts";
import type { RecordedDatagram } from "./_recorded_conversation.ts";

const LOOPBACK: TransportAddress = { hostname: "127.0.0.1", port: 0 };

/** Two daemons that we play, and the relays between them. */
export class Scene {
  readonly capture: CaptureFile;
  readonly initiator: Daemon;
  readonly responder: Daemon;
  readonly originatorRelay: OriginatorRelay;
  readonly responderRelay: ResponderRelay;
  readonly #path: readonly TransportAddress[];

  static async open(capturePath: string): Promise<Scene> {
    const capture = new CaptureFile(capturePath);
    const daemon = await openUdp({ local: LOOPBACK });
    const listener = await listenTcp(LOOPBACK);
    const responderRelay = new ResponderRelay({
      listener,
      openEndpoint: () => openUdp({ remote: daemon.localAddress }),
    });
    const endpoint = await openUdp({ local: LOOPBACK });
    const originatorRelay = new OriginatorRelay({
      endpoint,
      dial: async (options) => capture.tap(await connectTcp(listener.address, options)),
    });
    const initiator = await openUdp({ remote: endpoint.localAddress });
    return new Scene(
      capture,
      new Daemon("initiator", initiator),
      new Daemon("responder", daemon),
      originatorRelay,
      responderRelay,
      [
        endpoint.localAddress,
        listener.address,
        daemon.localAddress,
      ],
    );
  }

  private constructor(
    capture: CaptureFile,
    initiator: Daemon,
    responder: Daemon,
    originatorRelay: OriginatorRelay,
    responderRelay: ResponderRelay,
    path: readonly TransportAddress[],
  ) {
    this.capture = capture;
    this.initiator = initiator;
    this.responder = responder;
    this.originatorRelay = originatorRelay;
    this.responderRelay = responderRelay;
    this.#path = path;
  }

  picture(): string {
    const [udp, tcp, daemon] = this.#path.map(formatAddress);
    return `initiator ──UDP──▶ ${udp} relay ══TCP, RFC 9329══▶ ${tcp} relay ──UDP──▶ ${daemon} responder\n`;
  }

  async close(): Promise<void> {
    await Promise.all([this.originatorRelay.close(), this.responderRelay.close()]);
    await Promise.all([this.initiator.close(), this.responder.close()]);
    this.capture.close();
  }
}

/** One end of the conversation: a UDP endpoint that answers to where it last heard from, as daemons do. */
export class Daemon {
  readonly name: RecordedDatagram["from"];
  readonly endpoint: DatagramEndpoint;
  readonly #reader: ReadableStreamDefaultReader<Datagram[]>;
  #received: Uint8Array[] = [];
  #peer: TransportAddress | undefined;

  constructor(name: RecordedDatagram["from"], endpoint: DatagramEndpoint) {
    this.name = name;
    this.endpoint = endpoint;
    this.#reader = endpoint.readable.getReader();
  }

  send(data: Uint8Array): void {
    if (this.name === "initiator") this.endpoint.send(data);
    else if (this.#peer !== undefined) this.endpoint.send(data, this.#peer);
  }

  /** All datagrams that have come, at least one; `undefined` when none comes in time. */
  async receive(timeout: number): Promise<Uint8Array[] | undefined> {
    if (this.#received.length === 0 && !await this.#wait(timeout)) return undefined;
    const received = this.#received;
    this.#received = [];
    return received;
  }

  /** The next datagram. */
  async receiveOne(timeout: number): Promise<Uint8Array | undefined> {
    if (this.#received.length === 0 && !await this.#wait(timeout)) return undefined;
    return this.#received.shift();
  }

  async close(): Promise<void> {
    await this.endpoint.close();
  }

  #pending: Promise<void> | undefined;

  async #wait(timeout: number): Promise<boolean> {
    this.#pending ??= this.#reader.read().then(({ value = [] }) => {
      this.#pending = undefined;
      for (const { data, from } of value) {
        this.#received.push(data);
        this.#peer = from;
      }
    });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, timeout));
    await Promise.race([this.#pending, late]);
    clearTimeout(timer);
    return this.#received.length > 0;
  }
}
