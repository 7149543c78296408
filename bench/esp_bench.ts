/**
 * The ESP datapath: encryptor and decryptor against the bare cipher by the same provider, many SAs against few, and all of it
 * through loopback TCP in one process. It runs by itself, too: `node bench/esp_bench.ts --quick --only "10000 SAs"`.
 */

import { type CipherSpec, CryptoProviders, encryptionTransform, MessageBatch } from "../lib/crypto/mod.ts";
import { InPlaceFramer } from "../lib/encap/in_place_framer.ts";
import { compose, DeframerStream, type MessageChunk } from "../lib/encap/mod.ts";
import {
  EspDecryptor,
  EspDecryptStream,
  EspEncryptor,
  EspEncryptStream,
  espPacketSize,
  InboundSa,
  OutboundSa,
  type PacketChunk,
  parseTrafficSelector,
  SaTable,
} from "../lib/esp/mod.ts";
import { emitUdpPacket } from "../lib/ip/mod.ts";
import { connectTcp, listenTcp } from "../lib/runtime/mod.ts";
import { nodeCryptoProvider } from "../lib/runtime/node_crypto.ts";
import { opensslProvider } from "../lib/runtime/openssl_ffi.ts";
import { Bench, calibrated, Rounds, startClock } from "./_harness.ts";
import { HOST } from "./_raw_sockets.ts";
import { sinkOf, sourceOf } from "./_traffic.ts";

/** Octets of inner packets. */
const PACKET_SIZES = [64, 512, 1400];

/** The size that bars are for. */
const PACKET_SIZE = 1400;

/** Octets of a batch: one read. */
const BATCH_SIZE = 65_536;

const bench = new Bench();
const openssl = opensslProvider();
const providers = [nodeCryptoProvider(), typeof openssl === "string" ? null : openssl]
  .filter((provider) => provider !== null);
const row = encryptionTransform("aes256gcm16")!;
const cipher: CipherSpec = {
  encryption: row,
  encryptionKey: globalThis.crypto.getRandomValues(new Uint8Array(row.keySize + row.saltSize)),
  esn: true,
};
const everything = {
  local: [parseTrafficSelector("0.0.0.0/0")],
  remote: [parseTrafficSelector("0.0.0.0/0")],
};

for (const provider of providers) {
  const crypto = new CryptoProviders([provider]);
  for (const size of PACKET_SIZES) await benchCores(crypto, provider.name, size);
  await benchTable(crypto, provider.name);
  await benchTcp(crypto, provider.name);
}

/** The cores alone, and the cipher on as many messages of the same size. */
async function benchCores(crypto: CryptoProviders, provider: string, size: number): Promise<void> {
  const nameOf = (what: string) => `esp/${what}, ${size} B, ${provider}`;
  const names = ["bare seal", "encrypt", "bare seal and open", "encrypt and decrypt"] as const;
  await bench.group(names.map(nameOf), async () => {
    const packets = batchOf(size, () => "10.0.0.2");
    const { here, there } = tablesOf(crypto);
    const sealer = crypto.createSealer(cipher);
    const opener = crypto.createOpener(cipher);
    const messageSize = espPacketSize(size, sealer);
    const slab = new Uint8Array(packets.length * messageSize);
    const batch = new MessageBatch();
    for (let i = 0; i < packets.length; i++) batch.add(i * messageSize, messageSize);
    const encryptor = new EspEncryptor({ table: here });
    const decryptor = new EspDecryptor({ table: there });
    const rounds = await Rounds.run({
      "bare seal": await timed(() => sealer.sealBatch(slab, batch)),
      "encrypt": await timed(() => encryptor.handle(packets, () => {})),
      "bare seal and open": await timed(() => {
        sealer.sealBatch(slab, batch);
        opener.openBatch(slab, batch);
      }),
      "encrypt and decrypt": await timed(() => {
        encryptor.handle(packets, (chunk) => decryptor.handle(chunk, () => {}));
      }),
    }, bench.rounds);
    if (Object.values(decryptor.counters.dropped).some((count) => count > 0)) {
      throw new Error("A packet was dropped");
    }
    const baseOf = { "encrypt": "bare seal", "encrypt and decrypt": "bare seal and open" } as const;
    for (const what of names) {
      const base = what === "encrypt" || what === "encrypt and decrypt" ? baseOf[what] : undefined;
      const cost = rounds.cost(what) / packets.length;
      bench.row(nameOf(what), cost * 1e9, "ns/packet", {
        ...(base === undefined ? {} : { to: { name: nameOf(base), ratio: rounds.ratio(what, base) } }),
      });
      if (base !== undefined) bench.row(`${nameOf(what)}, rate`, size * 8 / cost / 1e9, "Gbit/s");
    }
    for (const disposable of [here, there, sealer, opener]) disposable.dispose();
  });
}

/** Two tables with one SA from the first to the second. */
function tablesOf(crypto: CryptoProviders): { here: SaTable; there: SaTable } {
  const here = new SaTable();
  const there = new SaTable();
  here.addOutbound(new OutboundSa({ spi: 1000, cipher, crypto }), everything);
  there.addInbound(new InboundSa({ spi: 1000, cipher, crypto }));
  return { here, there };
}

