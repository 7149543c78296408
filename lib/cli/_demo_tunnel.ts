/**
 * `iketcp demo`: two IKEv2 engines in one process with a real TCP connection between them. They set up an IKE SA and a child SA,
 * packets cross, and the SAs are deleted; a capture and its keys are left to look at.
 */

import process from "node:process";
import { TunnelError } from "../errors.ts";
import { Credentials, parseIdentity } from "../ike/auth/mod.ts";
import { formatSelector, type IkeEvent, type Selector } from "../ike/mod.ts";
import { echoReply, emitIcmpEcho, formatIpAddress, parseIcmpEcho } from "../ip/mod.ts";
import { connectTcp, listenTcp, runtimeCrypto, runtimeName } from "../runtime/mod.ts";
import { formatAddress, type Listener } from "../transport/mod.ts";
import { connect, listen, type Session, type TunnelListener } from "../tunnel/mod.ts";
import { CaptureFile } from "./_capture_file.ts";
import { Bulk } from "./_demo_bulk.ts";
import { resolvePath } from "./_program.ts";
import { KeyLogFiles } from "./_key_log_files.ts";
import { Progress } from "./_progress.ts";
import { formatRate, formatSize } from "./_units.ts";
import type { DemoOptions } from "./demo.ts";

/** Inner addresses: the initiator gets the first of the pool, the network behind the gateway has one host. */
const POOL = "10.99.0.0/24";
const HOST = new Uint8Array([192, 0, 2, 1]);

const PINGS = 5;
/** How long a packet may take from one end to the other and back, in milliseconds. */
const ARRIVAL_TIMEOUT = 5000;

/** What the demo found out. */
interface TunnelDemoResult {
  readonly runtime: string;
  readonly ikeSuite: string;
  readonly espSuite: string;
  readonly handshakeMilliseconds: number;
  readonly pings: number;
  readonly bulkPackets: number;
  readonly bulkLost: number;
  readonly bulkOctets: number;
  readonly bulkMilliseconds: number;
  readonly capture: string;
  readonly keys: readonly string[];
}

/** Runs it. */
export async function runTunnelDemo(options: DemoOptions): Promise<void> {
  const say = options.json ? () => {} : (text: string) => console.log(text);
  const scene = await Scene.open(resolvePath(options.capture), say);
  try {
    const handshakeMilliseconds = await scene.handshake();
    const pings = await scene.ping();
    scene.capture.pause(); // bulk would make the file large and tell nothing new
    const bulk = await scene.pushBulk(options.seconds, options.json ? undefined : new Progress("bulk"));
    scene.capture.resume();
    await scene.delete();
    const result: TunnelDemoResult = {
      runtime: runtimeName(),
      ikeSuite: scene.session.established.suite,
      espSuite: scene.espSuite,
      handshakeMilliseconds,
      pings,
      ...bulk,
      capture: scene.capturePath,
      keys: scene.keys.paths,
    };
    if (options.json) console.log(JSON.stringify(result));
    else say(summary(result));
    if (result.bulkLost > 0 || result.pings < PINGS) process.exitCode = 1;
  } finally {
    await scene.close();
  }
}

/** Both ends, and what is between them. */
class Scene {
  readonly capturePath: string;
  readonly capture: CaptureFile;
  readonly keys: KeyLogFiles;
  espSuite = "";
  session!: Session;
  readonly #say: (text: string) => void;
  readonly #credentials: Credentials = new Credentials();
  readonly #gateway: TunnelListener;
  #bulk: Bulk | undefined;
  #reader!: ReadableStreamDefaultReader<Uint8Array[]>;
  #writer!: WritableStreamDefaultWriter<Uint8Array | Uint8Array[]>;

