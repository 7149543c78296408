/**
 * The strongSwan lab as an object: namespaces, daemons, router, and the relays between them.
 *
 *     dave ── carol (initiators, relay) ── router ── (relay, responder) moon
 *                                             └───── sun (our own engine)
 *
 * A case works through this; whatever it started is stopped at its end, and what was stopped is checked.
 */

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

import { Background, eventually, lastLines, must, recordOf, run, sleep } from "./shell.mjs";
import { IkePeer } from "./ike_process.mjs";
import { Relay } from "./relay.mjs";

const scripts = fileURLToPath(new URL("../lab/", import.meta.url));

/** Where the lab keeps everything it generates. */
export const directory = process.env.SWLAB_RUN ?? "/run/swlab";
const prefix = process.env.SWLAB_NS ?? "swl";

/** Addresses, as in the lab's env.sh. */
export const address = {
  carol: "192.0.2.10",
  carolLink: "203.0.113.1",
  carolLan: "10.99.3.1",
  moon: "198.51.100.10",
  moonOther: "198.51.100.11",
  sun: "198.18.1.10",
  sun6: "[2001:db8:1::10]",
  moon6: "[2001:db8:100::10]",
  moonLan: "10.99.1.1",
};

/** The port where a relay waits for the initiators' daemons. */
export const relayPort = 14500;

const sides = ["carol", "dave", "moon"];

/** A case has given the daemons knobs of its own, which the next one must not find. */
let configurationChanged = false;
/** Daemons that a case has started with knobs of its own. */
const daemonsChanged = new Set();

export class Lab {
  #relays = [];
  #peers = [];
  #background = [];
  #logStart = {};

  /** @param {{ carol: string, moon: string }} runtimes what runs the relay on each side: node, deno or bun */
  constructor(runtimes) {
    this.runtimes = runtimes;
  }

  // The lab itself.

  /** Installs what is missing; false when it cannot be had. */
  static async packages() {
    const { status, stderr } = await script("up.sh", ["packages"], { seconds: 420 });
    if (status !== 0) console.error(stderr.trimEnd());
    return status === 0;
  }

  /** Starts from nothing: whatever an earlier run left behind goes first. */
  static async fresh() {
    const lab = new Lab({});
    await lab.down();
    await lab.up();
    writeFileSync(`${directory}/owner`, recordOf(process.pid));
  }

  /** Starts everything, or gives running daemons a new configuration; `knobs` are those of render.sh. */
  async up(knobs = {}) {
    await bringUp([], knobs);
    configurationChanged = Object.keys(knobs).length > 0;
  }

  /** Ends one daemon in order and starts it anew; `knobs` as for {@linkcode up}. */
  async restart(side, knobs = {}) {
    await bringUp(["restart", side], knobs);
    if (Object.keys(knobs).length > 0) daemonsChanged.add(side);
    else daemonsChanged.delete(side);
  }

  /** Stops everything and leaves nothing behind. */
  async down() {
    const { status, stderr } = await script("down.sh", ["--purge"], { seconds: 60 });
    if (status !== 0) throw new Error(`Cannot take the lab down: ${lastLines(stderr, 5)}`);
  }

  /** What a case finds: UDP blocked, no SA, no relay. */
  async begin() {
    for (const side of daemonsChanged) await this.restart(side);
    if (configurationChanged) await this.up();
    await this.router("no-udp");
    this.#logStart = Object.fromEntries(sides.map((side) => [side, charonLog(side).length]));
  }

  /** Ends what a case started. With `check`, every relay must still run and end well. */
  async end(check) {
    for (const side of sides) {
      for (const { id } of await this.sas(side)) {
        await this.swan(side, "--terminate", ["--ike-id", id, "--force"]);
      }
    }
    const peers = this.#peers.splice(0);
    const peerEnds = [];
    for (const peer of peers) {
      peerEnds.push(peer.stopped ? undefined : await peer.stop().catch((error) => error));
    }
    for (const program of this.#background.splice(0)) {
      program.signal("SIGCONT");
      await program.stop("SIGTERM").catch(() => {});
    }
    const relays = this.#relays.splice(0).reverse();
    const ends = [];
    for (const relay of relays) {
      ends.push(relay.stopped ? undefined : await relay.stop().catch((error) => error));
    }
    if (!check) return;
    for (const end of [...peerEnds, ...ends]) if (end instanceof Error) throw end;
  }

