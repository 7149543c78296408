/**
 * Every stream carrier that the runtime has, against the plain TCP of the same run: bulk in one direction, a round trip of a
 * small message, and opening a connection. Both ends are in one process, so a figure is the work of both.
 */

import { createHash, X509Certificate } from "node:crypto";
import { CARRIERS, checkListen, connectCarrier, listenCarrier } from "../lib/runtime/mod.ts";
import {
  type CarrierConnectOptions,
  type CarrierScheme,
  type CarrierUrl,
  type Connection,
  type Listener,
  parseCarrierUrl,
} from "../lib/transport/mod.ts";
import { CA, identity } from "../test/_support/certificates.ts";
import { Bench, Rounds, startClock } from "./_harness.ts";
import { CHUNK_LENGTH, sinkOf, sourceOf } from "./_traffic.ts";

const SCHEMES: readonly CarrierScheme[] = ["tcp", "tls", "ws", "wss", "https"];

const server = identity("server");
const pin = [createHash("sha256").update(new X509Certificate(server.cert).raw).digest("hex")];

const bench = new Bench();
/** Chunks of 64 KiB in a transfer, round trips, and connections. */
const chunks = bench.quick ? 512 : 4096;
const trips = bench.quick ? 200 : 1000;
const opens = bench.quick ? 20 : 100;

/** A carrier with a listener that sends everything back, or counts it. */
class Subject {
  readonly scheme: CarrierScheme;
  readonly #url: CarrierUrl;
  readonly #listener: Listener;
  readonly #accepted: ReadableStreamDefaultReader<Connection>;

  private constructor(scheme: CarrierScheme, url: CarrierUrl, listener: Listener) {
    this.scheme = scheme;
    this.#url = url;
    this.#listener = listener;
    this.#accepted = listener.connections.getReader();
  }

  static async open(scheme: CarrierScheme): Promise<Subject> {
    const url = urlOf(scheme);
    const listener = await listenCarrier(url, { tls: server });
    return new Subject(scheme, { ...url, port: listener.address.port }, listener);
  }

  /** Both ends of a new connection. WebTransport's other end is there with the first octet. */
  async pair(): Promise<readonly [Connection, Connection]> {
    const accepting = this.#accepted.read();
    const client = await connectCarrier(this.#url, connectOptions(this.scheme));
    return [client, (await accepting).value!];
  }

  close(): Promise<void> {
    return this.#listener.close();
  }
}

function urlOf(scheme: CarrierScheme): CarrierUrl {
  const path = scheme === "tcp" || scheme === "tls" ? "" : "/vpn";
  return parseCarrierUrl(`${scheme}://127.0.0.1:0${path}`, { listen: true });
}

function connectOptions(scheme: CarrierScheme): CarrierConnectOptions {
  return { tls: scheme === "https" ? { pin } : { ca: CA, sni: "localhost" } };
}

function isThere(scheme: CarrierScheme): boolean {
  if (CARRIERS[scheme].kind !== "stream") return false;
  try {
    checkListen(urlOf(scheme), { tls: server });
    return true;
  } catch {
    return false;
  }
}

/** Nanoseconds an octet. */
async function bulk(subject: Subject): Promise<number> {
  const [client, accepted] = await subject.pair();
  let received = 0;
  const clock = startClock();
  await Promise.all([
    sourceOf([new Uint8Array(CHUNK_LENGTH)], chunks).pipeTo(client.writable),
    accepted.readable.pipeTo(sinkOf((chunk) => received += chunk.byteLength)),
  ]);
  const { busy } = clock();
  if (received !== chunks * CHUNK_LENGTH) throw new Error(`Cannot count ${subject.scheme}: got ${received}`);
  await Promise.all([client.close(), accepted.close()]);
  return 1e9 * busy / received;
}

/** Seconds a round trip of 64 octets. */
async function roundTrip(subject: Subject): Promise<number> {
  const [client, accepted] = await subject.pair();
  const echo = accepted.readable.pipeTo(accepted.writable).catch(() => {});
  const writer = client.writable.getWriter();
  const reader = client.readable.getReader();
  const message = new Uint8Array(64);
  const clock = startClock();
  for (let trip = 0; trip < trips; trip++) {
    writer.write(message);
    for (let left = message.length; left > 0;) left -= (await reader.read()).value!.byteLength;
  }
  const { wall } = clock();
  await writer.close();
  await reader.cancel();
  await echo;
  await Promise.all([client.close(), accepted.close()]);
  return wall / trips;
}

/** Seconds to open and close a connection, one after the other. */
async function opening(subject: Subject): Promise<number> {
  let busy = 0;
  for (let i = 0; i < opens; i++) {
    const clock = startClock();
    const [client, accepted] = await subject.pair();
    busy += clock().busy;
    await Promise.all([client.close(), accepted.close()]);
  }
  return busy / opens;
}

const measures = [
  { name: "bulk", run: bulk, unit: "GB/s", figure: (cost: number) => 1 / cost, ratio: (r: number) => 1 / r },
  {
    name: "round trip",
    run: roundTrip,
    unit: "µs",
    figure: (cost: number) => 1e6 * cost,
    ratio: (r: number) => r,
  },
  {
    name: "opening",
    run: opening,
    unit: "ms",
    figure: (cost: number) => 1e3 * cost,
    ratio: (r: number) => r,
  },
] as const;

const schemes = SCHEMES.filter(isThere);
for (const { name, run, unit, figure, ratio } of measures) {
  const nameOf = (scheme: CarrierScheme) => `carriers/${name}, ${scheme}`;
  await bench.group(schemes.map(nameOf), async () => {
    const subjects = await Promise.all(schemes.map((scheme) => Subject.open(scheme)));
    const runs = Object.fromEntries(subjects.map((subject) => [subject.scheme, () => run(subject)]));
    const rounds = await Rounds.run(runs as Record<CarrierScheme, () => Promise<number>>, bench.rounds);
    for (const { scheme } of subjects) {
      const to = { name: nameOf("tcp"), ratio: ratio(rounds.ratio(scheme, "tcp")) };
      bench.row(nameOf(scheme), figure(rounds.cost(scheme)), unit, scheme === "tcp" ? {} : { to });
    }
    await Promise.all(subjects.map((subject) => subject.close()));
  });
}
