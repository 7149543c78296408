/** The scene of the demo: an initiator and a gateway with a host behind it, and a TCP connection on loopback between them. */

import { TunnelError } from "../errors.ts";
import { Credentials, parseIdentity } from "../ike/auth/mod.ts";
import { formatSelector, type IkeEvent, type Selector } from "../ike/mod.ts";
import { echoReply, emitIcmpEcho, formatIpAddress, parseIcmpEcho } from "../ip/mod.ts";
import { connectTcp, listenTcp, runtimeCrypto } from "../runtime/mod.ts";
import { formatAddress, type Listener } from "../transport/mod.ts";
import { connect, listen, type Session, type TunnelListener } from "../tunnel/mod.ts";
import { CaptureFile } from "./_capture_file.ts";
import { withoutBulk } from "./_capture_sieve.ts";
import { Bulk } from "./_demo_bulk.ts";
import { DemoRekeys } from "./_demo_rekeys.ts";
import { DemoTraffic, showSpi } from "./_demo_traffic.ts";
import { KeyLogFiles } from "./_key_log_files.ts";
import type { Progress } from "./_progress.ts";
import { formatRate } from "./_units.ts";

/** Inner addresses: the initiator gets the first of the pool, the network behind the gateway has one host. */
const POOL = "10.99.0.0/24";
const HOST = new Uint8Array([192, 0, 2, 1]);

/** How long a packet may take from one end to the other and back, in milliseconds; and how long rekeys may outlast bulk. */
const ARRIVAL_TIMEOUT = 5000;

/** Packets of bulk that the capture holds of each SA: all of it would make it large and tell nothing new. */
const CAPTURED_PACKETS = 5;

/** What bulk came to. */
export interface BulkResult {
  readonly bulkPackets: number;
  readonly bulkLost: number;
  readonly bulkOctets: number;
  readonly bulkMilliseconds: number;
}

/** Both ends, and what is between them. */
export class TunnelScene {
  readonly capturePath: string;
  readonly capture: CaptureFile;
  readonly keys: KeyLogFiles;
  espSuite = "";
  session!: Session;
  readonly traffic: DemoTraffic = new DemoTraffic();
  readonly #say: (text: string) => void;
  readonly #credentials: Credentials = new Credentials();
  readonly #gateway: TunnelListener;
  #bulk: Bulk | undefined;
  #rekeys: DemoRekeys | undefined;
  /** Why the gateway stopped. */
  #failure: unknown;
  #reader!: ReadableStreamDefaultReader<Uint8Array[]>;
  #writer!: WritableStreamDefaultWriter<Uint8Array | Uint8Array[]>;

  static async open(capturePath: string, say: (text: string) => void): Promise<TunnelScene> {
    // Files first: one that cannot be written ends the program, which an open listener would keep alive.
    const capture = new CaptureFile(capturePath);
    const keys = new KeyLogFiles(capturePath.replace(/\.pcapng$/, ""));
    const listener = await listenTcp({ hostname: "127.0.0.1", port: 0 });
    return new TunnelScene(capturePath, capture, keys, listener, say);
  }

