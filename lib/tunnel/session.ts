/**
 * A tunnel to one peer: IP packets in and out. A session outlives rekeys; it ends with its IKE SA, or when either end closes it.
 */

import {
  EspDecryptor,
  type EspDecryptorCounters,
  EspEncryptor,
  type EspEncryptorCounters,
  type PacketChunk,
} from "../esp/mod.ts";
import { TunnelError } from "../errors.ts";
import type {
  AssignedConfiguration,
  ChildSaId,
  ChildSaInstalled,
  IkeInput,
  IkePath,
  IkeSaEstablished,
  IkeSaId,
} from "../ike/mod.ts";
import { ChildSas, type ChildSasOptions, type ChildSaTraffic } from "./child_sas.ts";
import { readSpi } from "./link.ts";
import { DEFAULT_PACKET_QUEUE, PacketQueue } from "./packet_queue.ts";

/** How sessions treat packets. */
export interface SessionOptions
  extends Pick<ChildSasOptions, "crypto" | "random" | "replayWindow" | "onChildEnd"> {
  /** The longest inner packet that must not be fragmented (default: 1400). */
  readonly mtu?: number;
  /** Whether the MSS of TCP SYNs is lowered to what the MTU leaves (default: true). */
  readonly clampMss?: boolean;
  /** Octets of received packets that may wait for a reader (default: 1 MiB). */
  readonly maxQueuedOctets?: number;
}

/** What a session needs of its endpoint. */
export interface SessionHost {
  /** Feeds the engine. */
  handle(input: IkeInput): void;
  /** Sends ESP packets that have room for their Lengths in front; a promise holds the writer back. */
  sendEsp(path: IkePath, packets: Uint8Array[]): Promise<void> | void;
}

/** What a session has carried. */
export interface SessionCounters {
  /** Packets that came in. */
  readonly received: EspDecryptorCounters;
  /** Packets that went out. */
  readonly sent: EspEncryptorCounters;
  /** Received packets that nobody read in time. */
  readonly unread: number;
}

/** Octets that RFC 9329's Length takes in front of each packet. */
const LENGTH_ROOM = 2;

/** How often the engine is told that ESP comes, at most: it wants to know that the peer is alive, not how much it says. */
const USAGE_INTERVAL_MS = 1000;

/** A tunnel to one peer. */
export class Session {
  /** IP packets of the peer in batches. What nobody reads is dropped past a bound, the oldest first. */
  readonly readable: ReadableStream<Uint8Array[]>;
  /** Takes IP packets, one or a batch as a chunk; they are copied. Closing it closes the session. */
  readonly writable: WritableStream<PacketChunk>;
  /** Resolves when the session has ended in order, whoever wanted it; rejects with the reason when it broke. */
  readonly closed: Promise<void>;

  readonly #host: SessionHost;
  readonly #children: ChildSas;
  readonly #encryptor: EspEncryptor;
  readonly #decryptor: EspDecryptor;
  readonly #queue: PacketQueue;
  #ike: IkeSaEstablished;
  /** IKE SAs whose place the current one takes, until they are gone. */
  #older: IkeSaEstablished[] = [];
  #path: IkePath;
  #writer!: WritableStreamDefaultController;
  #settle!: { readonly resolve: () => void; readonly reject: (reason: unknown) => void };
  #ended = false;
  #told = -Infinity;

