/** Relays on loopback with real sockets, and what stands around them: daemons on UDP, and the other end of the stream. */

import assert from "node:assert/strict";
import { concat } from "../../lib/bytes/mod.ts";
import {
  OriginatorRelay,
  type RelayCounters,
  type RelayEvent,
  type RelayLimits,
  ResponderRelay,
} from "../../lib/relay/mod.ts";
import { connectTcp, listenTcp, openUdp } from "../../lib/runtime/mod.ts";
// By these a connection can be reset in every runtime.
import { connectTcp as connectRaw, listenTcp as listenRaw } from "../../lib/runtime/node_tcp.ts";
import type {
  Connection,
  Datagram,
  DatagramEndpoint,
  Listener,
  TransportAddress,
} from "../../lib/transport/mod.ts";
import { settlesWithin, sleep, until } from "../_support/streams.ts";
import { frame, PREFIX, unframe } from "./_messages.ts";

/** Where everything listens unless a test says otherwise. */
export const IPV4: TransportAddress = { hostname: "127.0.0.1", port: 0 };

/** Milliseconds after which what has not come is taken for something that does not come. */
export const QUIET = 60;

/** A daemon: a UDP socket that remembers what it heard. */
export class Daemon {
  readonly endpoint: DatagramEndpoint;
  /** Everything that came, in order. */
  readonly received: Datagram[] = [];
  #taken = 0;

  /** Opens one; with a `remote` it is an initiator's daemon that sends there. */
  static async open(options: { local?: TransportAddress; remote?: TransportAddress }): Promise<Daemon> {
    return new Daemon(await openUdp(options));
  }

  private constructor(endpoint: DatagramEndpoint) {
    this.endpoint = endpoint;
    this.#receive();
  }

  get address(): TransportAddress {
    return this.endpoint.localAddress;
  }

  /** Sends to the remote address, or to whoever is named. */
  send(data: Uint8Array, to?: TransportAddress): void {
    this.endpoint.send(data, to);
  }

  /** Sends more datagrams than a socket holds, with a pause now and then for its reader. */
  async sendMany(datagrams: Iterable<Uint8Array>, to?: TransportAddress): Promise<void> {
    let octets = 0;
    for (const data of datagrams) {
      this.send(data, to);
      octets += data.byteLength + 512;
      if (octets < 32768) continue;
      octets = 0;
      await sleep(2);
    }
  }

  /** The next datagram that no call has given out yet. */
  async next(): Promise<Datagram> {
    const index = this.#taken++;
    await until(() => this.received.length > index, `datagram ${index} comes`);
    return this.received[index]!;
  }

  /** Waits for the next datagram and checks its octets. */
  async expect(data: Uint8Array): Promise<Datagram> {
    const datagram = await this.next();
    assert.deepEqual(new Uint8Array(datagram.data), new Uint8Array(data));
    return datagram;
  }

  /** Nothing comes that no call has given out. */
  async expectNothing(): Promise<void> {
    await sleep(QUIET);
    assert.deepEqual(this.received.slice(this.#taken), []);
  }

  async #receive(): Promise<void> {
    for await (const datagrams of this.endpoint.readable) this.received.push(...datagrams);
  }
}

/** How a stream has ended, seen from its other end. */
export type StreamEnd = "end" | "reset";

/** The other end of a relay's stream, octet by octet. */
export class RawStream {
  readonly connection: Connection;
  /** How the relay has ended the stream, once it has. */
  ending: StreamEnd | undefined;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #reading: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #chunks: Uint8Array[] = [];

  /** Reads at once, unless told not to read at all. */
  constructor(connection: Connection, options: { reading?: boolean } = {}) {
    this.connection = connection;
    this.#writer = connection.writable.getWriter();
    this.#writer.closed.catch(() => {});
    if (options.reading ?? true) this.startReading();
  }

