/**
 * Handshakes, both ends in one process: IKE_SA_INIT, IKE_AUTH with a child SA, and deletion, against the same cryptographic operations
 * alone; and what an SA holds. It runs by itself, too: `node bench/ike_bench.ts --quick --only "handshake psk"`.
 */

import process from "node:process";
import { runtimeCrypto } from "../lib/runtime/mod.ts";
import { ChildSas } from "../lib/tunnel/child_sas.ts";
import { collectGarbage } from "../test/_support/gc.ts";
import { IkeEnds, type Method, type Suite } from "./_ike_ends.ts";
import { type Bar, Bench, calibrated, Rounds } from "./_harness.ts";
import { RecordedCrypto } from "./_recorded_crypto.ts";

/** DESIGN.md, section 6. */
const HANDSHAKE_BAR: Bar = { of: "ratio", atMost: 1.5 };
const MEMORY_BAR: Bar = { of: "value", atMost: 12 };

const bench = new Bench();
const crypto = runtimeCrypto();

const SUITES: readonly (readonly [Method, string, string])[] = [
  ["psk", "aes256gcm16-prfsha384-x25519", "aes256gcm16"],
  ["psk", "aes256gcm16-prfsha384-ecp256", "aes256gcm16"],
  ["psk", "aes256-sha256-modp2048", "aes256-sha256"],
  ["ecdsa", "aes256gcm16-prfsha384-x25519", "aes256gcm16"],
  ["rsa", "aes256gcm16-prfsha384-x25519", "aes256gcm16"],
];

const PATH = {
  id: "bench",
  reliable: true,
  local: { address: new Uint8Array(4), port: 1 },
  remote: { address: new Uint8Array(4), port: 2 },
};

for (const [method, ike, esp] of SUITES) await benchHandshake({ method, ike, esp });
await benchMemory();

async function benchHandshake(suite: Suite): Promise<void> {
  const name = `ike/handshake ${suite.method} ${suite.ike}`;
  const alone = `${name}, its cryptography alone`;
  await bench.group([name, alone], async () => {
    const recorded = new RecordedCrypto(crypto);
    const recordings = new IkeEnds(suite, recorded);
    recordings.delete(recordings.connect());
    recorded.forget();
    recordings.delete(recordings.connect());

    const ends = new IkeEnds(suite, crypto);
    const seconds = bench.quick ? 0.05 : 0.4;
    const rounds = await Rounds.run({
      handshake: await calibrated((amount) => repeat(amount, () => ends.delete(ends.connect())), seconds),
      alone: await calibrated((amount) => repeat(amount, () => recorded.replay()), seconds),
    }, bench.rounds);
    bench.row(alone, rounds.cost("alone") * 1e6, "us");
    bench.row(name, rounds.cost("handshake") * 1e6, "us", {
      to: { name: alone, ratio: rounds.ratio("handshake", "alone") },
      bar: HANDSHAKE_BAR,
    });
    bench.row(`${name}, each second`, 1 / rounds.cost("handshake"), "handshakes/s");
  });
}

/** Heap and buffers outside after collection, for one end of each: both ends are here and hold about the same. */
async function benchMemory(): Promise<void> {
  const names = ["ike/memory of an IKE SA with a child SA", "ike/memory of a half-open IKE SA"] as const;
  const count = bench.quick ? 200 : 1000;
  await bench.group(names, async () => {
    const [method, ike, esp] = SUITES[0]!;
    const ends = new IkeEnds({ method, ike, esp }, crypto);
    const children: ChildSas[] = [];
    ends.onEvent = (event) => {
      if (event.type !== "child_sa_installed") return;
      const sas = new ChildSas({ crypto });
      sas.install(event, PATH);
      children.push(sas);
    };
    const grow = async (open: () => void): Promise<number> => {
      for (let i = 0; i < 20; i++) open(); // code and tables are there
      const before = await usedMemory();
      for (let i = 0; i < count; i++) open();
      return (await usedMemory() - before) / count / 1024;
    };
    bench.row(names[0], await grow(() => ends.connect()) / 2, "KiB", { bar: MEMORY_BAR });
    bench.row(names[1], await grow(() => ends.halfOpen()), "KiB");
    for (const sas of children) sas.dispose();
  });
}

async function usedMemory(): Promise<number> {
  await collectGarbage();
  await collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

// deno-lint-ignore require-await
async function repeat(amount: number, work: () => void): Promise<void> {
  for (let i = 0; i < amount; i++) work();
}
