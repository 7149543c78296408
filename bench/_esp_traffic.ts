/** What the ESP benches send: batches of IP packets as one read of a TUN device gives them, and SAs for them. */

import {
  type CipherSpec,
  type CryptoProvider,
  CryptoProviders,
  encryptionTransform,
  MessageBatch,
} from "../lib/crypto/mod.ts";
import { espPacketSize, InboundSa, OutboundSa, parseTrafficSelector, SaTable } from "../lib/esp/mod.ts";
import { emitUdpPacket } from "../lib/ip/mod.ts";
import { nodeCryptoProvider } from "../lib/runtime/node_crypto.ts";
import { opensslProvider } from "../lib/runtime/openssl_ffi.ts";
import { CHUNK_LENGTH } from "./_traffic.ts";
import type { TrafficSelectors } from "../lib/esp/mod.ts";

/** The longest inner packet of the benches: above every size that is measured. */
export const BENCH_MTU = 65_000;

/** The cipher that bars are for. Its key is known to all: nothing that is secret crosses a bench. */
export const BENCH_CIPHER: CipherSpec = {
  encryption: encryptionTransform("aes256gcm16")!,
  encryptionKey: Uint8Array.from({ length: 36 }, (_, i) => i * 7),
  esn: true,
};

/** Octets of an ESP packet of the bench cipher. */
export function benchPacketSize(size: number): number {
  return espPacketSize(size, { ivSize: 8, icvSize: 16, blockSize: 1 });
}

/** The native providers of this runtime. */
export function nativeProviders(): readonly CryptoProvider[] {
  const openssl = opensslProvider();
  return [nodeCryptoProvider(), typeof openssl === "string" ? null : openssl]
    .filter((provider) => provider !== null);
}

/** The provider of a name, alone. */
export function providersNamed(name: string): CryptoProviders {
  const provider = nativeProviders().find((candidate) => candidate.name === name);
  if (provider === undefined) throw new Error(`Cannot bench ${name}: this runtime does not have it`);
  return new CryptoProviders([provider]);
}

/** Policies for any IPv4 packet. */
export const EVERYTHING: TrafficSelectors = {
  local: [parseTrafficSelector("0.0.0.0/0")],
  remote: [parseTrafficSelector("0.0.0.0/0")],
};

/** A table with one SA that sends. */
export function sendingTable(crypto: CryptoProviders): SaTable {
  const table = new SaTable();
  table.addOutbound(new OutboundSa({ spi: 1000, cipher: BENCH_CIPHER, crypto }), EVERYTHING);
  return table;
}

/** A table with the SA that receives it. */
export function receivingTable(crypto: CryptoProviders): SaTable {
  const table = new SaTable();
  table.addInbound(new InboundSa({ spi: 1000, cipher: BENCH_CIPHER, crypto }));
  return table;
}

/** UDP packets that fill a slab of 64 KiB once they are ESP, each to an address of its own if one is given. */
export function packetBatch(size: number, to: (i: number) => string = () => "10.0.0.2"): Uint8Array[] {
  return Array.from(
    { length: Math.floor(CHUNK_LENGTH / (2 + benchPacketSize(size))) },
    (_, i) =>
      emitUdpPacket(Uint8Array.of(10, 0, 0, 1), Uint8Array.from(to(i).split("."), Number), {
        sourcePort: 1000,
        destinationPort: 2000,
        data: new Uint8Array(size - 28).fill(i),
      }),
  );
}

/** Frames of as many messages as a batch has, and where the messages lie. */
export function messageSlab(size: number): { slab: Uint8Array; batch: MessageBatch } {
  const messageSize = benchPacketSize(size);
  const { length } = packetBatch(size);
  const slab = new Uint8Array(length * (2 + messageSize));
  const batch = new MessageBatch();
  for (let i = 0; i < length; i++) batch.add(2 + i * (2 + messageSize), messageSize);
  return { slab, batch };
}
