/**
 * UDP over `Deno.listenDatagram`, which receives some thirty times as fast as Deno's `node:dgram`, and which only
 * exists with `--unstable-net`; without it, `node:dgram` serves.
 *
 * Deno has no connected UDP sockets: a `remote` is a filter here, and that nobody listens there is not reported.
 */

import { type TransportAddress, unmapAddress } from "../transport/address.ts";
import { DATAGRAM_OVERHEAD, DatagramQueue } from "../transport/datagram_queue.ts";
import { DatagramSendQueue } from "../transport/datagram_send_queue.ts";
import type { Datagram, DatagramCounters, DatagramEndpoint, UdpOptions } from "../transport/types.ts";
import { deno, type DenoAddress, type DenoDatagramConn } from "./_deno.ts";
import { copyOut } from "./_slab.ts";
import { AddressCache, DestinationCheck, planUdp, type UdpPlan } from "./_udp_options.ts";
import { toTransportError } from "./errors.ts";

/** The longest datagram: a shorter buffer would cut it off without a word. */
const MAX_DATAGRAM = 65536;

let noticed = false;

/** Opens a UDP endpoint. */
export async function openUdp(options: UdpOptions = {}): Promise<DatagramEndpoint> {
  const api = deno();
  if (api.listenDatagram === undefined) {
    if (!noticed) {
      console.error("iketcp: UDP is slow in Deno without --unstable-net (some 4000 datagrams per second)");
    }
    noticed = true;
    const node = await import("./node_udp.ts");
    return node.openUdp(options);
  }
  const plan = await planUdp(options);
  const { hostname, port } = plan.local;
  try {
    return new DenoUdpEndpoint(api.listenDatagram({ hostname, port, transport: "udp" }), plan, options);
  } catch (error) {
    throw toTransportError(error, plan.action);
  }
}

class DenoUdpEndpoint implements DatagramEndpoint {
  readonly readable: ReadableStream<Datagram[]>;
  readonly localAddress: TransportAddress;
  readonly counters: DatagramCounters = { receiveDropped: 0, sendDropped: 0, sendFailed: 0 };

  readonly #conn: DenoDatagramConn;
  readonly #queue: DatagramQueue;
  readonly #remote: TransportAddress | undefined;
  readonly #destination: DestinationCheck;
  readonly #unsent: DatagramSendQueue;
  readonly #signal: AbortSignal | undefined;
  readonly #handleAbort: () => void;
  readonly #senders: AddressCache = new AddressCache();
  readonly #receiving: Promise<void>;
  #sending: Promise<void> | undefined;
  #outbox: { data: Uint8Array; to: DenoAddress & { transport: "udp" } }[] = [];
  #turn = false;
  #closed: Promise<void> | undefined;

  constructor(conn: DenoDatagramConn, plan: UdpPlan, options: UdpOptions) {
    this.#conn = conn;
    this.#remote = plan.remote;
    this.#destination = new DestinationCheck(plan.remote);
    this.#unsent = new DatagramSendQueue(plan.maxSendQueue);
    this.#queue = new DatagramQueue({ limit: options.maxReceiveQueue, cancelled: () => this.close() });
    this.readable = this.#queue.readable;
    this.localAddress = { hostname: unmapAddress(conn.addr.hostname), port: conn.addr.port };
    this.#signal = options.signal;
    this.#handleAbort = () => void this.close();
    this.#signal?.addEventListener("abort", this.#handleAbort, { once: true });
    this.#receiving = this.#receiveUntilClosed();
  }

  get ready(): Promise<void> | undefined {
    return this.#unsent.ready;
  }

  send(data: Uint8Array, to?: TransportAddress): void {
    const { hostname, port } = this.#destination.resolve(to);
    const octets = data.byteLength + DATAGRAM_OVERHEAD;
    if (this.#closed !== undefined || !this.#unsent.enter(octets)) {
      this.counters.sendDropped++;
      return;
    }
    this.#outbox.push({ data, to: { transport: "udp", hostname, port } });
    this.#sending ??= this.#sendOutbox();
  }

  /** One after the other: Deno sends datagrams that are given to it together in any order. */
  async #sendOutbox(): Promise<void> {
    while (this.#outbox.length > 0) {
      const batch = this.#outbox;
      this.#outbox = [];
      for (const { data, to } of batch) {
        try {
          await this.#conn.send(data, to);
        } catch {
          if (this.#closed === undefined) this.counters.sendFailed++;
          else this.counters.sendDropped++;
        }
        this.#unsent.leave(data.byteLength + DATAGRAM_OVERHEAD);
      }
    }
    this.#sending = undefined;
  }

  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#handleAbort);
    this.#queue.handleEnd();
    this.#unsent.handleEnd();
    this.#conn.close();
    await this.#receiving;
    await this.#sending;
  }

  async #receiveUntilClosed(): Promise<void> {
    const buffer = new Uint8Array(MAX_DATAGRAM);
    while (this.#closed === undefined) {
      try {
        const [data, from] = await this.#conn.receive(buffer);
        this.#handleMessage(data, from);
      } catch {
        // Closed; anything else concerns an earlier datagram, and the endpoint goes on, a turn later.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  #handleMessage(data: Uint8Array, address: DenoAddress): void {
    const from = this.#senders.get(address.hostname, address.port, unmapAddress);
    if (
      this.#remote !== undefined &&
      (from.port !== this.#remote.port || from.hostname !== this.#remote.hostname)
    ) return;
    if (!this.#queue.handleDatagram({ data: copyOut(data, data.byteLength), from })) {
      this.counters.receiveDropped++;
    }
    if (this.#turn) return;
    this.#turn = true;
    setImmediate(() => {
      this.#turn = false;
      this.#queue.handleTurn();
    });
  }
}
