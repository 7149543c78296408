/**
 * The whole datapath: encrypt, frame, loopback TCP, deframe, demux, decrypt, in two processes and in one. Its ceiling is the
 * plain loop of the same run: the bare cipher of the same provider and the runtime's own socket, at both ends.
 * It runs by itself, too: `node bench/datapath_bench.ts --quick --only "1400 B"`.
 */

import { bareCipher, type Taken, type Transfer, type Way } from "./_datapath_ends.ts";
import type { DatapathPeerCalls } from "./_datapath_peer.ts";
import { nativeProviders, packetBatch } from "./_esp_traffic.ts";
import { type Bar, Bench, median } from "./_harness.ts";
import { Peer } from "./_peer.ts";
import { MESSAGE_LENGTHS, PACKET_LENGTH } from "./_traffic.ts";

/** DESIGN.md, section 6: of the ceiling. */
const BAR: Bar = { of: "ratio", atLeast: 0.8 };

const bench = new Bench();
/** Seconds that the cipher works in one run, which is a third of the run or more. Short runs tell of compilers, not of packets. */
const seconds = bench.quick ? 0.01 : 0.12;
const sizes = bench.quick ? [PACKET_LENGTH] : MESSAGE_LENGTHS;
const rounds = bench.quick ? 5 : 7;
/** Runs before the first that counts: what is measured is what a tunnel does after its first second. */
const warm = 3;

/** What crosses in two processes. */
const MEASURED = ["plain loop", "stages", "composed", "joined"] as const;

/** What is told of each besides its rate. */
const PARTS = ["packets", "wall clock", "sender", "receiver"] as const;

/** What both ends of a run took. */
interface Run {
  readonly sender: Taken;
  readonly receiver: Taken;
}

/** A sender and a receiver. */
class Pair {
  readonly #transfer: Transfer;
  #sender: Peer<DatapathPeerCalls> | undefined;
  #receiver: Peer<DatapathPeerCalls> | undefined;

  constructor(transfer: Transfer) {
    this.#transfer = transfer;
  }

  /** The process that sends, started when it is first asked for. */
  get sender(): Peer<DatapathPeerCalls> {
    return this.#sender ??= new Peer("_datapath_peer.ts");
  }

  /** The process that receives. */
  get receiver(): Peer<DatapathPeerCalls> {
    return this.#receiver ??= new Peer("_datapath_peer.ts");
  }

  /** From one to the other. */
  async across(): Promise<Run> {
    const transfer = this.#transfer;
    const port = await this.receiver.call("listen", transfer);
    const received = this.receiver.call("receive", transfer);
    const [sender, receiver] = await Promise.all([this.sender.call("send", { port, transfer }), received]);
    return { sender, receiver };
  }

  close(): void {
    this.#sender?.close();
    this.#receiver?.close();
  }
}

for (const { name } of nativeProviders()) {
  for (const size of sizes) await benchSize(name, size);
}

async function benchSize(provider: string, size: number): Promise<void> {
  const nameOf = (what: string) => `datapath/${what}, ${size} B, ${provider}`;
  const whole = [...MEASURED, "cipher and socket apart", "one process"].map(nameOf);
  await bench.group(whole.flatMap((name) => [name, ...PARTS.map((part) => `${name}, ${part}`)]), async () => {
    const batches = batchesFor(provider, size);
    const of = (way: Way): Transfer => ({ way, provider, size, batches });
    const runs: Record<typeof MEASURED[number], Run[]> = {
      "plain loop": [],
      stages: [],
      composed: [],
      joined: [],
    };
    const apart: number[] = [];
    const alone: number[] = [];
    // A process does one thing, as a tunnel's does: compilers make worse code of what is used in many ways.
    const pairs = {
      "plain loop": new Pair(of("plain loop")),
      stages: new Pair(of("stages")),
      composed: new Pair(of("composed")),
      joined: new Pair(of("joined")),
      socket: new Pair(of("socket")),
    };
    const cipher = new Pair(of("socket"));
    const single = new Pair(of("stages"));
    try {
      for (let i = -warm; i < rounds; i++) {
        const taken = {
          "plain loop": await pairs["plain loop"].across(),
          stages: await pairs.stages.across(),
          composed: await pairs.composed.across(),
          joined: await pairs.joined.across(),
        };
        if (i >= 0) { for (const way of MEASURED) runs[way].push(taken[way]); }
        if (bench.quick) continue; // processes take longer to start than to be measured
        const socket = await pairs.socket.across();
        const seal = await cipher.sender.call("seal", of("socket"));
        const open = await cipher.receiver.call("open", of("socket"));
        const together = await single.sender.call("both", of("stages"));
        if (i < 0) continue;
        apart.push(Math.max(socket.sender.busy + seal.busy, socket.receiver.busy + open.busy));
        alone.push(together.busy);
      }
    } finally {
      for (const pair of [...Object.values(pairs), cipher, single]) pair.close();
    }

    const ceiling = nameOf("plain loop");
    for (const way of MEASURED) {
      const name = nameOf(way);
      const ratio = median(runs[way].map((run, i) => slower(runs["plain loop"][i]!) / slower(run)));
      const judged = way !== "plain loop" && size === PACKET_LENGTH;
      const to = way === "plain loop" ? {} : { to: { name: ceiling, ratio } };
      const time = median(runs[way].map(slower));
      bench.row(name, gigabits(size, time), "Gbit/s", { ...to, ...(judged ? { bar: BAR } : {}) });
      bench.row(`${name}, packets`, 1e-6 / time, "Mpps");
      bench.row(
        `${name}, wall clock`,
        gigabits(size, median(runs[way].map((run) => run.receiver.wall))),
        "Gbit/s",
      );
      bench.row(`${name}, sender`, 1e9 * median(runs[way].map(({ sender }) => sender.busy)), "ns/packet");
      bench.row(
        `${name}, receiver`,
        1e9 * median(runs[way].map(({ receiver }) => receiver.busy)),
        "ns/packet",
      );
    }
    if (bench.quick) return;
    bench.row(nameOf("cipher and socket apart"), gigabits(size, median(apart)), "Gbit/s", {
      to: { name: ceiling, ratio: median(runs["plain loop"].map((run, i) => slower(run) / apart[i]!)) },
    });
    bench.row(nameOf("one process"), gigabits(size, median(alone)), "Gbit/s");
  });
}

/** How many batches keep the cipher busy for that long. */
function batchesFor(provider: string, size: number): number {
  const some: Transfer = { way: "socket", provider, size, batches: 200 };
  bareCipher("seal", some); // warm
  return Math.ceil(seconds / bareCipher("seal", some).busy / packetBatch(size).length);
}

/** Seconds a packet of the end that is busier: both work at once, so that it alone decides where each has a core. */
function slower({ sender, receiver }: Run): number {
  return Math.max(sender.busy, receiver.busy);
}

/** Octets of inner packets. */
function gigabits(size: number, seconds: number): number {
  return size * 8 / seconds / 1e9;
}