/** Batches whose packets belong to as many SAs as a batch has packets, from a table of many and of few. */
async function benchTable(crypto: CryptoProviders, provider: string): Promise<void> {
  const nameOf = (count: number) => `esp/encrypt and decrypt, ${count} SAs, ${provider}`;
  const [few, many] = [10, 10_000];
  await bench.group([nameOf(few), nameOf(many)], async () => {
    const runs: Record<string, () => Promise<number>> = {};
    const tables: SaTable[] = [];
    let count = 0;
    for (const sas of [few, many]) {
      const here = new SaTable();
      const there = new SaTable();
      tables.push(here, there);
      for (let i = 0; i < sas; i++) {
        const remote = [parseTrafficSelector(`10.${i >> 8}.${i & 255}.0/24`)];
        here.addOutbound(new OutboundSa({ spi: 1000 + i, cipher, crypto }), { ...everything, remote });
        there.addInbound(new InboundSa({ spi: 1000 + i, cipher, crypto }));
      }
      // Ten SAs a batch, and as many octets of packets, in both cases: what differs is the table and the SAs.
      const batches = Array.from({ length: many / few }, (_, part) =>
        batchOf(PACKET_SIZE, (i) => {
          const sa = (part * few + i % few) % sas;
          return `10.${sa >> 8}.${sa & 255}.7`;
        }));
      count = batches[0]!.length;
      const encryptor = new EspEncryptor({ table: here });
      const decryptor = new EspDecryptor({ table: there });
      let next = 0;
      runs[nameOf(sas)] = await timed(() => {
        encryptor.handle(batches[next++ % batches.length]!, (chunk) => decryptor.handle(chunk, () => {}));
      });
    }
    const rounds = await Rounds.run(runs, bench.rounds);
    bench.row(nameOf(few), rounds.cost(nameOf(few)) / count * 1e9, "ns/packet");
    bench.row(nameOf(many), rounds.cost(nameOf(many)) / count * 1e9, "ns/packet", {
      to: { name: nameOf(few), ratio: rounds.ratio(nameOf(many), nameOf(few)) },
      bar: { of: "ratio", atMost: 1.5 },
    });
    for (const table of tables) table.dispose();
  });
}

/** Encrypt, frame in place, loopback TCP, deframe, decrypt: separate stages, both ends in this process. */
async function benchTcp(crypto: CryptoProviders, provider: string): Promise<void> {
  const name = `esp/encrypt to decrypt through TCP, one process, ${provider}`;
  await bench.group([name, `${name}, rate`], async () => {
    const packets = batchOf(PACKET_SIZE, () => "10.0.0.2");
    const batches = bench.quick ? 200 : 2000;
    const rounds = await Rounds.run({ tcp: () => transfer(crypto, packets, batches) }, bench.rounds);
    const seconds = rounds.cost("tcp");
    bench.row(name, seconds * 1e9, "ns/packet");
    bench.row(`${name}, rate`, PACKET_SIZE * 8 / seconds / 1e9, "Gbit/s");
  });
}

/** Seconds a packet: both ends share this process, so that it is what they cost together. */
async function transfer(crypto: CryptoProviders, packets: Uint8Array[], batches: number): Promise<number> {
  const { here, there } = tablesOf(crypto);
  const listener = await listenTcp({ hostname: HOST, port: 0 });
  const accepting = listener.connections.getReader().read();
  const client = await connectTcp({ hostname: HOST, port: listener.address.port });
  const server = (await accepting).value!;
  const clock = startClock();
  let received = 0;
  await Promise.all([
    sourceOf<PacketChunk>([packets], batches)
      .pipeThrough(new EspEncryptStream<PacketChunk>({ table: here, room: 2 }))
      .pipeThrough(compose(new InPlaceFramer()))
      .pipeTo(client.writable),
    server.readable
      .pipeThrough(new DeframerStream())
      .pipeThrough(new EspDecryptStream<MessageChunk>({ table: there }))
      .pipeTo(sinkOf((chunk: MessageChunk) => received += chunk.length)),
  ]);
  const { busy } = clock();
  await Promise.all([client.close(), server.close(), listener.close()]);
  here.dispose();
  there.dispose();
  if (received !== batches * packets.length) throw new Error(`Cannot count packets: got ${received}`);
  return busy / received;
}

/** UDP packets that fill one read, each to an address of its own. */
function batchOf(size: number, to: (i: number) => string): Uint8Array[] {
  return Array.from(
    { length: Math.floor(BATCH_SIZE / (size + 40)) },
    (_, i) =>
      emitUdpPacket(Uint8Array.of(10, 0, 0, 1), Uint8Array.from(to(i).split("."), Number), {
        sourcePort: 1000,
        destinationPort: 2000,
        data: new Uint8Array(size - 28).fill(i),
      }),
  );
}

/** A calibrated run of something that returns at once: seconds a call. */
function timed(call: () => void): Promise<() => Promise<number>> {
  return calibrated((amount) => {
    for (let i = 0; i < amount; i++) call();
    return Promise.resolve();
  }, bench.quick ? 0.02 : 0.08);
}
