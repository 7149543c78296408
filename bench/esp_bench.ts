/**
 * The ESP cores in memory: encryptor and decryptor against the bare cipher by the same provider, what they allocate and what
 * collecting that takes, many SAs against few, and SAs that come and go.
 * It runs by itself, too: `node bench/esp_bench.ts --quick --only "10000 SAs"`.
 */

import { CryptoProviders } from "../lib/crypto/mod.ts";
import {
  EspDecryptor,
  EspEncryptor,
  InboundSa,
  OutboundSa,
  parseTrafficSelector,
  SaTable,
  SlabPool,
} from "../lib/esp/mod.ts";
import { allocationOf, collectionTime, liveMemory } from "./_allocation.ts";
import {
  BENCH_CIPHER as cipher,
  BENCH_MTU,
  EVERYTHING,
  messageSlab,
  nativeProviders,
  packetBatch,
  receivingTable,
  sendingTable,
} from "./_esp_traffic.ts";
import { Bench, calibrated, Rounds, startClock } from "./_harness.ts";
import { MESSAGE_LENGTHS, PACKET_LENGTH } from "./_traffic.ts";

const bench = new Bench();

for (const provider of nativeProviders()) {
  const crypto = new CryptoProviders([provider]);
  for (const size of MESSAGE_LENGTHS) {
    await benchCores(crypto, provider.name, size);
    await benchMemory(crypto, provider.name, size);
  }
  await benchTable(crypto, provider.name);
  await benchChurn(crypto, provider.name);
}

/** The cores alone, and the cipher on as many messages of the same size. */
async function benchCores(crypto: CryptoProviders, provider: string, size: number): Promise<void> {
  const nameOf = (what: string) => `esp/${what}, ${size} B, ${provider}`;
  const names = ["bare seal", "encrypt", "bare seal and open", "encrypt and decrypt"] as const;
  await bench.group(names.map(nameOf), async () => {
    const packets = packetBatch(size);
    const [here, there] = [sendingTable(crypto), receivingTable(crypto)];
    const sealer = crypto.createSealer(cipher);
    const opener = crypto.createOpener(cipher);
    const { slab, batch } = messageSlab(size);
    const encryptor = new EspEncryptor({ table: here, room: 2, mtu: BENCH_MTU });
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

/** What a packet makes the heap grow by, there and back, and the share of time that collecting it takes. */
async function benchMemory(crypto: CryptoProviders, provider: string, size: number): Promise<void> {
  const nameOf = (what: string) => `esp/${what}, ${size} B, ${provider}`;
  await bench.group(["allocation", "garbage collection"].map(nameOf), async () => {
    const packets = packetBatch(size);
    const [here, there] = [sendingTable(crypto), receivingTable(crypto)];
    const encryptor = new EspEncryptor({ table: here, room: 2, mtu: BENCH_MTU });
    const decryptor = new EspDecryptor({ table: there });
    const work = () => encryptor.handle(packets, (chunk) => decryptor.handle(chunk, () => {}));
    const times = Math.ceil((bench.quick ? 6000 : 60_000) / packets.length);
    for (let i = 0; i < times / 4; i++) work();
    const some = packets.slice(0, 32); // few, so that nothing is collected while they are looked at
    const octets = await allocationOf(() =>
      encryptor.handle(some, (chunk) => decryptor.handle(chunk, () => {}))
    );
    if (octets !== undefined) bench.row(nameOf("allocation"), octets / some.length, "B/packet");
    const clock = startClock();
    const seconds = await collectionTime(work, times);
    const { wall } = clock();
    if (seconds !== undefined) {
      bench.row(nameOf("garbage collection"), 1e9 * seconds / times / packets.length, "ns/packet");
      bench.row(`${nameOf("garbage collection")}, share`, 100 * seconds / wall, "% of time");
    }
    for (const table of [here, there]) table.dispose();
  });
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
        here.addOutbound(new OutboundSa({ spi: 1000 + i, cipher, crypto }), { ...EVERYTHING, remote });
        there.addInbound(new InboundSa({ spi: 1000 + i, cipher, crypto }));
      }
      // Ten SAs a batch, and as many octets of packets, in both cases: what differs is the table and the SAs.
      const batches = Array.from({ length: many / few }, (_, part) =>
        packetBatch(PACKET_LENGTH, (i) => {
          const sa = (part * few + i % few) % sas;
          return `10.${sa >> 8}.${sa & 255}.7`;
        }));
      count = batches[0]!.length;
      const slabs = new SlabPool();
      const encryptor = new EspEncryptor({ table: here, slabs });
      const decryptor = new EspDecryptor({ table: there });
      let next = 0;
      runs[nameOf(sas)] = await timed(() => {
        encryptor.handle(batches[next++ % batches.length]!, (chunk) => {
          decryptor.handle(chunk, () => {});
          slabs.give(chunk[0] as Uint8Array);
        });
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

/** SAs that are made, carry one packet there and back, and are dropped: what an IKE daemon's rekeys cost the datapath. */
async function benchChurn(crypto: CryptoProviders, provider: string): Promise<void> {
  const name = `esp/SA made, used and dropped, ${provider}`;
  await bench.group([name, `${name}, growth`], async () => {
    const [here, there] = [new SaTable(), new SaTable()];
    const encryptor = new EspEncryptor({ table: here });
    const decryptor = new EspDecryptor({ table: there });
    const [packet] = packetBatch(PACKET_LENGTH);
    let spi = 256;
    let received = 0;
    const turn = (times: number): void => {
      for (let i = 0; i < times; i++) {
        const outbound = new OutboundSa({ spi: ++spi, cipher, crypto });
        here.addOutbound(outbound, EVERYTHING);
        there.addInbound(new InboundSa({ spi, cipher, crypto }));
        encryptor.handle(packet!, (esp) => decryptor.handle(esp, () => received++));
        here.removeOutbound(outbound);
        there.removeInbound(spi);
      }
    };
    const times = bench.quick ? 2000 : 100_000;
    turn(times / 4);
    const before = await liveMemory();
    const clock = startClock();
    turn(times);
    const { busy } = clock();
    const growth = await liveMemory() - before;
    if (received !== spi - 256) {
      throw new Error(`Cannot count packets: expected ${spi - 256}, got ${received}`);
    }
    bench.row(name, 1e6 * busy / times, "us/pair");
    bench.row(`${name}, growth`, growth / 1024, "KiB");
  });
}

/** A calibrated run of something that returns at once: seconds a call. */
function timed(call: () => void): Promise<() => Promise<number>> {
  return calibrated((amount) => {
    for (let i = 0; i < amount; i++) call();
    return Promise.resolve();
  }, bench.quick ? 0.02 : 0.08);
}
