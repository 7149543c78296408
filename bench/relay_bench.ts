/**
 * The relay pair, originator and responder in two processes, against the plainest copy that does the same: UDP to TCP to UDP.
 * This process plays both daemons. Datagrams are of 1400 octets, and no more are on the way than socket buffers hold.
 */

import { Bench, median, Rounds } from "./_harness.ts";
import { RelayPair } from "./_relay_pair.ts";
import { PACKET_LENGTH } from "./_traffic.ts";

const bench = new Bench();
const datagrams = bench.quick ? 6000 : 30000;
const pings = bench.quick ? 200 : 1000;

const names = ["throughput", "rate", "CPU of both relays", "ping"] as const;
const nameOf = (what: typeof names[number], who: string) => `relay/${who}, ${what}`;

await bench.group(names.flatMap((what) => [nameOf(what, "plain copy"), nameOf(what, "relay")]), async () => {
  const pairs = { "plain copy": await RelayPair.open(true), relay: await RelayPair.open(false) };
  try {
    const cpu = { "plain copy": [] as number[], relay: [] as number[] };
    const push = (who: keyof typeof pairs) => async () => {
      const taken = await pairs[who].push(datagrams);
      cpu[who].push(taken.cpu);
      return taken.wall;
    };
    const rounds = await Rounds.run({ "plain copy": push("plain copy"), relay: push("relay") }, bench.rounds);
    const echo = await Rounds.run({
      "plain copy": () => pairs["plain copy"].ping(pings),
      relay: () => pairs.relay.ping(pings),
    }, bench.rounds);
    for (const who of ["plain copy", "relay"] as const) {
      const to = (what: typeof names[number], ratio: number) =>
        who === "relay" ? { to: { name: nameOf(what, "plain copy"), ratio } } : {};
      const speedUp = 1 / rounds.ratio("relay", "plain copy");
      const perSecond = 1 / rounds.cost(who);
      bench.row(nameOf("rate", who), perSecond / 1e3, "kpps", to("rate", speedUp));
      bench.row(
        nameOf("throughput", who),
        perSecond * PACKET_LENGTH * 8 / 1e6,
        "Mbit/s",
        to("throughput", speedUp),
      );
      const cpuRatio = median(cpu.relay.map((time, i) => time / cpu["plain copy"][i]!));
      bench.row(
        nameOf("CPU of both relays", who),
        1e6 * median(cpu[who]),
        "us/datagram",
        to("CPU of both relays", cpuRatio),
      );
      bench.row(
        nameOf("ping", who),
        1e6 * echo.cost(who),
        "us",
        to("ping", echo.ratio("relay", "plain copy")),
      );
    }
  } finally {
    await Promise.all(Object.values(pairs).map((pair) => pair.close()));
  }
});
