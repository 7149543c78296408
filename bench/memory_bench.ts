/**
 * Memory of idle connections, heap and external after garbage collection, over the runtime's own sockets. A thousand of each
 * kind in a process of their own; the other ends are in another one.
 */

import type { MemoryHolderCalls } from "./_memory_holder.ts";
import type { Kind, MemorySubjectCalls } from "./_memory_subject.ts";
import { type Bar, Bench } from "./_harness.ts";
import { Peer } from "./_peer.ts";

const bench = new Bench();
const connections = bench.quick ? 200 : 1000;
/** Opened before the first measurement, so that code and tables are there. */
const first = 20;
const bar: Bar = { of: "value", atMost: 16 };

for (const [who, measure] of [["accepted", measureAccepted], ["client", measureConnected]] as const) {
  const names = {
    raw: `memory/raw socket, ${who}`,
    Connection: `memory/Connection over raw socket, ${who}`,
    EncapsulationStream: `memory/Connection and EncapsulationStream over raw socket, ${who}`,
    EncapsulatedConnection: `memory/EncapsulatedConnection over raw socket, ${who}`,
  } as const;
  await bench.group(Object.values(names), async () => {
    const raw = await measure("raw");
    bench.row(names.raw, raw, "KiB");
    for (const kind of ["Connection", "EncapsulationStream", "EncapsulatedConnection"] as const) {
      if (bench.wants(names[kind])) {
        bench.row(names[kind], await measure(kind) - raw, "KiB", { bar });
      }
    }
  });
}

const relayNames = {
  raw: "memory/raw UDP socket",
  endpoint: "memory/UDP endpoint over raw UDP socket",
  relay: "memory/stream of a responder's relay over raw sockets",
} as const;
await bench.group(Object.values(relayNames), async () => {
  const udp = await measureUdp("raw UDP");
  bench.row(relayNames.raw, udp, "KiB");
  bench.row(relayNames.endpoint, await measureUdp("UDP endpoint") - udp, "KiB");
  if (!bench.wants(relayNames.relay)) return;
  const raw = await measureAccepted("raw");
  bench.row(relayNames.relay, await measureAccepted("relay") - raw - udp, "KiB", { bar });
});

function measureAccepted(kind: Kind): Promise<number> {
  return withPeers(async (subject, holder) => {
    const udpPort = await holder.call("openUdp");
    const port = await subject.call("listen", { kind, udpPort });
    const speak = kind === "relay";
    const open = async (count: number, soFar: number) => {
      await holder.call("connect", { port, count, speak });
      if (speak) await holder.call("heard", { count: soFar + count });
    };
    return growth(subject, open);
  });
}

function measureConnected(kind: Kind): Promise<number> {
  return withPeers(async (subject, holder) => {
    const port = await holder.call("listen");
    return growth(subject, (count) => subject.call("connect", { kind, port, count }));
  });
}

function measureUdp(kind: Kind): Promise<number> {
  return withPeers(async (subject, holder) => {
    const port = await holder.call("openUdp");
    return growth(subject, (count) => subject.call("openUdp", { kind, port, count }));
  });
}

/** KiB that each further one takes. */
async function growth(
  subject: Peer<MemorySubjectCalls>,
  open: (count: number, soFar: number) => Promise<void>,
): Promise<number> {
  await open(first, 0);
  const before = await subject.call("memory");
  await open(connections, first);
  return (await subject.call("memory") - before) / connections / 1024;
}

async function withPeers<T>(
  use: (subject: Peer<MemorySubjectCalls>, holder: Peer<MemoryHolderCalls>) => Promise<T>,
): Promise<T> {
  const subject = new Peer<MemorySubjectCalls>("_memory_subject.ts", { gc: true });
  const holder = new Peer<MemoryHolderCalls>("_memory_holder.ts");
  try {
    return await use(subject, holder);
  } finally {
    subject.close();
    holder.close();
  }
}