  /** The ends of what all logs say of this case, for the report of a failure. */
  logs(count = 25) {
    const parts = [];
    for (const relay of this.#relays) {
      parts.push(
        `--- ${relay.name}: ${relay.command.join(" ")}`,
        lastLines(relay.stdout + relay.stderr, count),
      );
    }
    for (const peer of this.#peers) {
      parts.push(`--- ${peer.name}`, lastLines(peer.stdout + peer.stderr, count));
    }
    for (const side of sides) {
      const log = charonLog(side).slice(this.#logStart[side] ?? 0);
      if (log.trim() !== "") parts.push(`--- charon on ${side}`, lastLines(log, count));
    }
    return parts.join("\n");
  }

  // The router.

  /** Sets what the router lets through, see lab/router.sh. */
  async router(...rules) {
    const { status, stderr } = await script("router.sh", rules);
    if (status !== 0) {
      throw new Error(`Cannot set the router to "${rules.join(" ")}": ${lastLines(stderr, 3)}`);
    }
  }

  /** How many packets of each kind came to the router since its rules were set. */
  async counters() {
    const { stdout } = await script("router.sh", ["counters"]);
    return Object.fromEntries(
      stdout.trim().split("\n").map((line) => line.split(" ")).map(([k, v]) => [k, Number(v)]),
    );
  }

  // The relays.

  /** Starts a relay on one side with these arguments; resolves when it listens. */
  async relay(side, args, name = `relay-${side}`) {
    const relay = new Relay(name, inside(side), this.runtimes[side], args, directory);
    try {
      await relay.ready();
    } catch (error) {
      await relay.kill();
      throw error;
    }
    this.#relays.push(relay);
    return relay;
  }

  /** Starts the usual pair: moon's first, so that carol's finds it. */
  async relayPair(options = {}) {
    const { listen = "127.0.0.1", server = address.moon } = options;
    return {
      moon: await this.moonRelay(server),
      carol: await this.carolRelay(listen, server),
    };
  }

  /** The relay beside the responder's daemon. */
  moonRelay(server = address.moon) {
    const listen = `tcp://${server}:4500`;
    return this.relay("moon", ["--listen", listen, "--to", "udp://127.0.0.1:4500", "--bind", "127.0.0.2"]);
  }

  /** The relay beside the initiators' daemons. */
  carolRelay(listen = "127.0.0.1", server = address.moon, name = "relay-carol") {
    const args = ["--listen", `udp://${listen}:${relayPort}`, "--to", `tcp://${server}:4500`];
    return this.relay("carol", args, name);
  }

  // Our own engine.

  /** Starts an end of tunnels of ours with this setup, see ike_peer.mjs; in the namespace of `sun` unless told otherwise. */
  async peer(setup, options = {}) {
    const { side = "sun", name = `peer-${side}-${this.#peers.length}` } = options;
    const peer = new IkePeer(
      name,
      inside(side),
      this.runtimes[side] ?? this.runtimes.carol,
      setup,
      directory,
    );
    this.#peers.push(peer);
    await peer.ready();
    return peer;
  }

  /** What a daemon has logged since the case began. */
  log(side) {
    return charonLog(side).slice(this.#logStart[side]);
  }

  /** Begins IKE SAs that nobody goes on with. */
  async knock(side, host, port, count) {
    const program = fileURLToPath(new URL("many_clients.mjs", import.meta.url));
    await must(inside(side, process.execPath, program, host, `${port}`, `${count}`, "300"), { seconds: 30 });
  }

  // The daemons.

  /** Runs swanctl against one daemon. */
  swan(side, command, args = [], seconds = 40) {
    return run(inside(side, "swanctl", ...control(side, command), ...args), { seconds });
  }

  /** Sets up a connection with its CHILD_SA, which must succeed. */
  async initiate(connection, side = "carol") {
    const args = ["--ike", connection, "--child", "net", "--timeout", "30"];
    const { status, stdout, stderr } = await this.swan(side, "--initiate", args);
    assert.equal(status, 0, `${connection} comes up; swanctl said: ${lastLines(stdout + stderr, 6)}`);
  }

  /** A swanctl command that must succeed. */
  async order(side, command, ...args) {
    const { status, stdout, stderr } = await this.swan(side, command, args);
    assert.equal(status, 0, `${side}'s ${command} succeeds; swanctl said: ${lastLines(stdout + stderr, 4)}`);
  }

  /** The IKE SAs of one daemon, with their CHILD_SAs. */
  async sas(side) {
    const { stdout } = await this.swan(side, "--list-sas", ["--raw"]);
    return stdout.split("\n").filter((line) => line.startsWith("list-sa event")).map(parseSa);
  }

  /**
   * The SPIs of all established IKE SAs and installed CHILD_SAs on carol, and a check that moon has the same ones.
   * Equal answers before and after an accident mean that no SA was set up anew.
   */
  async spis(side = "carol") {
    const mine = describe(await this.sas(side), "spiIn", "spiOut");
    const theirs = describe(await this.sas("moon"), "spiOut", "spiIn");
    for (const sa of mine) {
      assert.ok(theirs.includes(sa), `moon has ${side}'s ${sa}; it has ${theirs.join(", ")}`);
    }
    return mine;
  }

  /** Waits until no daemon has an SA. */
  async noSas() {
    await eventually("every SA to go on both sides", 8, async () => {
      const all = [...await this.sas("carol"), ...await this.sas("moon")];
      return all.length === 0;
    });
  }

  // Traffic.

  /** Pings through the tunnel; every one must be answered, once, within `wait` seconds after the last. */
  async ping(side = "carol", target = address.moonLan, options = {}) {
    const { count = 5, interval = 0.1, size = 56, wait = 5, from } = options;
    const source = from === undefined ? [] : ["-I", from];
    const deadline = Math.ceil(count * interval + wait);
    // With a deadline, ping goes on until it has as many answers as were asked for: a lost one then shows as a gap.
    const args = [
      "-c",
      `${count}`,
      "-i",
      `${interval}`,
      "-w",
      `${deadline}`,
      "-s",
      `${size}`,
      ...source,
      target,
    ];
    const { stdout } = await run(inside(side, "ping", ...args), { seconds: 60 });
    const { answers } = parsePing(stdout);
    const wanted = Array.from({ length: count }, (_, i) => i + 1);
    assert.deepEqual(answers.filter((n) => n <= count).sort((a, b) => a - b), wanted, stdout);
  }

  /** Pings once a second until there is an answer; gives the seconds it took. */
  async pingUntilAnswered(side, target, seconds, options = {}) {
    const source = options.from === undefined ? [] : ["-I", options.from];
    const start = performance.now();
    await eventually(`an answer from ${target} to ${side}`, seconds, async () => {
      const { status } = await run(inside(side, "ping", "-q", "-c", "1", "-W", "1", ...source, target));
      return status === 0;
    });
    return (performance.now() - start) / 1000;
  }

  /** Starts an endless ping; `stop()` ends it and gives the numbers of what was `sent`, `received`, and `lost` in between. */
  startPing(side, target, options = {}) {
    const { interval = 0.05, name = `ping-${side}`, from } = options;
    const source = from === undefined ? [] : ["-I", from];
    const program = this.background(name, side, ["ping", "-i", `${interval}`, ...source, target]);
    return {
      async stop() {
        await program.stop("SIGINT");
        return parsePing(program.stdout);
      },
    };
  }

  /** Starts the server that {@linkcode iperf} needs. */
  async iperfServer() {
    const server = this.background("iperf", "moon", ["iperf3", "-s", "-B", address.moonLan, "--forceflush"]);
    await eventually("iperf3 to listen", 5, () => server.stdout.includes("Server listening"));
  }

  /** Bulk through the tunnel, in Mbit/s as received. `down` turns it towards the client. */
  async iperf(side, options = {}) {
    const { seconds = 2, down = false, args = [] } = options;
    const command = [
      "iperf3",
      "-J",
      "-c",
      address.moonLan,
      "-t",
      `${seconds}`,
      ...(down ? ["-R"] : []),
      ...args,
    ];
    const { stdout } = await run(inside(side, ...command), { seconds: seconds + 40 });
    const report = JSON.parse(stdout);
    assert.equal(report.error, undefined, `iperf3 runs through: ${report.error}`);
    return report.end.sum_received.bits_per_second / 1e6;
  }

  /** Starts a program on one side that ends with the case. */
  background(name, side, command) {
    const program = new Background(name, inside(side, ...command), { directory });
    this.#background.push(program);
    return program;
  }

  /** Stops a daemon's clock: it neither reads nor sends until {@linkcode thaw}. */
  freeze(side) {
    process.kill(daemonPid(side), "SIGSTOP");
  }

  /** Lets a frozen daemon go on. */
  thaw(side) {
    process.kill(daemonPid(side), "SIGCONT");
  }

  /** Ends a daemon without giving it a chance to say goodbye, until {@linkcode restart}. */
  async kill(side) {
    const pid = daemonPid(side);
    daemonsChanged.add(side);
    process.kill(pid, "SIGKILL");
    await eventually(`charon on ${side} to be gone`, 5, () => !existsSync(`/proc/${pid}/fd/0`));
  }

  /** Runs a program on one side, which must succeed. */
  on(side, ...command) {
    return must(inside(side, ...command));
  }

  /** The relays' TCP connections as carol's kernel sees them: `LOCAL PEER` a line. */
  async connections() {
    const stdout = await this.on("carol", "ss", "-Htn", "state", "established", "dport = :4500");
    return stdout.trim().split("\n").filter((line) => line !== "").map((line) =>
      line.trim().split(/\s+/).slice(2).join(" ")
    );
  }

  /**
   * Resets all TCP connections between the relays, as a middlebox does: with the kernel's own `ss -K` where it can,
   * else with the router's resets.
   */
  async reset() {
    const before = await this.connections();
    assert.notEqual(before.length, 0, "there is a TCP connection to reset");
    await this.on("carol", "ss", "-K", "-tn", "dport = :4500");
    const left = await this.connections();
    if (!before.some((connection) => left.includes(connection))) return;
    await this.router("no-udp", "reset");
    await sleep(1500);
    await this.router("no-udp");
  }
}

/** A command that runs in the namespace of a side ("net" is the router, "host" the machine itself). */
export function inside(side, ...command) {
  if (side === "host") return command;
  return ["ip", "netns", "exec", `${prefix}-${side}`, ...command];
}

function charonLog(side) {
  const file = `${directory}/${side}/charon.log`;
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

function daemonPid(side) {
  return Number(readFileSync(`${directory}/pids/charon-${side}`, "utf8").split(" ")[0]);
}

function control(side, command) {
  return [command, "--uri", `unix://${directory}/${side}/charon.vici`];
}

async function bringUp(args, knobs = {}) {
  const { status, stderr } = await script("up.sh", args, { env: knobs, seconds: 60 });
  if (status !== 0) throw new Error(`Cannot bring the lab up: ${lastLines(stderr, 5)}`);
}

function script(name, args, options = {}) {
  const { env, seconds = 20 } = options;
  return run(["bash", scripts + name, ...args], { env, seconds });
}

/** The parts of `swanctl --list-sas --raw` that the cases look at. */
function parseSa(line) {
  const [head, tail = ""] = line.split(" child-sas {");
  const children = tail.split(/\} ?/).filter((part) => part.includes("spi-in=")).map((part) => ({
    name: value(part, "name"),
    state: value(part, "state"),
    spiIn: value(part, "spi-in"),
    spiOut: value(part, "spi-out"),
    packetsIn: Number(value(part, "packets-in")),
    packetsOut: Number(value(part, "packets-out")),
  }));
  return {
    id: value(head, "uniqueid"),
    name: head.match(/event \{(\S+) /)?.[1],
    state: value(head, "state"),
    spiI: value(head, "initiator-spi"),
    spiR: value(head, "responder-spi"),
    remotePort: Number(value(head, "remote-port")),
    localId: value(head, "local-id"),
    vip: head.match(/(?:local|remote)-vips=\[([^\]]*)\]/)?.[1],
    children,
  };
}

function value(text, key) {
  return text.match(new RegExp(`(?:^|[ {])${key}=(\\S*)`))?.[1];
}

function describe(sas, firstSpi, secondSpi) {
  return sas.filter((sa) => sa.state === "ESTABLISHED").map((sa) => {
    const children = sa.children.filter((child) => child.state === "INSTALLED");
    return `IKE ${sa.spiI}/${sa.spiR} ESP ${
      children.map((child) => `${child[firstSpi]}/${child[secondSpi]}`).join(" ")
    }`;
  }).sort();
}

/** What ping reports: how many it sent, the numbers of the answers, and how many of those before the last are missing. */
function parsePing(text) {
  const sent = Number(text.match(/(\d+) packets transmitted/)?.[1]);
  const answers = [...text.matchAll(/icmp_seq=(\d+) ttl/g)].map((match) => Number(match[1]));
  const lost = Math.max(0, ...answers) - new Set(answers).size;
  return { sent, received: answers.length, lost, answers };
}
