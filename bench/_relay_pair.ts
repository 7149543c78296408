/** Two daemons that this process plays, and a pair of relays between them, in two processes. */

import { openUdp } from "../lib/runtime/mod.ts";
import type { TransportAddress } from "../lib/transport/address.ts";
import type { DatagramEndpoint } from "../lib/transport/types.ts";
import { median, startClock } from "./_harness.ts";
import { Peer } from "./_peer.ts";
import { HOST } from "./_raw_sockets.ts";
import type { RelayPeerCalls } from "./_relay_peer.ts";
import { makeMessage, PACKET_LENGTH } from "./_traffic.ts";

/** Datagrams on the way at most: no more than socket buffers hold. */
const WINDOW = 64;

/** Milliseconds without an arrival after which what is missing is lost. */
const PATIENCE = 2000;

/** Daemon, relay, relay, daemon. */
export class RelayPair {
  readonly #client: DatagramEndpoint;
  readonly #daemon: DatagramEndpoint;
  readonly #peers: readonly Peer<RelayPeerCalls>[];
  readonly #message: Uint8Array = makeMessage(PACKET_LENGTH);
  /** Called for what arrives at the daemon and at the client. */
  #handleArrivals: (count: number, from: TransportAddress) => void = () => {};
  #handleEcho: () => void = () => {};

  static async open(plain: boolean): Promise<RelayPair> {
    const daemon = await openUdp({ local: { hostname: HOST, port: 0 } });
    const peers = [
      new Peer<RelayPeerCalls>("_relay_peer.ts"),
      new Peer<RelayPeerCalls>("_relay_peer.ts"),
    ] as const;
    const tcp = await peers[1].call("tcpToUdp", { plain, port: daemon.localAddress.port });
    const udp = await peers[0].call("udpToTcp", { plain, port: tcp });
    const client = await openUdp({ remote: { hostname: HOST, port: udp } });
    return new RelayPair(client, daemon, peers);
  }

  private constructor(
    client: DatagramEndpoint,
    daemon: DatagramEndpoint,
    peers: readonly Peer<RelayPeerCalls>[],
  ) {
    this.#client = client;
    this.#daemon = daemon;
    this.#peers = peers;
    this.#receive(daemon, (count, from) => this.#handleArrivals(count, from));
    this.#receive(client, () => this.#handleEcho());
  }

  /** Sends so many from the client to the daemon; gives seconds a datagram, and CPU seconds of the relays. */
  async push(count: number): Promise<{ wall: number; cpu: number }> {
    const cpuBefore = await this.#cpu();
    const clock = startClock();
    let sent = 0;
    let arrived = 0;
    await new Promise<void>((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout>;
      const wait = () => {
        timer = setTimeout(() => {
          reject(
            new Error(`Cannot count datagrams: expected ${sent}, got ${arrived} (the others were lost)`),
          );
        }, PATIENCE);
      };
      const fill = () => {
        while (sent < count && sent - arrived < WINDOW) {
          sent++;
          this.#client.send(this.#message);
        }
      };
      this.#handleArrivals = (fresh) => {
        arrived += fresh;
        clearTimeout(timer);
        if (arrived === count) return resolve();
        wait();
        fill();
      };
      wait();
      fill();
    });
    const { wall } = clock();
    const cpu = await this.#cpu() - cpuBefore;
    return { wall: wall / count, cpu: cpu / count };
  }

  /** Sends one at a time, and the daemon sends it back; gives the median round trip in seconds. */
  async ping(count: number): Promise<number> {
    this.#handleArrivals = (_fresh, from) => this.#daemon.send(this.#message, from);
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      const start = performance.now();
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error("Cannot ping: expected an echo, got none")),
          PATIENCE,
        );
        this.#handleEcho = () => {
          clearTimeout(timer);
          resolve();
        };
        this.#client.send(this.#message);
      });
      times.push((performance.now() - start) / 1e3);
    }
    return median(times);
  }

  async close(): Promise<void> {
    for (const peer of this.#peers) peer.close();
    await Promise.all([this.#client.close(), this.#daemon.close()]);
  }

  async #cpu(): Promise<number> {
    const seconds = await Promise.all(this.#peers.map((peer) => peer.call("cpu")));
    return seconds.reduce((sum, cpu) => sum + cpu, 0);
  }

  async #receive(
    endpoint: DatagramEndpoint,
    handle: (count: number, from: TransportAddress) => void,
  ): Promise<void> {
    for await (const batch of endpoint.readable) handle(batch.length, batch[0]!.from);
  }
}
