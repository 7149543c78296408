#!/usr/bin/env node
/**
 * The soak: `npm run test:interop:soak [-- --minutes 60]`. Tunnels between our engine and strongSwan, over UDP and over RFC 9329 TCP and with
 * either end as the initiator, whose child and IKE SAs both ends replace every few seconds and every some tens of seconds, under
 * numbered pings from both ends. No packet may be lost, and memory may not grow.
 *
 *     --minutes N       how long (default: 60)
 *     --rate N          pings a second from each end of each tunnel (default: 100)
 *     --child N         an end replaces the child SA after about so many seconds (default: 8)
 *     --ike N           an end replaces the IKE SA after about so many seconds (default: 40)
 *     --only NAME       one of the tunnels: tcp, udp, asked
 *
 * It has a lab of its own (other directory, other namespaces) beside that of `npm run test:interop`, and needs what that needs.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

process.env.SWLAB_RUN ??= "/run/swlab-soak";
process.env.SWLAB_NS ??= "sws";
const { address, directory, inside, Lab } = await import("./_support/lab.mjs");
const { asCarol, asMoon, credentials } = await import("./_support/ike_setups.mjs");
const { leftOf } = await import("./_support/ike_process.mjs");
const { Background, eventually, lastLines, sleep } = await import("./_support/shell.mjs");

const here = fileURLToPath(new URL(".", import.meta.url));
const { values: options } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    rate: { type: "string", default: "100" },
    child: { type: "string", default: "8" },
    ike: { type: "string", default: "40" },
    only: { type: "string" },
  },
});
const minutes = Number(options.minutes);
const rate = Number(options.rate);
const lives = { child: Number(options.child), ike: Number(options.ike) };

/** Growth that a sample's noise explains; a leak of a rekey or a packet is far above in an hour. */
const maxGrowthKiBPerHour = 1024;

/**
 * Lives of our SAs in swanctl's words, and of strongSwan's: half of the time is chance, so that the ends meet now and then.
 * strongSwan counts whole seconds, from the second before: ours are a little shorter, so that both get their turn.
 */
const ourChild = { rekey_time: lives.child * 0.8, rand_time: lives.child / 2, life_time: lives.child * 5 };
const ourIke = { rekey_time: lives.ike * 0.9, rand_time: lives.ike / 2, over_time: lives.ike };
const theirChild = `rekey_time = ${lives.child}s
rand_time = ${lives.child / 2}s
life_time = ${lives.child * 5}s`;
const theirIke = `rekey_time = ${lives.ike}s
rand_time = ${lives.ike / 2}s
over_time = ${lives.ike}s
reauth_time = 0`;

/** The tunnels: who begins, on what, and on which side of the lab the other end's packets come from. */
const tunnels = {
  tcp: {
    setup: {
      role: "originator",
      connections: [
        asCarol("psk", { ...ourIke, children: { net: { remote_ts: "10.99.1.0/24", ...ourChild } } }),
      ],
      credentials: credentials("carol"),
      remote: { hostname: address.moon, port: 4500 },
      to: address.moonLan,
    },
    pinger: "moon",
  },
  udp: {
    setup: {
      role: "originator",
      connections: [asCarol("ecdsa", {
        ...ourIke,
        children: { net: { remote_ts: "10.99.1.0/24", esp_proposals: "aes256gcm16-x25519", ...ourChild } },
      })],
      credentials: credentials("carol"),
      local: { hostname: address.sun, port: 4500 },
      remote: { hostname: address.moon, port: 4500 },
      to: address.moonLan,
    },
    pinger: "moon",
  },
  asked: {
    setup: {
      role: "responder",
      connections: [
        asMoon("psk", { ...ourIke, children: { net: { local_ts: "10.99.1.0/24", ...ourChild } } }),
      ],
      credentials: credentials("moon"),
      pools: { pool4: { addrs: "10.99.2.0/24" } },
      listen: { hostname: address.sun, port: 4500 },
      from: address.moonLan,
    },
    pinger: "carol",
  },
};

/** A tunnel's two programs: ours, and the daemon's pings. */
class Tunnel {
  constructor(name, { setup, pinger }) {
    this.name = name;
    this.pinger = pinger;
    const file = `${directory}/soak-${name}.json`;
    writeFileSync(file, JSON.stringify({ rate, ...setup }));
    const command = [process.execPath, "--expose-gc", `${here}_support/soak_peer.mjs`, file];
    this.peer = new Background(`soak-${name}`, inside("sun", ...command), { directory });
  }

