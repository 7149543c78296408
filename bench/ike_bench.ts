/**
 * Handshakes, both ends in one process: IKE_SA_INIT and IKE_AUTH with a child SA, by function call and over loopback TCP, against the
 * cryptographic operations that are done in them; and what an SA holds. It runs by itself, too:
 * `node bench/ike_bench.ts --quick --only "handshake psk"`.
 */

import process from "node:process";
import { runtimeCrypto } from "../lib/runtime/mod.ts";
import { ChildSas } from "../lib/tunnel/child_sas.ts";
import { collectGarbage } from "../test/_support/gc.ts";
import type { IkeSaId } from "../lib/ike/mod.ts";
import { IkeEnds, type Method, type Suite } from "./_ike_ends.ts";
import { type Bar, Bench, Rounds, startClock } from "./_harness.ts";
import { IkeTcpEnds } from "./_ike_tcp_ends.ts";
import { TimedCrypto } from "./_timed_crypto.ts";

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

/** Handshakes between two clocks, each with a peer of its own; they are deleted when nobody looks. */
const HANDSHAKES = bench.quick ? 50 : 400;
/** Until the compilers of all runtimes have done what they do. */
const WARM_ROUNDS = bench.quick ? 1 : 6;
/** Over TCP, as at a gateway that many peers call. */
const AT_ONCE = 32;

const PATH = {
  id: "bench",
  reliable: true,
  local: { address: new Uint8Array(4), port: 1 },
  remote: { address: new Uint8Array(4), port: 2 },
};

for (const [method, ike, esp] of SUITES) await benchHandshake({ method, ike, esp });
await benchMemory();

async function benchHandshake(plain: Suite): Promise<void> {
  // All certificates are of one host, and those of one peer are compared with each other: fewer at a time.
  const [peers, handshakes] = plain.method === "psk" ? [HANDSHAKES, HANDSHAKES] : [1, 50];
  const suite = { ...plain, peers };
  const name = `ike/handshake ${suite.method} ${suite.ike}`;
  const tcp = `${name}, loopback TCP`;
  await bench.group([name, tcp], async () => {
    const timed = new TimedCrypto(crypto);
    const ends = new IkeEnds(suite, timed);
    const tcpEnds = await IkeTcpEnds.open(suite, timed);
    const run = async (work: () => void | Promise<void>, after: () => void | Promise<void>) => {
      timed.spent = 0;
      const clock = startClock();
      await work();
      const { wall, busy } = clock();
      const share = timed.spent / 1e3 / wall;
      await after();
      return { all: busy / handshakes, own: share * busy / handshakes };
    };
    let [called, sent] = [{ all: 0, own: 0 }, { all: 0, own: 0 }];
    const rounds = await Rounds.run(
      {
        called: async () => {
          const live: IkeSaId[] = [];
          called = await run(
            () => {
              for (let i = 0; i < handshakes; i++) live.push(ends.connect());
            },
            () => live.forEach((ikeSa) => ends.delete(ikeSa)),
          );
          return called.all;
        },
        ownOfCalled: () => called.own,
        sent: async () => {
          sent = await run(() => tcpEnds.connect(handshakes, AT_ONCE), () => tcpEnds.deleteAll());
          return sent.all;
        },
        ownOfSent: () => sent.own,
      },
      bench.rounds,
      WARM_ROUNDS,
    );
    await tcpEnds.close();
    const bar = HANDSHAKE_BAR;
    const [own, tcpOwn] = [`${name}, its own cryptography`, `${tcp}, its own cryptography`];
    bench.row(own, rounds.cost("ownOfCalled") * 1e6, "us");
    bench.row(name, rounds.cost("called") * 1e6, "us", {
      to: { name: own, ratio: rounds.ratio("called", "ownOfCalled") },
      bar,
    });
    bench.row(tcpOwn, rounds.cost("ownOfSent") * 1e6, "us");
    bench.row(tcp, rounds.cost("sent") * 1e6, "us", {
      to: { name: tcpOwn, ratio: rounds.ratio("sent", "ownOfSent") },
      bar,
    });
    bench.row(`${tcp}, each second`, 1 / rounds.cost("sent"), "handshakes/s");
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
