/**
 * Sealing and opening alone: every provider of this runtime, on batches as one read of 64 KiB gives them.
 * It runs by itself, too: `node bench/crypto_bench.ts --quick --only "open aes256gcm16"`.
 */

import {
  type CipherSpec,
  type CryptoProvider,
  CryptoProviders,
  encryptionTransform,
  integrityTransform,
  MessageBatch,
  nobleProvider,
} from "../lib/crypto/mod.ts";
import { detectRuntime } from "../lib/runtime/detect.ts";
import { nodeCryptoProvider } from "../lib/runtime/node_crypto.ts";
import { opensslProvider } from "../lib/runtime/openssl_ffi.ts";
import { type Bar, Bench, calibrated, Rounds } from "./_harness.ts";
import { opensslSpeed } from "./_openssl_speed.ts";

/** Octets of one ESP packet, from SPI to ICV. */
const PACKET_SIZES = [64, 512, 1400, 9000];

/** The size that bars are for. */
const PACKET_SIZE = 1400;

/** Octets of a slab: one read. */
const SLAB_SIZE = 65_536;

/** Octets of SPI and sequence number. */
const HEADER_SIZE = 8;

/** DESIGN.md, section 6: OpenSSL through foreign functions against `node:crypto` in Node. */
const FFI_BAR: Bar = { of: "ratio", atLeast: 3 };

const BASE = "node:crypto";
const bench = new Bench();
const openssl = opensslProvider();
const providers: readonly CryptoProvider[] = [
  nodeCryptoProvider(),
  typeof openssl === "string" ? null : openssl,
  nobleProvider(),
].filter((provider) => provider !== null);

for (const [encryption, integrity] of [["aes256gcm16"], ["chacha20poly1305"], ["aes256", "sha256"]]) {
  const row = encryptionTransform(encryption!)!;
  const mac = integrity === undefined ? null : integrityTransform(integrity)!;
  const spec: CipherSpec = {
    encryption: row,
    encryptionKey: globalThis.crypto.getRandomValues(new Uint8Array(row.keySize + row.saltSize)),
    integrity: mac,
    integrityKey: globalThis.crypto.getRandomValues(new Uint8Array(mac?.keySize ?? 0)),
  };
  const keywords = integrity === undefined ? encryption! : `${encryption}-${integrity}`;
  for (const size of bench.quick ? [PACKET_SIZES[0]!, PACKET_SIZE] : PACKET_SIZES) {
    benchOpenssl(keywords, size);
    for (const verb of ["seal", "open"] as const) await benchCipher(keywords, spec, size, verb);
  }
}

/** The same cipher in C, for a second; a glance does without but for the size that bars are for. */
function benchOpenssl(keywords: string, size: number): void {
  const name = `crypto/openssl speed ${keywords}, ${size} B`;
  if (!bench.wants(name) || (bench.quick && size !== PACKET_SIZE)) return;
  const speed = opensslSpeed(keywords, size);
  if (speed !== undefined) bench.row(name, speed * 8 / 1e9, "Gbit/s");
}

/** One direction of one cipher, by every provider that has it, in turns. */
async function benchCipher(
  keywords: string,
  spec: CipherSpec,
  size: number,
  verb: "seal" | "open",
): Promise<void> {
  const lists = providers.map((provider) => ({ provider, crypto: new CryptoProviders([provider]) }))
    .filter(({ crypto }) => crypto.supports(spec.encryption, spec.integrity));
  const nameOf = (provider: string) => `crypto/${verb} ${keywords}, ${size} B, ${provider}`;
  await bench.group(lists.map(({ provider }) => nameOf(provider.name)), async () => {
    const runs: Record<string, () => Promise<number>> = {};
    for (const { provider, crypto } of lists) {
      runs[provider.name] = await calibrated(work(crypto, spec, size, verb), bench.quick ? 0.01 : 0.06);
    }
    const rounds = await Rounds.run(runs, bench.rounds);
    for (const { provider: { name } } of lists) {
      const packets = packetsOf(spec, size).batch.count;
      const seconds = rounds.cost(name) / packets;
      const judged = detectRuntime().name === "node" && name.startsWith("OpenSSL") &&
        spec.encryption.keyword === "aes256gcm16" && size === PACKET_SIZE;
      bench.row(nameOf(name), seconds * 1e9, "ns/packet", {
        ...(judged ? { bar: FFI_BAR } : {}),
        ...(name === BASE || !(BASE in runs)
          ? {}
          : { to: { name: nameOf(BASE), ratio: rounds.ratio(BASE, name) } }),
      });
      bench.row(`${nameOf(name)}, rate`, size * 8 / seconds / 1e9, "Gbit/s");
    }
  });
}

/** A slab full of packets, and where they lie. */
function packetsOf(spec: CipherSpec, size: number): { slab: Uint8Array; batch: MessageBatch } {
  const { ivSize, blockSize, icvSize } = spec.encryption;
  const around = HEADER_SIZE + ivSize + (icvSize || spec.integrity!.icvSize);
  const whole = size - (size - around) % blockSize;
  const slab = new Uint8Array(SLAB_SIZE);
  for (let i = 0; i < slab.length; i++) slab[i] = i * 31;
  const batch = new MessageBatch();
  for (let start = 0; start + whole <= slab.length; start += whole) batch.add(start, whole);
  return { slab, batch };
}

/** Seals or opens a slab so many times. Opening begins with a copy of the sealed slab: about 10 ns for a packet. */
function work(
  crypto: CryptoProviders,
  spec: CipherSpec,
  size: number,
  verb: "seal" | "open",
): (amount: number) => Promise<void> {
  const { slab, batch } = packetsOf(spec, size);
  const sealer = crypto.createSealer(spec);
  if (verb === "seal") {
    return (amount) => {
      for (let i = 0; i < amount; i++) sealer.sealBatch(slab, batch);
      return Promise.resolve();
    };
  }
  sealer.sealBatch(slab, batch);
  const sealed = slab.slice();
  const opener = crypto.createOpener(spec);
  return (amount) => {
    for (let i = 0; i < amount; i++) {
      slab.set(sealed);
      if (opener.openBatch(slab, batch) !== batch.count) throw new Error("A packet was refused");
    }
    return Promise.resolve();
  };
}