  static async open(capturePath: string, say: (text: string) => void): Promise<Scene> {
    // Files first: one that cannot be written ends the program, which an open listener would keep alive.
    const capture = new CaptureFile(capturePath);
    const keys = new KeyLogFiles(capturePath.replace(/\.pcapng$/, ""));
    const listener = await listenTcp({ hostname: "127.0.0.1", port: 0 });
    return new Scene(capturePath, capture, keys, listener, say);
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
    });
    this.#serve();
  }

  /** Sets everything up; gives how long it took. */
  async handshake(): Promise<number> {
    const { address } = this.#gateway;
    const connection = this.capture.tap(await connectTcp(address));
    const ends = [connection.localAddress, address].map(formatAddress);
    this.#say(`initiator ${ends[0]} ══ TCP, RFC 9329 ══▶ ${ends[1]} responder\n`);
    const began = performance.now();
    this.session = await connect(connection, {
      crypto: runtimeCrypto(),
      credentials: this.#credentials,
      keyLog: (entry) => this.keys.add(entry),
      onEvent: (event) => this.#tell(event),
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
  async ping(): Promise<number> {
    const source = this.#address;
    let answered = 0;
    for (let sequence = 1; sequence <= PINGS; sequence++) {
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

  /** Fills the tunnel for a while. */
  async pushBulk(
    milliseconds: number,
    progress: Progress | undefined,
  ): Promise<
    Pick<TunnelDemoResult, "bulkPackets" | "bulkLost" | "bulkOctets" | "bulkMilliseconds">
  > {
    const bulk = this.#bulk = new Bulk(this.#address, HOST);
    const began = performance.now();
    const elapsed = () => performance.now() - began;
    while (elapsed() < milliseconds) {
      await this.#writer.write(bulk.next());
      progress?.draw(elapsed() / milliseconds, formatRate(bulk.octets, elapsed()));
    }
    while (bulk.arrived < bulk.sent && elapsed() < milliseconds + ARRIVAL_TIMEOUT) await pause();
    const took = elapsed();
    progress?.draw(1, formatRate(bulk.octets, took), true);
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
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () =>
          reject(
            new TunnelError(
              "ERR_TUNNEL_BROKEN",
              `Cannot go on: expected a packet within ${ARRIVAL_TIMEOUT} ms, got none`,
            ),
          ),
        ARRIVAL_TIMEOUT,
      );
    });
    try {
      const { value } = await Promise.race([this.#reader.read(), late]);
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

  #tell(event: IkeEvent): void {
    if (event.type === "message") {
      this.#say(`  ${event.line}`);
    } else if (event.type === "ike_sa_established") {
      this.#say(`  IKE SA ${event.localId} ... ${event.remoteId}: ${event.suite}`);
    } else if (event.type === "child_sa_installed") {
      const { inbound, outbound, encryption, local, remote } = event.childSa;
      this.espSuite = encryption.name;
      this.#say(
        `  child SA, SPIs ${spi(inbound.spi)} in and ${spi(outbound.spi)} out, ${encryption.name}: ${
          shown(local)
        } === ${shown(remote)}`,
      );
    }
  }
}

function summary(result: TunnelDemoResult): string {
  const { bulkOctets, bulkMilliseconds, bulkPackets, bulkLost, capture, keys } = result;
  return [
    "",
    `Handshake in ${result.handshakeMilliseconds} ms, ${result.pings} of ${PINGS} pings answered.`,
    `${bulkPackets} packets of bulk, every octet checked: ${formatSize(bulkOctets)} in ${
      (bulkMilliseconds / 1000).toFixed(1)
    } s, ${
      formatRate(bulkOctets, bulkMilliseconds)
    } on ${result.runtime}, both ends in one process; ${bulkLost} lost.`,
    `The TCP connection without the bulk is in ${capture}. Read it, decrypted, with:`,
    `npm run -s iketcp -- decode ${capture} ${keys.map((path) => `--keys ${path}`).join(" ")}`,
  ].join("\n");
}

function shown(selectors: readonly Selector[]): string {
  return selectors.map(formatSelector).join(", ");
}

function spi(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}