  /** All octets that came. */
  get received(): Uint8Array {
    const octets = concat(this.#chunks);
    this.#chunks = [octets];
    return octets;
  }

  /** The messages that came, behind the prefix if there is one. */
  get messages(): Uint8Array[] {
    const { received } = this;
    return unframe(received[0] === PREFIX[0] ? received.subarray(PREFIX.byteLength) : received);
  }

  startReading(): void {
    this.#reading = this.connection.readable.getReader();
    this.#read(this.#reading);
  }

  /** Writes octets as they are. */
  async write(...octets: Uint8Array[]): Promise<void> {
    await this.#writer.write(concat(octets));
  }

  /** Writes messages behind their Lengths. */
  async send(...messages: Uint8Array[]): Promise<void> {
    await this.write(...messages.map(frame));
  }

  /** FIN. */
  async end(): Promise<void> {
    await this.#writer.close();
  }

  /** RST. */
  reset(): void {
    this.#writer.abort().catch(() => {});
  }

  /** Waits for `count` messages in all. */
  async expectMessages(count: number): Promise<Uint8Array[]> {
    await until(() => this.messages.length >= count, `message ${count} comes`);
    return this.messages;
  }

  /** Waits for the relay's end. */
  async expectEnd(): Promise<StreamEnd> {
    await until(() => this.ending !== undefined, "the stream ends");
    return this.ending!;
  }

  /** Goes away without a word to the test. */
  async release(): Promise<void> {
    this.reset();
    await this.connection.closed.catch(() => {});
  }

  async #read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        this.#chunks.push(value);
      }
      this.ending = "end";
    } catch {
      this.ending = "reset";
    }
  }
}

/** What both scenes have. */
abstract class Scene {
  abstract readonly relay: { readonly counters: Readonly<RelayCounters>; close(): Promise<void> };
  readonly events: RelayEvent[] = [];
  protected readonly streams: RawStream[] = [];
  protected readonly daemons: Daemon[] = [];

  get counters(): Readonly<RelayCounters> {
    return this.relay.counters;
  }

  /** The events of a kind so far. */
  eventsOf<Name extends RelayEvent["event"]>(name: Name): Extract<RelayEvent, { event: Name }>[] {
    return this.events.filter((event): event is Extract<RelayEvent, { event: Name }> => event.event === name);
  }

  /** Waits for so many events of a kind in all, and gives the last of them. */
  async expectEvent<Name extends RelayEvent["event"]>(
    name: Name,
    count = 1,
  ): Promise<Extract<RelayEvent, { event: Name }>> {
    await until(() => this.eventsOf(name).length >= count, `event ${count} of ${name} comes`);
    return this.eventsOf(name)[count - 1]!;
  }

  async close(): Promise<void> {
    await Promise.all([this.relay.close(), ...this.streams.map((stream) => stream.release())]);
    await Promise.all(this.daemons.map((daemon) => daemon.endpoint.close()));
  }
}

/** Settings of a scene. */
export interface SceneOptions {
  readonly limits?: Partial<RelayLimits>;
  /** The loopback address of everything. Default 127.0.0.1. */
  readonly hostname?: string;
}

/** A responder's relay, its daemon, and any clients. */
export class ResponderScene extends Scene {
  readonly relay: ResponderRelay;
  readonly daemon: Daemon;
  readonly address: TransportAddress;
  /** UDP sockets opened towards the daemon. */
  readonly endpoints: DatagramEndpoint[] = [];

  static async open({ limits, hostname = "127.0.0.1" }: SceneOptions = {}): Promise<ResponderScene> {
    const local = { hostname, port: 0 };
    return new ResponderScene(await Daemon.open({ local }), await listenTcp(local), limits);
  }

  private constructor(daemon: Daemon, listener: Listener, limits: Partial<RelayLimits> | undefined) {
    super();
    this.daemon = daemon;
    this.daemons.push(daemon);
    this.address = listener.address;
    this.relay = new ResponderRelay({
      listener,
      openEndpoint: async () => {
        const endpoint = await openUdp({ remote: daemon.address });
        this.endpoints.push(endpoint);
        return endpoint;
      },
      limits,
      onEvent: (event) => this.events.push(event),
    });
  }

