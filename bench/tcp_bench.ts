/**
 * Bulk over loopback TCP between two processes: our connections, and messages over them, against the same runtime's own
 * sockets read by the same method, into memory of the same kind. Where a client reads and where an accepted socket does are apart, since Node reads them
 * by different methods.
 */

import { Bench, median, Rounds, type RowDetails, startClock } from "./_harness.ts";
import { Peer } from "./_peer.ts";
import type { TcpPeerCalls } from "./_tcp_peer.ts";
import {
  connectTo,
  type End,
  expectedCount,
  listenForOne,
  octetsOf,
  rawOf,
  type Way,
  WAYS,
} from "./_tcp_ends.ts";

/** Who reads. */
type Reader = "client" | "accepted";

/** What a transfer took. */
interface Transfer {
  /** Nanoseconds an octet, by the wall clock: both ends work at once. */
  readonly wall: number;
  /** Nanoseconds of CPU time an octet, of both ends. */
  readonly cpu: number;
  /**
   * Nanoseconds an octet that the busier end worked: what bounds the throughput once each end has a core of its own. On a
   * machine that others use, too, only this compares; CPU time that helper threads took beside is left out by the wall clock.
   */
  readonly busier: number;
}

const bench = new Bench();
/** Chunks of 64 KiB in a transfer. */
const chunks = bench.quick ? 1024 : 4096;

for (const reader of ["client", "accepted"] as const) {
  const nameOf = (way: Way) => `tcp/${way}, ${reader} reads`;
  const cpuNameOf = (way: Way) => `tcp/${way}, ${reader} reads, CPU of both ends`;
  await bench.group(WAYS.flatMap((way) => [nameOf(way), cpuNameOf(way)]), async () => {
    const peer = new Peer<TcpPeerCalls>("_tcp_peer.ts");
    try {
      const cpu = new Map<Way, number[]>(WAYS.map((way) => [way, []]));
      const wall = new Map<Way, number[]>(WAYS.map((way) => [way, []]));
      const runs = Object.fromEntries(WAYS.map((way) => [way, async () => {
        const taken = await transfer(peer, reader, way);
        cpu.get(way)!.push(taken.cpu);
        wall.get(way)!.push(taken.wall);
        return taken.busier;
      }])) as Record<Way, () => Promise<number>>;
      const rounds = await Rounds.run(runs, bench.rounds, 2);
      const comparison = (way: Way): RowDetails => {
        const raw = rawOf(way);
        if (raw === undefined) return {};
        return {
          to: { name: nameOf(raw), ratio: 1 / rounds.ratio(way, raw) },
          bar: { of: "ratio", atLeast: 0.85 },
        };
      };
      for (const way of WAYS) {
        bench.row(
          nameOf(way),
          1 / median(wall.get(way)!),
          "GB/s",
          comparison(way),
        );
        bench.row(cpuNameOf(way), median(cpu.get(way)!), "s/GB");
      }
    } finally {
      peer.close();
    }
  });
}

async function transfer(peer: Peer<TcpPeerCalls>, reader: Reader, way: Way): Promise<Transfer> {
  let end: End;
  let sent: Promise<number>;
  if (reader === "client") {
    end = await connectTo(way, await peer.call("listen", { way }));
    sent = peer.call("sendAccepted", { chunks });
  } else {
    const { port, accepted } = await listenForOne(way);
    sent = peer.call("sendConnected", { way, port, chunks });
    end = await accepted;
  }
  const clock = startClock();
  const received = await end.receive();
  const { wall, cpu } = clock();
  const senderCpu = await sent;
  await end.close();
  if (received !== expectedCount(way, chunks)) {
    throw new Error(`Cannot count ${way}: expected ${expectedCount(way, chunks)}, got ${received}`);
  }
  const octets = octetsOf(way, chunks);
  const busier = Math.min(wall, Math.max(cpu, senderCpu));
  return {
    wall: 1e9 * wall / octets,
    cpu: 1e9 * (cpu + senderCpu) / octets,
    busier: 1e9 * busier / octets,
  };
}
