/** UDP over `node:dgram`, for Node and Bun, and for Deno without `--unstable-net`. */

import { createSocket, type RemoteInfo, type Socket } from "node:dgram";

import { type TransportAddress, unmapAddress } from "../transport/address.ts";
import { DATAGRAM_OVERHEAD, DatagramQueue } from "../transport/datagram_queue.ts";
import { DatagramSendQueue } from "../transport/datagram_send_queue.ts";
import type { Datagram, DatagramCounters, DatagramEndpoint, UdpOptions } from "../transport/types.ts";
import { AddressCache, DestinationCheck, isIpv6, planUdp, type UdpPlan } from "./_udp_options.ts";
import { toTransportError } from "./errors.ts";

/** Opens a UDP endpoint. */
export async function openUdp(options: UdpOptions = {}): Promise<DatagramEndpoint> {
  const plan = await planUdp(options);
  const ipv6 = isIpv6(plan.local);
  // Never a recvBufferSize: in Deno it makes most datagrams get lost. Addresses are not looked up again.
  const socket = createSocket({
    type: ipv6 ? "udp6" : "udp4",
    lookup: (hostname, _options, callback) => callback(null, hostname, ipv6 ? 6 : 4),
  });
  try {
    await bind(socket, plan, ipv6);
    options.signal?.throwIfAborted();
  } catch (error) {
    socket.close();
    if (options.signal?.aborted) throw options.signal.reason;
    throw toTransportError(error, plan.action);
  }
  return new NodeUdpEndpoint(socket, plan, options, ipv6);
}

function bind(socket: Socket, plan: UdpPlan, ipv6: boolean): Promise<void> {
  const { local, remote } = plan;
  return new Promise((resolve, reject) => {
    const settle = (error?: Error) => {
      socket.removeListener("error", settle);
      if (error) reject(error);
      else resolve();
    };
    socket.once("error", settle);
    socket.bind({ address: local.hostname, port: local.port, exclusive: true }, () => {
      if (remote === undefined) settle();
      else socket.connect(remote.port, toFamily(remote.hostname, ipv6), settle);
    });
  });
}

/** IPv4 as an IPv6 socket writes it. */
function toFamily(hostname: string, ipv6: boolean): string {
  return ipv6 && !hostname.includes(":") ? `::ffff:${hostname}` : hostname;
}

class NodeUdpEndpoint implements DatagramEndpoint {
  readonly readable: ReadableStream<Datagram[]>;
  readonly localAddress: TransportAddress;
  readonly counters: DatagramCounters = { receiveDropped: 0, sendDropped: 0, sendFailed: 0 };

  readonly #socket: Socket;
  readonly #queue: DatagramQueue;
  readonly #destination: DestinationCheck;
  readonly #connected: boolean;
  readonly #ipv6: boolean;
  readonly #sending: DatagramSendQueue;
  readonly #signal: AbortSignal | undefined;
  readonly #handleAbort: () => void;
  readonly #senders: AddressCache = new AddressCache();
  #turn = false;
  #closed: Promise<void> | undefined;

  constructor(socket: Socket, plan: UdpPlan, options: UdpOptions, ipv6: boolean) {
    this.#socket = socket;
    this.#ipv6 = ipv6;
    this.#connected = plan.remote !== undefined;
    this.#destination = new DestinationCheck(plan.remote);
    this.#sending = new DatagramSendQueue(plan.maxSendQueue);
    this.#queue = new DatagramQueue({ limit: options.maxReceiveQueue, cancelled: () => this.close() });
    this.readable = this.#queue.readable;
    const bound = socket.address();
    this.localAddress = { hostname: unmapAddress(bound.address), port: bound.port };
    socket.on("message", (data, from) => this.#handleMessage(data, from));
    // What the network answers to an earlier datagram (nobody listens there); the endpoint goes on.
    socket.on("error", () => this.counters.sendFailed++);
    this.#signal = options.signal;
    this.#handleAbort = () => void this.close();
    this.#signal?.addEventListener("abort", this.#handleAbort, { once: true });
  }

  get ready(): Promise<void> | undefined {
    return this.#sending.ready;
  }

  send(data: Uint8Array, to?: TransportAddress): void {
    const { hostname, port } = this.#destination.resolve(to);
    const length = data.byteLength;
    const octets = length + DATAGRAM_OVERHEAD;
    if (this.#closed !== undefined || !this.#sending.enter(octets)) {
      this.counters.sendDropped++;
      return;
    }
    const sent = (error: Error | null) => {
      this.#sending.leave(octets);
      if (error) this.counters.sendFailed++;
    };
    try {
      if (this.#connected) this.#socket.send(data, 0, length, sent);
      else this.#socket.send(data, 0, length, port, toFamily(hostname, this.#ipv6), sent);
    } catch (error) {
      sent(error as Error);
    }
  }

  close(): Promise<void> {
    return this.#closed ??= new Promise((resolve) => {
      this.#signal?.removeEventListener("abort", this.#handleAbort);
      this.#queue.handleEnd();
      this.#sending.handleEnd();
      this.#socket.close(() => resolve());
    });
  }

  #handleMessage(data: Uint8Array, from: RemoteInfo): void {
    const datagram = {
      data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      from: this.#senders.get(from.address, from.port, unmapAddress),
    };
    if (!this.#queue.handleDatagram(datagram)) this.counters.receiveDropped++;
    if (this.#turn) return;
    // Everything that this turn of the event loop brings becomes one batch.
    this.#turn = true;
    setImmediate(() => {
      this.#turn = false;
      this.#queue.handleTurn();
    });
  }
}