  /** A client that has only connected. */
  async connect(options?: { reading?: boolean }): Promise<RawStream> {
    const stream = new RawStream(await connectRaw(this.address), options);
    this.streams.push(stream);
    return stream;
  }

  /** A client that has sent the prefix and messages. */
  async client(...messages: Uint8Array[]): Promise<RawStream> {
    const stream = await this.connect();
    await stream.write(PREFIX, ...messages.map(frame));
    return stream;
  }
}

/** An originator's relay, a responder in the hands of the test, and any daemons. */
export class OriginatorScene extends Scene {
  readonly relay: OriginatorRelay;
  readonly address: TransportAddress;
  /** What the daemons talk to. */
  readonly endpoint: DatagramEndpoint;
  readonly #listener: Listener;
  readonly #accepted: ReadableStreamDefaultReader<Connection>;
  /** When the relay has tried to connect. */
  readonly dials: number[] = [];
  /** How many streams in a row had given no answer, at each dial. */
  readonly unanswered: number[] = [];
  /** Makes attempts to connect fail. */
  refusal: Error | undefined;
  /** Where the relay connects to. */
  target: TransportAddress;

  static async open({ limits, hostname = "127.0.0.1" }: SceneOptions = {}): Promise<OriginatorScene> {
    const local = { hostname, port: 0 };
    return new OriginatorScene(await openUdp({ local }), await listenRaw(local), limits);
  }

  private constructor(
    endpoint: DatagramEndpoint,
    listener: Listener,
    limits: Partial<RelayLimits> | undefined,
  ) {
    super();
    this.endpoint = endpoint;
    this.address = endpoint.localAddress;
    this.target = listener.address;
    this.#listener = listener;
    this.#accepted = listener.connections.getReader();
    this.relay = new OriginatorRelay({
      endpoint,
      dial: (options) => {
        this.dials.push(performance.now());
        this.unanswered.push(options.unanswered);
        return this.refusal === undefined ? connectTcp(this.target, options) : Promise.reject(this.refusal);
      },
      limits,
      onEvent: (event) => this.events.push(event),
    });
  }

  /** One more daemon that sends to the relay. */
  async daemon(): Promise<Daemon> {
    const daemon = await Daemon.open({ remote: this.address });
    this.daemons.push(daemon);
    return daemon;
  }

  /** The next stream that the relay opens. */
  async accept(options?: { reading?: boolean }): Promise<RawStream> {
    const read = this.#accepted.read();
    assert.ok(await settlesWithin(read, 10_000), "expected a connection within 10 s");
    const { value } = await read;
    assert.ok(value !== undefined, "expected a connection, the listener has ended");
    const stream = new RawStream(value, options);
    this.streams.push(stream);
    return stream;
  }

  override async close(): Promise<void> {
    await this.#listener.close();
    for (;;) { // what came and was not accepted
      const { done, value } = await this.#accepted.read();
      if (done) break;
      this.streams.push(new RawStream(value));
    }
    await super.close();
  }
}

/** Opens a responder's relay, and closes everything whatever happens. */
export function withResponder(
  use: (scene: ResponderScene) => Promise<void>,
  options?: SceneOptions,
): () => Promise<void> {
  return async () => run(await ResponderScene.open(options), use);
}

/** Opens an originator's relay, and closes everything whatever happens. */
export function withOriginator(
  use: (scene: OriginatorScene) => Promise<void>,
  options?: SceneOptions,
): () => Promise<void> {
  return async () => run(await OriginatorScene.open(options), use);
}

async function run<S extends Scene>(scene: S, use: (scene: S) => Promise<void>): Promise<void> {
  try {
    await use(scene);
  } finally {
    await scene.close();
  }
}