  private constructor(
    capturePath: string,
    capture: CaptureFile,
    keys: KeyLogFiles,
    listener: Listener,
    say: (text: string) => void,
  ) {
    this.#say = say;
    this.capturePath = capturePath;
    this.capture = capture;
    this.keys = keys;
    // A secret that nobody has ever seen, good for this run alone.
    const secret = globalThis.crypto.getRandomValues(new Uint8Array(32));
    const owners = [parseIdentity("carol@demo.example"), parseIdentity("gw.demo.example")];
    this.#credentials.addPreSharedKey({ secret, owners });
    this.#gateway = listen(listener, {
      crypto: runtimeCrypto(),
      credentials: this.#credentials,
      pools: { demo: { addrs: POOL } },
      configurations: [{
        name: "demo",
        local: { auth: "psk", id: "gw.demo.example" },
        remote: { auth: "psk" },
        pools: "demo",
        children: { net: { local_ts: "192.0.2.0/24" } },
      }],
      onChildEnd: (traffic) => this.traffic.handleResponderChild(traffic),
    });
    this.#serve().catch((error) => this.#failure = error);
  }

  /** Sets everything up; gives how long it took. */
  async handshake(): Promise<number> {
    const { address } = this.#gateway;
    const connection = this.capture.tap(await connectTcp(address), withoutBulk(CAPTURED_PACKETS));
    const ends = [connection.localAddress, address].map(formatAddress);
    this.#say(`initiator ${ends[0]} ══ TCP, RFC 9329 ══▶ ${ends[1]} responder\n`);
    const began = performance.now();
    this.session = await connect(connection, {
      crypto: runtimeCrypto(),
      credentials: this.#credentials,
      keyLog: (entry) => this.keys.add(entry),
      onEvent: (event) => this.#handleEvent(event),
      onChildEnd: (traffic) => this.traffic.handleInitiatorChild(traffic),
      configuration: {
        name: "demo",
        local: { auth: "psk", id: "carol@demo.example" },
        remote: { auth: "psk", id: "gw.demo.example" },
        vips: "0.0.0.0",
        children: { net: { remote_ts: "192.0.2.0/24" } },
      },
    });
    const took = performance.now() - began;
    this.#reader = this.session.readable.getReader();
    this.#writer = this.session.writable.getWriter();
    return round(took);
  }

  /** Pings the host behind the gateway; gives how many answers came. */
  async ping(count: number): Promise<number> {
    const source = this.#address;
    let answered = 0;
    for (let sequence = 1; sequence <= count; sequence++) {
      const data = globalThis.crypto.getRandomValues(new Uint8Array(56));
      const began = performance.now();
      const request = { kind: "request", source, destination: HOST, identifier: 1, sequence, data } as const;
      await this.#writer.write(emitIcmpEcho(request));
      const reply = parseIcmpEcho(await this.#receiveOne());
      if (reply?.kind !== "reply" || reply.sequence !== sequence) continue;
      answered++;
      this.#say(
        `  ping ${formatIpAddress(HOST)} from ${formatIpAddress(source)}: ${
          (performance.now() - began).toFixed(2)
        } ms`,
      );
    }
    return answered;
  }

  /** Fills the tunnel for a while, and replaces the keys of both SAs meanwhile. */
  async pushBulk(milliseconds: number, progress: Progress | undefined): Promise<BulkResult> {
    const bulk = this.#bulk = new Bulk(this.#address, HOST);
    const rekeys = this.#rekeys = new DemoRekeys(this.session, this.#say);
    const began = performance.now();
    const elapsed = () => performance.now() - began;
    while (elapsed() < milliseconds || !rekeys.done) {
      if (this.#failure !== undefined) throw this.#failure;
      if (elapsed() > milliseconds + ARRIVAL_TIMEOUT) throw late("new keys");
      await this.#writer.write(bulk.next());
      progress?.draw(Math.min(1, elapsed() / milliseconds), formatRate(bulk.octets, elapsed()));
      rekeys.handleProgress(elapsed() / milliseconds);
    }
    const last = elapsed();
    while (bulk.arrived < bulk.sent && this.#failure === undefined && elapsed() < last + ARRIVAL_TIMEOUT) {
      await pause();
    }
    if (this.#failure !== undefined) throw this.#failure;
    const took = elapsed();
    progress?.draw(1, formatRate(bulk.octets, took), true);
    this.#bulk = undefined;
    return {
      bulkPackets: bulk.arrived,
      bulkLost: bulk.sent - bulk.arrived,
      bulkOctets: bulk.octets,
      bulkMilliseconds: Math.round(took),
    };
  }

  /** Deletes the SAs. */
  async delete(): Promise<void> {
    await this.session.close();
  }

  async close(): Promise<void> {
    await this.#gateway.close();
    this.capture.close();
    this.keys.close();
  }

  get #address(): Uint8Array {
    return this.session.configuration.addresses[0]!;
  }

  async #receiveOne(): Promise<Uint8Array> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(late("a packet")), ARRIVAL_TIMEOUT);
    });
    try {
      const { value } = await Promise.race([this.#reader.read(), timeout]);
      if (value === undefined) {
        throw new TunnelError("ERR_TUNNEL_CLOSED", "Cannot go on: the session has ended");
      }
      return value[0]!;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The gateway: a host that answers pings and counts bulk. */
  async #serve(): Promise<void> {
    for await (const session of this.#gateway.sessions) {
      const writer = session.writable.getWriter();
      for await (const batch of session.readable) {
        if (this.#bulk === undefined) {
          const replies = batch.flatMap((packet) => echoReply(packet) ?? []);
          if (replies.length > 0) await writer.write(replies);
        } else for (const packet of batch) this.#bulk.check(packet);
      }
    }
  }

  #handleEvent(event: IkeEvent): void {
    this.traffic.handleEvent(event);
    this.#rekeys?.handleEvent(event);
    if (event.type === "message") {
      this.#say(`  ${event.line}`);
    } else if (event.type === "ike_sa_established") {
      const { localId, remoteId, suite, replaces } = event;
      this.#say(
        replaces === undefined
          ? `  IKE SA ${localId} ... ${remoteId}: ${suite}`
          : `  IKE SA, SPIs ${event.spiI} and ${event.spiR}, in the place of the old one`,
      );
    } else if (event.type === "child_sa_installed") {
      const { inbound, outbound, encryption, local, remote } = event.childSa;
      this.espSuite = encryption.name;
      const what = event.replaces === undefined
        ? `${encryption.name}: ${shown(local)} === ${shown(remote)}`
        : "in the place of the old one";
      this.#say(`  child SA, SPIs ${showSpi(inbound.spi)} in and ${showSpi(outbound.spi)} out, ${what}`);
    }
  }
}

function late(what: string): TunnelError {
  return new TunnelError(
    "ERR_TUNNEL_BROKEN",
    `Cannot go on: expected ${what} within ${ARRIVAL_TIMEOUT} ms, got none`,
  );
}

function shown(selectors: readonly Selector[]): string {
  return selectors.map(formatSelector).join(", ");
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}
