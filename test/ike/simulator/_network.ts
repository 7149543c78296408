/** What connects hosts: datagrams between bound addresses, and connections that carry the stream of RFC 9329. Knows nothing of IKE. */

import { datagramPath, formatEndpoint, type IkeEndpoint, type IkePath } from "../../../lib/ike/mod.ts";
import { ByteStream, type StreamQuality } from "./_byte_stream.ts";
import type { Clock } from "./_clock.ts";
import { type DatagramQuality, Datagrams } from "./_datagrams.ts";
import { FramedEnd } from "./_framed_end.ts";
import type { SimRandom } from "./_random.ts";

/** How a network treats what it carries. */
export interface NetworkQuality extends DatagramQuality, StreamQuality {
}

/** Somebody on the network. */
export interface Attached {
  /** A message came, with the marker of IKE, or of ESP; the octets are the host's. */
  handleMessage(octets: Uint8Array, path: IkePath): void;
  /** A path is gone; `fault` is what should not have happened to it. */
  handlePathLost(path: IkePath, fault?: unknown): void;
}

/** A connection with both ends, as each sees it. */
export interface Connection {
  readonly paths: readonly [IkePath, IkePath];
  readonly stream: ByteStream;
  readonly ends: readonly [FramedEnd, FramedEnd];
}

/** All that is under way between hosts. */
export class Network {
  readonly quality: NetworkQuality;
  readonly datagrams: Datagrams;
  /** What hosts send comes out as something else. */
  mutator: ((octets: Uint8Array) => Uint8Array) | null = null;
  readonly #clock: Clock;
  readonly #random: SimRandom;
  readonly #hosts: Map<string, Attached> = new Map();
  /** Those that are not broken, by the paths of both ends. */
  readonly #connections: Map<string, { readonly connection: Connection; readonly end: 0 | 1 }> = new Map();
  #nextPort = 40_000;

  constructor(clock: Clock, random: SimRandom, quality: NetworkQuality) {
    this.#clock = clock;
    this.#random = random;
    this.quality = quality;
    this.datagrams = new Datagrams(clock, random, quality);
  }

  /** How much is under way. */
  get size(): number {
    const streams = new Set([...this.#connections.values()].map(({ connection }) => connection.stream));
    return this.datagrams.size + [...streams].reduce((sum, { size }) => sum + size, 0);
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#connections.size / 2;
  }

  /** Puts a host on the network, at a port of UDP and, as one who answers, of TCP. */
  attach(at: IkeEndpoint, host: Attached): void {
    this.#hosts.set(formatEndpoint(at), host);
    this.datagrams.bind(at, (octets, from) => host.handleMessage(octets, datagramPath(at, from)));
  }

  /** Opens a connection. */
  connect(from: Uint8Array, to: IkeEndpoint): Connection {
    const local = { address: from, port: this.#nextPort++ };
    const outside = this.datagrams.outsideOf(local);
    const id = `${formatEndpoint(local)} ${formatEndpoint(to)}`;
    const paths: [IkePath, IkePath] = [
      { id: `tcp dialled ${id}`, reliable: true, local, remote: to },
      { id: `tcp accepted ${id}`, reliable: true, local: to, remote: outside },
    ];
    const stream = new ByteStream(this.#clock, this.#random, this.quality);
    const hosts = [
      this.#hosts.get(addressKey(from, this.#hosts))!,
      this.#hosts.get(formatEndpoint(to))!,
    ] as const;
    const endOf = (end: 0 | 1) =>
      new FramedEnd(stream, end, {
        handleMessage: (octets) => hosts[end].handleMessage(octets, paths[end]),
        handleLost: (fault) => {
          this.#connections.delete(paths[end].id);
          hosts[end].handlePathLost(paths[end], stream.damaged ? undefined : fault);
        },
      });
    const connection: Connection = { paths, stream, ends: [endOf(0), endOf(1)] };
    for (const end of [0, 1] as const) this.#connections.set(paths[end].id, { connection, end });
    return connection;
  }

  /** The connection that a path belongs to; undefined for one that its end knows to be gone. */
  connectionOf(path: IkePath): Connection | undefined {
    return this.#connections.get(path.id)?.connection;
  }

  /** Sends a message with its marker, or an ESP packet; where there is no path any more it goes nowhere. */
  send(path: IkePath, meant: Uint8Array): void {
    const octets = this.mutator === null ? meant : this.mutator(meant);
    if (!path.reliable) return this.datagrams.send(path.local, path.remote, octets);
    const known = this.#connections.get(path.id);
    known?.connection.ends[known.end].send(octets);
  }
}

/** The host that has an address, whatever its port. */
function addressKey(address: Uint8Array, hosts: ReadonlyMap<string, unknown>): string {
  const prefix = formatEndpoint({ address, port: 0 }).slice(0, -1);
  return [...hosts.keys()].find((key) => key.startsWith(prefix))!;
}