  /** Made by `connect` and `listen` when an IKE SA is established. */
  constructor(established: IkeSaEstablished, host: SessionHost, options: SessionOptions) {
    this.#ike = established;
    this.#path = established.path;
    this.#host = host;
    this.#children = new ChildSas({
      ...options,
      onLimit: (child, limit) => this.#host.handle({ kind: "child_usage", ikeSa: this.ikeSa, child, limit }),
    });
    const { table } = this.#children;
    const { mtu, clampMss = true, maxQueuedOctets = DEFAULT_PACKET_QUEUE } = options;
    this.#encryptor = new EspEncryptor({
      table,
      mtu,
      clampMss,
      room: LENGTH_ROOM,
      // Who sent a packet that does not fit is on this side of the tunnel.
      onDrop: ({ reply }) => reply !== undefined && this.#queue.push([reply]),
    });
    this.#decryptor = new EspDecryptor({ table });
    this.#queue = new PacketQueue(maxQueuedOctets);
    this.readable = this.#queue.readable;
    this.closed = new Promise((resolve, reject) => this.#settle = { resolve, reject });
    this.closed.catch(() => {}); // whoever cares listens
    this.writable = new WritableStream<PacketChunk>({
      start: (controller) => {
        this.#writer = controller;
      },
      write: (chunk) => this.#send(chunk),
      close: () => this.close(),
      abort: () => this.close(),
    });
  }

  /** Number of the IKE SA, which changes with a rekey. */
  get ikeSa(): IkeSaId {
    return this.#ike.ikeSa;
  }

  /** Who the peer is, in strongSwan's notation. */
  get remoteId(): string {
    return this.#ike.remoteId;
  }

  /** The IKE SA as it was established, or as the last rekey or reauthentication made it. */
  get established(): IkeSaEstablished {
    return this.#ike;
  }

  /** Virtual addresses, DNS servers and subnets: what the peer gave, or what it was given. */
  get configuration(): AssignedConfiguration {
    return this.#ike.configuration;
  }

  /** Where messages go. */
  get path(): IkePath {
    return this.#path;
  }

  /** Number of child SAs. */
  get childCount(): number {
    return this.#children.size;
  }

  /** The child SAs, and what each has carried so far; `onChildEnd` is told of those that are gone. */
  get children(): ChildSaTraffic[] {
    return this.#children.traffic();
  }

  /** What has crossed so far. */
  get counters(): SessionCounters {
    return {
      received: this.#decryptor.counters,
      sent: this.#encryptor.counters,
      unread: this.#queue.dropped,
    };
  }

  /** Replaces the keys of all child SAs and of the IKE SA, as {@linkcode rekeyChild} and {@linkcode rekeyIke} do. */
  rekey(): void {
    this.rekeyChild();
    this.rekeyIke();
  }

  /**
   * Replaces child SAs, all of them or those with a name of the configuration, by others with new keys (RFC 7296, section 1.3.3). Packets
   * cross meanwhile, and none is lost: the old SA receives what was under way. `child_sa_installed` with `replaces` tells of
   * each new one, `onChildEnd` what the old one has carried.
   *
   * @example New keys while packets cross
   * ```ts
   * import { CryptoProviders, nobleProvider } from "iketcp/crypto";
   * import { Credentials, parseIdentity } from "iketcp/ike/auth";
   * import { MemoryNetwork } from "iketcp/transport";
   * import { type ChildSaTraffic, connect, emitUdpPacket, listen } from "iketcp/tunnel";
   * import { deepStrictEqual, strictEqual } from "node:assert";
   *
   * const credentials = new Credentials();
   * credentials.addPreSharedKey({ secret: new TextEncoder().encode("a secret"), owners: [parseIdentity("%any")] });
   * const common = { crypto: new CryptoProviders([nobleProvider()]), credentials };
   * const ended: ChildSaTraffic[] = [];
   * const network = new MemoryNetwork();
   * const gateway = listen(await network.listen({ hostname: "192.0.2.1", port: 4500 }), {
   *   ...common,
   *   configurations: [{
   *     name: "gw",
   *     local: { auth: "psk", id: "gw.example" },
   *     remote: { auth: "psk" },
   *     children: { net: { local_ts: "10.1.0.0/16", remote_ts: "10.2.0.0/16" } },
   *   }],
   *   onChildEnd: (traffic) => ended.push(traffic),
   * });
   * const session = await connect(await network.connect(gateway.address), {
   *   ...common,
   *   configuration: {
   *     name: "me",
   *     local: { auth: "psk", id: "me.example" },
   *     remote: { auth: "psk" },
   *     children: { net: { local_ts: "10.2.0.0/16", remote_ts: "10.1.0.0/16" } },
   *   },
   * });
   *
   * const ports = { sourcePort: 7, destinationPort: 7, data: new Uint8Array(100) };
   * const packet = emitUdpPacket(new Uint8Array([10, 2, 0, 1]), new Uint8Array([10, 1, 0, 1]), ports);
   * const writer = session.writable.getWriter();
   * const before = session.children[0]!.outboundSpi;
   * session.rekeyChild("net");
   * session.rekeyIke();
   * let sent = 0;
   * for (; session.children.length > 1 || session.children[0]!.outboundSpi === before; sent++) {
   *   await writer.write(packet);
   *   await new Promise((resolve) => setTimeout(resolve, 1));
   * }
   * await session.close();
   * strictEqual(ended.reduce((sum, { received }) => sum + received.packets, 0), sent);
   * deepStrictEqual(ended.map(({ name }) => name), ["net", "net"]);
   * await gateway.close();
   * ```
   */
  rekeyChild(name?: string): void {
    for (const { child, name: its } of this.#children.traffic()) {
      if (name === undefined || its === name) {
        this.#host.handle({ kind: "rekey_child", ikeSa: this.ikeSa, child });
      }
    }
  }

  /**
   * Replaces the IKE SA by another with new keys, and moves the child SAs to it (RFC 7296, section 1.3.2). They carry packets as
   * before; `established`, and the event `ike_sa_established` with `replaces`, then tell of the new one.
   */
  rekeyIke(): void {
    this.#host.handle({ kind: "rekey_ike", ikeSa: this.ikeSa });
  }

  /**
   * Authenticates both ends anew: another IKE SA with all child SAs takes the place of this one, and carries the session on. Only the
   * end that connected can.
   */
  reauthenticate(): void {
    this.#host.handle({ kind: "reauthenticate", ikeSa: this.ikeSa });
  }

  /** Deletes the IKE SA with its children, and resolves when the session has ended, also when it broke. Safe to repeat. */
  async close(): Promise<void> {
    if (!this.#ended) this.#host.handle({ kind: "delete_ike", ikeSa: this.ikeSa });
    await this.closed.catch(() => {});
  }

  /** A child SA is ready. @internal */
  handleInstalled(event: ChildSaInstalled): void {
    this.#children.install(event, this.#path);
  }

  /** Packets are to be sent on a child SA. @internal */
  handleSwitched(child: ChildSaId): void {
    this.#children.sendOn(child);
  }

  /** A child SA was replaced; what is under way on it is received until it is gone. @internal */
  handleRetired(child: ChildSaId): void {
    this.#children.retire(child);
  }

  /** A child SA is gone; gives the SPI that it received with. @internal */
  handleDeleted(child: ChildSaId): number | undefined {
    return this.#children.remove(child);
  }

  /** The IKE SA has a successor. @internal */
  handleReplaced(established: IkeSaEstablished): void {
    this.#older.push(this.#ike);
    this.#ike = established;
  }

  /**
   * The child SAs of an IKE SA have gone to another one. Where both ends have replaced it at once, two were established, and it is not
   * known before which of them is for nothing. @internal
   */
  handleMoved(from: IkeSaId, to: IkeSaId): void {
    const left = [...this.#older, this.#ike].filter(({ ikeSa, replaces }) =>
      ikeSa === to || (ikeSa !== from && replaces !== from)
    );
    this.#ike = left.pop() ?? this.#ike;
    this.#older = left;
  }

  /**
   * An IKE SA of the session is gone; tells whether the session goes on. Where the one that was to take another's place has failed, it
   * goes on with that one. @internal
   */
  handleIkeSaGone(ikeSa: IkeSaId): boolean {
    if (ikeSa !== this.#ike.ikeSa) {
      this.#older = this.#older.filter((older) => older.ikeSa !== ikeSa);
      return true;
    }
    const older = this.#older.pop();
    if (older !== undefined) this.#ike = older;
    return older !== undefined;
  }

  /** Messages go another way. @internal */
  handlePath(path: IkePath): void {
    this.#path = path;
  }

  /** ESP packets have come, which belong to the session from now on: they are decrypted where they lie. @internal */
  handleEsp(packets: Uint8Array[], path: IkePath): void {
    const before = this.#decryptor.counters.packets;
    const spi = readSpi(packets[0]!);
    this.#decryptor.handle(packets, (opened) => this.#queue.push(opened as Uint8Array[]));
    if (this.#decryptor.counters.packets === before) return;
    const now = performance.now();
    if (path.id === this.#path.id && now - this.#told < USAGE_INTERVAL_MS) return;
    const child = this.#children.childOf(spi);
    if (child === undefined) return;
    this.#told = now;
    this.#host.handle({ kind: "child_usage", ikeSa: this.ikeSa, child, path });
  }

  /** The IKE SA is gone. @internal */
  handleEnd(failure?: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#children.dispose();
    if (failure === undefined) {
      this.#queue.end();
      this.#writer.error(new TunnelError("ERR_TUNNEL_CLOSED", "Cannot send packets: the session has ended"));
      this.#settle.resolve();
    } else {
      const reason = new TunnelError(
        "ERR_TUNNEL_BROKEN",
        `The session with ${this.remoteId} broke: ${failure}`,
      );
      this.#queue.fail(reason);
      this.#writer.error(reason);
      this.#settle.reject(reason);
    }
  }

  /** Every packet is encrypted before the first leaves: the batch is one write. */
  #send(chunk: PacketChunk): Promise<void> | void {
    let sent: Promise<void> | void = undefined;
    this.#encryptor.handle(Array.isArray(chunk) ? chunk : [chunk], (packets) => {
      sent = this.#host.sendEsp(this.#path, packets as Uint8Array[]);
    });
    return sent;
  }
}