  get lines() {
    const lines = this.peer.stdout.split("\n");
    lines.pop();
    return lines.map((line) => JSON.parse(line));
  }

  of(kind) {
    return this.lines.filter((line) => kind in line);
  }

  /** Waits for its child SA, and begins the packets of the other end. */
  async up(lab) {
    await eventually(`${this.name} to come up`, 20, () => {
      if (!this.peer.running) throw new Error(`${this.name} has ended: ${lastLines(this.peer.stderr, 8)}`);
      return this.of("up").length > 0;
    });
    const target = this.pinger === "carol" ? address.moonLan : this.of("up")[0].up;
    const command = [process.execPath, `${here}_support/soak_sender.mjs`, target, `${rate}`];
    this.sender = lab.background(`soak-sender-${this.name}`, this.pinger, command);
  }

  /** Ends both ends' packets, then the SA: the figures. */
  async down() {
    await this.sender.stop();
    const sender = this.sender.stdout.trim().split("\n").map((line) => JSON.parse(line));
    await this.peer.stop("SIGTERM", 20);
    const [{ end } = {}] = this.of("end");
    if (end === undefined) {
      throw new Error(`${this.name} has not ended well: ${lastLines(this.peer.stderr, 8)}`);
    }
    return {
      name: this.name,
      ...end.counts,
      theirs: sender.at(-1).end,
      left: Object.values(leftOf(end.engine)).reduce((sum, value) => sum + value, 0),
      memory: memoryOf(this.of("sample").map(({ sample }) => sample)),
    };
  }
}

/**
 * Memory after collection, in KiB, at the middle of the run and at its end: a runtime compiles and caches for half an hour. The
 * slope an hour is that of the heap; what is external are buffers that come and go, of which the least counts.
 */
function memoryOf(samples) {
  const settled = samples.filter(({ seconds }) => seconds >= minutes * 30);
  const points = (settled.length < 2 ? samples : settled).map(({ seconds, memory }) => ({
    hours: seconds / 3600,
    heap: memory.heapUsed / 1024,
    external: memory.external / 1024,
    rss: memory.rss / 1024,
  }));
  const half = points.length >> 1;
  const least = (some) => Math.round(Math.min(...some.map(({ external }) => external)));
  return {
    start: Math.round(points[0].heap),
    end: Math.round(points.at(-1).heap),
    slope: Math.round(slopeOf(points.map(({ hours, heap }) => [hours, heap]))),
    external: [least(points.slice(0, Math.max(1, half))), least(points.slice(half))],
    rssStart: Math.round(points[0].rss),
    rssEnd: Math.round(points.at(-1).rss),
  };
}

