/**
 * The two ends of the datapath, and of the plain loop that it is compared with: the bare cipher on one slab again and again,
 * and the runtime's own socket. Nothing is framed, looked up, kept or handed on there.
 */

import { EncapsulatedConnection } from "../lib/encap/encapsulated_connection.ts";
import { InPlaceFramer } from "../lib/encap/in_place_framer.ts";
import { compose, Deframer, EncapsulationStream } from "../lib/encap/mod.ts";
import {
  EspDecryptor,
  EspDecryptStream,
  EspEncryptor,
  EspEncryptStream,
  type PacketChunk,
  returnSlabs,
  type SaTable,
  SlabPool,
} from "../lib/esp/mod.ts";
import { connectTcp, listenTcp } from "../lib/runtime/mod.ts";
import type { Connection } from "../lib/transport/types.ts";
import {
  BENCH_CIPHER,
  BENCH_MTU,
  messageSlab,
  packetBatch,
  providersNamed,
  receivingTable,
  sendingTable,
} from "./_esp_traffic.ts";
import { startClock } from "./_harness.ts";
import { HOST, type RawSocket, rawTcp } from "./_raw_sockets.ts";
import { sinkOf, sourceOf } from "./_traffic.ts";

/**
 * How packets cross: their octets alone (`socket`), through the bare cipher at both ends (`plain loop`), by one stage a step
 * and the whole of RFC 9329 (`stages`), by all cores of an end in one stage (`composed`), or by the whole of RFC 9329 joined to
 * the connection and decrypted in its read buffer (`joined`).
 */
export type Way = "socket" | "plain loop" | "stages" | "composed" | "joined";

/** What a transfer is made of. */
export interface Transfer {
  /** How. */
  readonly way: Way;
  /** Name of the provider. */
  readonly provider: string;
  /** Octets of an inner packet. */
  readonly size: number;
  /** Batches of packets. */
  readonly batches: number;
}

/** What an end took. */
export interface Taken {
  /** Seconds a packet that the end was busy: the smaller of wall clock and CPU time. */
  readonly busy: number;
  /** Seconds a packet by the wall clock. */
  readonly wall: number;
}

/** A socket of either kind. */
export type Socket = RawSocket | Connection;

/** A listening end, and the one connection that it takes. */
export interface Accepting {
  /** Where. */
  readonly port: number;
  /** The connection. */
  readonly socket: Promise<Socket>;
}

/** Listens for one connection. */
export async function accept(way: Way): Promise<Accepting> {
  if (isRaw(way)) {
    const listener = await rawTcp().listen();
    return { port: listener.port, socket: listener.accept().finally(() => listener.close()) };
  }
  const listener = await listenTcp({ hostname: HOST, port: 0 });
  const socket = listener.connections.getReader().read().then(async ({ value }) => {
    await listener.close();
    return value!;
  });
  return { port: listener.address.port, socket };
}

/** Connects. */
export function dial(way: Way, port: number): Promise<Socket> {
  return isRaw(way) ? rawTcp().connect(port) : connectTcp({ hostname: HOST, port });
}

/** Encrypts, frames and sends. */
export async function send(socket: Socket, transfer: Transfer): Promise<Taken> {
  const { way, provider, size, batches } = transfer;
  const clock = startClock();
  if ("pour" in socket) {
    const { slab } = messageSlab(size);
    const cipher = way === "socket" ? undefined : new BareCipher("seal", transfer, slab);
    await socket.pour(slab, batches, () => cipher?.run());
    cipher?.dispose();
  } else {
    const table = sendingTable(providersNamed(provider));
    await sendPackets(socket, way, table, sourceOf<PacketChunk>([packetBatch(size)], batches));
    table.dispose();
  }
  return taken(clock, transfer);
}

async function sendPackets(
  connection: Connection,
  way: Way,
  table: SaTable,
  packets: ReadableStream<PacketChunk>,
): Promise<void> {
  const slabs = new SlabPool();
  const options = { table, room: 2, mtu: BENCH_MTU, slabs };
  if (way === "joined") {
    const vpn = new EncapsulatedConnection(connection, { role: "originator", framer: new InPlaceFramer() });
    const encrypted = packets.pipeThrough(new EspEncryptStream<PacketChunk>(options));
    await Promise.all([
      vpn.ike.writable.close(),
      encrypted.pipeTo(returnSlabs<PacketChunk>(vpn.esp.writable, slabs)),
    ]);
    return;
  }
  const out = returnSlabs(connection.writable, slabs);
  if (way === "composed") {
    const stage = compose(new EspEncryptor(options), new InPlaceFramer());
    await packets.pipeThrough(stage).pipeTo(out);
    return;
  }
  const vpn = new EncapsulationStream({ role: "originator", framer: new InPlaceFramer() });
  await Promise.all([
    vpn.ike.writable.close(),
    packets.pipeThrough(new EspEncryptStream<PacketChunk>(options)).pipeTo(vpn.esp.writable),
    vpn.readable.pipeTo(out),
  ]);
}

