/** A network without packets: datagrams that get lost, doubled and overtaken, and streams that keep their order until they are reset. */

import { datagramPath, type IkePath } from "../../../lib/ike/mod.ts";
import type { SimRandom } from "./_random.ts";

/** How a network treats what it carries. */
export interface NetworkQuality {
  /** Share of datagrams that get lost. */
  loss: number;
  /** Share that comes twice. */
  duplication: number;
  /** Share that takes up to `late` milliseconds longer. */
  reordering: number;
  /** Milliseconds that everything takes, and what chance adds. */
  readonly delay: readonly [number, number];
  /** Milliseconds that something may be late. */
  readonly late: number;
  /** Octets a datagram may have; longer ones get lost. */
  readonly mtu: number;
}

/** Something that arrives. */
export interface Arrival<Host> {
  readonly at: number;
  readonly to: Host;
  /** As the receiver sees it. */
  readonly path: IkePath;
  readonly octets: Uint8Array;
}

/** One way between two hosts. */
interface Route<Host> {
  readonly to: Host;
  readonly path: IkePath;
  /** Of a stream; datagrams need none. */
  readonly stream?: Stream;
  /** When the last message arrives: on a stream nothing overtakes. */
  last: number;
}

interface Stream {
  open: boolean;
}

interface Queued<Host> extends Arrival<Host> {
  readonly order: number;
  readonly route: Route<Host>;
}

/** All that is under way. */
export class Network<Host> {
  readonly quality: NetworkQuality;
  readonly #random: SimRandom;
  readonly #routes: Map<string, Route<Host>> = new Map();
  readonly #streams: Map<string, Stream> = new Map();
  #queue: Queued<Host>[] = [];
  #order = 0;
  #opened = 0;

  constructor(random: SimRandom, quality: NetworkQuality) {
    this.#random = random;
    this.quality = quality;
  }

  /** When something arrives next. */
  get next(): number {
    return this.#queue[0]?.at ?? Infinity;
  }

  /** How much is under way. */
  get size(): number {
    return this.#queue.length;
  }

  /** Connects two hosts; gives the path as each of them sees it. */
  connect(
    [a, addressA]: readonly [Host, Uint8Array],
    [b, addressB]: readonly [Host, Uint8Array],
    reliable: boolean,
  ): [IkePath, IkePath] {
    const port = reliable ? 40_000 + ++this.#opened : 4500;
    const [local, remote] = [{ address: addressA, port }, { address: addressB, port: 4500 }];
    const paths: [IkePath, IkePath] = reliable
      ? [
        { id: `stream ${port} dialled`, reliable, local, remote },
        { id: `stream ${port} accepted`, reliable, local: remote, remote: local },
      ]
      : [datagramPath(local, remote), datagramPath(remote, local)];
    const stream = reliable ? { open: true } : undefined;
    const route = (to: Host, path: IkePath): Route<Host> => ({
      to,
      path,
      last: 0,
      ...(stream && { stream }),
    });
    this.#routes.set(paths[0].id, route(b, paths[1]));
    this.#routes.set(paths[1].id, route(a, paths[0]));
    if (stream !== undefined) { for (const { id } of paths) this.#streams.set(id, stream); }
    return paths;
  }

  /** A stream is reset: what has not arrived whole never will. */
  reset(path: IkePath): void {
    const stream = this.#streams.get(path.id);
    if (stream === undefined) return;
    stream.open = false;
    this.#queue = this.#queue.filter(({ route }) => route.stream !== stream);
  }

  /** Sends octets on a path of the sender's. */
  send(path: IkePath, octets: Uint8Array, now: number): void {
    const route = this.#routes.get(path.id);
    if (route === undefined) return;
    const [least, more] = this.quality.delay;
    const at = now + least + this.#random.below(more + 1);
    if (route.stream !== undefined) {
      if (!route.stream.open) return;
      route.last = Math.max(route.last, at);
      return this.#add(route, octets, route.last);
    }
    const { loss, duplication, reordering, late, mtu } = this.quality;
    if (octets.length > mtu || this.#random.chance(loss)) return;
    const copies = this.#random.chance(duplication) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const later = this.#random.chance(reordering) ? this.#random.below(late) : 0;
      this.#add(route, octets, at + later);
    }
  }

  /** The next arrival. */
  take(): Arrival<Host> {
    return this.#queue.shift()!;
  }

  #add(route: Route<Host>, octets: Uint8Array, at: number): void {
    const entry = { at, to: route.to, path: route.path, octets, order: this.#order++, route };
    let index = this.#queue.length;
    while (index > 0 && this.#queue[index - 1]!.at > at) index--;
    this.#queue.splice(index, 0, entry);
  }
}