/** The slope of the straight line with the least squares. */
function slopeOf(points) {
  if (points.length < 2) return 0;
  const mean = (index) => points.reduce((sum, point) => sum + point[index], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const over = points.reduce((sum, [px, py]) => sum + (px - x) * (py - y), 0);
  return over / points.reduce((sum, [px]) => sum + (px - x) ** 2, 0);
}

let takenDown = false;
function takeDown() {
  if (takenDown) return;
  takenDown = true;
  spawnSync("bash", [`${here}lab/down.sh`, process.env.SOAK_KEEP ? "" : "--purge"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    takeDown();
    process.exit(1);
  });
}

async function main() {
  if (!await Lab.packages()) throw new Error("The soak needs Debian's strongSwan packages");
  mkdirSync(`${directory}/pids`, { recursive: true });
  await Lab.fresh();
  const lab = new Lab({ carol: "node", moon: "node" });
  await lab.up({
    MOON_CHILD_LIFE: theirChild,
    CAROL_CHILD_LIFE: theirChild,
    MOON_IKE_LIFE: theirIke,
    CAROL_IKE_LIFE: theirIke,
  });
  await lab.router("open");
  const relays = [await lab.moonRelay(), await lab.carolRelay("127.0.0.1", address.sun)];
  const all = Object.entries(tunnels).filter(([name]) => options.only === undefined || options.only === name)
    .map(([name, tunnel]) => new Tunnel(name, tunnel));
  for (const tunnel of all) {
    if (tunnel.name === "asked") {
      await eventually("our end to listen", 10, () => tunnel.of("ready").length > 0);
      await lab.initiate("psk-relay");
    }
    await tunnel.up(lab);
  }
  const relayRss = () => relays.map((relay) => rssOf(relay.pid));
  console.log(`Up: ${all.map(({ name }) => name).join(", ")}; relays of ${relayRss().join(" and ")} KiB`);
  const seen = new Map(all.map((tunnel) => [tunnel, 0]));
  const until = performance.now() + minutes * 60_000;
  let relaysAtStart;
  while (performance.now() < until) {
    await sleep(Math.min(5000, until - performance.now()));
    if (relaysAtStart === undefined && until - performance.now() < (minutes - 5) * 60_000) {
      relaysAtStart = relayRss();
    }
    for (const tunnel of all) {
      const lines = tunnel.lines;
      for (const line of lines.slice(seen.get(tunnel))) report(tunnel.name, line);
      seen.set(tunnel, lines.length);
      if (!tunnel.peer.running) {
        throw new Error(`${tunnel.name} has ended: ${lastLines(tunnel.peer.stderr, 8)}`);
      }
    }
  }
  const relaysAtEnd = relayRss();
  const results = [];
  for (const tunnel of all) {
    const from = tunnel.lines.length;
    results.push(await tunnel.down());
    for (const line of tunnel.lines.slice(from)) report(tunnel.name, line);
  }
  for (const relay of relays) await relay.stop();
  return finish(
    results,
    `relays ${(relaysAtStart ?? relaysAtEnd).join("+")} -> ${relaysAtEnd.join("+")} KiB rss`,
  );
}

/** What a tunnel has told: a line a minute, and everything for what went wrong. */
function report(name, line) {
  if ("sample" in line) {
    const { seconds, counts, memory, engine } = line.sample;
    const { sent, lost, echoed, childRekeys, ikeRekeys } = counts;
    const kib = (octets) => `${Math.round(octets / 1024)}`;
    console.log(
      `${
        name.padEnd(6)
      } ${seconds} s: ${sent} pings sent, ${lost} lost, ${echoed} echoed; ${childRekeys} child and ${ikeRekeys} IKE rekeys; ` +
        `heap ${kib(memory.heapUsed)} + external ${kib(memory.external)} KiB, rss ${kib(memory.rss)} KiB; ${
          Object.entries(engine).map(([key, value]) => `${key} ${value}`).join(", ")
        }`,
    );
  } else if ("lost" in line || "broke" in line) {
    console.log(`${name}: ${JSON.stringify(line, undefined, 1)}`);
  }
}

/** The figures, a line a tunnel and one for all; the exit status. */
function finish(results, relays) {
  const total = { sent: 0, lost: 0, child: 0, ike: 0 };
  let bad = 0;
  for (
    const {
      name,
      sent,
      lost,
      twice,
      refused,
      theirs,
      childRekeys,
      childAsked,
      ikeRekeys,
      ikeAsked,
      ended,
      failures,
      left,
      memory,
    } of results
  ) {
    total.sent += sent + theirs.sent;
    total.lost += lost + theirs.lost;
    total.child += childRekeys;
    total.ike += ikeRekeys;
    const [before, after] = memory.external;
    const grows = minutes >= 20 &&
      (memory.slope > maxGrowthKiBPerHour || after - before > maxGrowthKiBPerHour);
    if (lost + theirs.lost + twice + theirs.twice + refused + failures + left > 0 || ended > 1 || grows) {
      bad++;
    }
    console.log(
      `${name}: ${childRekeys} child rekeys (${childAsked} asked by us), ${ikeRekeys} IKE rekeys (${ikeAsked} by us); ours ${sent} sent, ${lost} lost, ${twice} twice; theirs ${theirs.sent} sent, ${theirs.lost} lost, ${theirs.twice} twice; ` +
        `${failures} failures, ${left} left; heap ${memory.start} -> ${memory.end} KiB (${memory.slope} KiB an hour), external ${
          memory.external.join(" -> ")
        } KiB, rss ${memory.rssStart} -> ${memory.rssEnd} KiB`,
    );
  }
  console.log(
    `${
      bad === 0 ? "ok" : "FAIL"
    }: ${minutes} minutes, ${total.child} child and ${total.ike} IKE rekeys, ${total.sent} packets sent, ${total.lost} lost; ${relays}`,
  );
  return bad === 0 ? 0 : 1;
}

/** What a process has in memory, in KiB. */
function rssOf(pid) {
  return Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)[1]);
}

let status = 2;
try {
  status = await main();
} catch (error) {
  console.error(error);
} finally {
  takeDown();
}
process.exit(status);