/** Receives, deframes, tells ESP from IKE and decrypts. */
export async function receive(socket: Socket, transfer: Transfer): Promise<Taken> {
  const { way, provider } = transfer;
  const clock = startClock();
  const table = isRaw(way) ? undefined : receivingTable(providersNamed(provider));
  const packets = table === undefined
    ? await receiveOctets(socket as RawSocket, transfer)
    : await receivePackets(socket as Connection, way, table);
  table?.dispose();
  const result = taken(clock, transfer);
  if (packets !== countOf(transfer)) {
    throw new Error(`Cannot count packets: expected ${countOf(transfer)}, got ${packets}`);
  }
  return result;
}

/** Counts whole slabs of octets, and opens one for each where the cipher is asked for. */
async function receiveOctets(socket: RawSocket, transfer: Transfer): Promise<number> {
  const { slab, batch } = messageSlab(transfer.size);
  const cipher = transfer.way === "socket" ? undefined : new BareCipher("open", transfer, slab);
  let octets = 0;
  let packets = 0;
  await socket.drain((more) => {
    octets += more;
    for (; octets >= slab.length; octets -= slab.length) {
      cipher?.run();
      packets += batch.count;
    }
  });
  cipher?.dispose();
  return packets;
}

async function receivePackets(connection: Connection, way: Way, table: SaTable): Promise<number> {
  const { readable } = connection;
  let packets = 0;
  const sink = sinkOf((chunk: PacketChunk) => packets += chunk.length);
  if (way === "joined") {
    const decryptor = new EspDecryptor({ table });
    const count = (chunk: PacketChunk) => void (packets += chunk.length);
    const vpn = new EncapsulatedConnection(connection, {
      role: "responder",
      onEsp: (messages) => decryptor.handle(messages, count),
    });
    for await (const _ of vpn.ike.readable); // ends with the stream
    return packets;
  }
  if (way === "composed") {
    const stage = compose(new Deframer(), new EspDecryptor({ table }));
    await readable.pipeThrough(stage).pipeTo(sink);
    return packets;
  }
  const vpn = new EncapsulationStream({ role: "responder" });
  await Promise.all([
    vpn.ike.readable.cancel(),
    vpn.esp.readable.pipeThrough(new EspDecryptStream({ table })).pipeTo(sink),
    readable.pipeTo(vpn.writable),
  ]);
  return packets;
}

/** The cipher alone, on the messages of one slab. */
export class BareCipher {
  /** Seals or opens all messages once; opening begins with a copy of the sealed slab, about 10 ns for a packet. */
  readonly run: () => void;
  readonly #ciphers: readonly { dispose(): void }[];

  /** Makes it. */
  constructor(verb: "seal" | "open", { provider, size }: Transfer, slab: Uint8Array) {
    const crypto = providersNamed(provider);
    const { batch } = messageSlab(size);
    const sealer = crypto.createSealer(BENCH_CIPHER);
    const opener = crypto.createOpener(BENCH_CIPHER);
    this.#ciphers = [sealer, opener];
    sealer.sealBatch(slab, batch);
    const sealed = slab.slice();
    this.run = verb === "seal" ? () => sealer.sealBatch(slab, batch) : () => {
      slab.set(sealed);
      if (opener.openBatch(slab, batch) !== batch.count) throw new Error("A packet was refused");
    };
  }

  /** Ends it. */
  dispose(): void {
    for (const cipher of this.#ciphers) cipher.dispose();
  }
}

/** Seals or opens as many messages as a transfer has, without a socket. */
export function bareCipher(verb: "seal" | "open", transfer: Transfer): Taken {
  const { slab } = messageSlab(transfer.size);
  const cipher = new BareCipher(verb, transfer, slab);
  const clock = startClock();
  for (let i = 0; i < transfer.batches; i++) cipher.run();
  const result = taken(clock, transfer);
  cipher.dispose();
  return result;
}

function isRaw(way: Way): boolean {
  return way === "socket" || way === "plain loop";
}

function countOf({ size, batches }: Transfer): number {
  return batches * packetBatch(size).length;
}

function taken(clock: ReturnType<typeof startClock>, transfer: Transfer): Taken {
  const { busy, wall } = clock();
  const packets = countOf(transfer);
  return { busy: busy / packets, wall: wall / packets };
}
