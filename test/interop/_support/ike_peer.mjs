#!/usr/bin/env node
/**
 * An end of tunnels for the tests, on any runtime and without a TUN device: our engine and our ESP datapath over TCP and UDP,
 * with a host behind it that answers pings.
 *
 *     ike_peer.mjs SETUP.json
 *
 * The setup is `{ connections, pools, limits, credentials, keyLog }` in swanctl's words; credentials are names of files. Takes
 * a command a line, `{ id, do, ... }`, and prints a line of JSON for every event, `{ event }`, and for the end of every command,
 * `{ id, result }` or `{ id, error }`.
 */

import { Buffer } from "node:buffer";
import { appendFileSync, readFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { IkeEngine } from "iketcp/ike";
import { keyTableLines } from "iketcp/inspect";
import { answerEapTls, connectTcp, listenTcp, openUdp, runtimeCrypto } from "iketcp/runtime";
import { echoReply, emitIcmpEcho, Endpoint, parseIcmpEcho } from "iketcp/tunnel";
import { readCredentials } from "./ike_credentials.mjs";

const setup = JSON.parse(readFileSync(process.argv[2], "utf8"));
const crypto = runtimeCrypto();
const random = (octets) => globalThis.crypto.getRandomValues(octets);

const engine = new IkeEngine({
  crypto,
  random,
  connections: setup.connections,
  pools: setup.pools,
  limits: setup.limits,
  credentials: readCredentials(setup.credentials ?? {}),
  keyLog: setup.keyLog === undefined ? undefined : logKeys,
});
const endpoint = new Endpoint({
  engine,
  crypto,
  role: setup.role,
  onSession: serve,
  // Where a message went is in the log of its SA.
  onEvent: (event) => print({ event: event.type === "message" ? { ...event, path: event.path.id } : event }),
  onNeed,
});

const sessions = new Set();
const sockets = new Map();
const listeners = [];
const streams = new Map();
/** Pings whose answer has not come, by number. */
const pings = new Map();
let lastPing = 0;
/** What `startPings` has begun. */
const pinging = [];

/** What can be asked for. */
const commands = {
  /** Answers on a TCP port. */
  async listenTcp({ hostname, port }) {
    const listener = await listenTcp({ hostname, port });
    listeners.push(listener);
    accept(listener);
    return listener.address;
  },
  /** Speaks on a UDP port. */
  async bindUdp({ hostname, port, marked }) {
    const socket = await openUdp({ local: { hostname, port } });
    sockets.set(port, endpoint.addDatagrams(socket, { marked }));
    return socket.localAddress;
  },
  /** Begins an IKE SA, on a TCP connection to `tcp` or from UDP port `from` to `udp`; gives its number. */
  async initiate({ connection, children, tcp, udp, from = 4500 }) {
    const path = tcp === undefined ? sockets.get(from).pathTo(udp) : await openStream(tcp);
    const ikeSa = engine.reserve();
    if (tcp !== undefined) streams.get(path.id).ikeSa = ikeSa;
    endpoint.handle({ kind: "initiate", connection, children, path, ikeSa });
    return ikeSa;
  },
  /** Anything else that an engine takes. */
  input({ input }) {
    endpoint.handle(input);
  },
  /** Pings through ESP; gives the numbers of the answers. */
  async ping({ ikeSa, to, from, count = 3, size = 56, wait = 3000 }) {
    const session = sessionOf(ikeSa);
    const source = from === undefined ? session.configuration.addresses[0] : parseIpv4(from);
    const answers = [];
    const ends = [];
    for (let i = 0; i < count; i++) {
      const sequence = ++lastPing & 0xffff;
      const data = random(new Uint8Array(size));
      const end = new Promise((resolve) => {
        const timer = setTimeout(resolve, wait);
        pings.set(sequence, (reply) => {
          clearTimeout(timer);
          if (Buffer.compare(reply.data, data) === 0) answers.push(i + 1);
          resolve();
        });
      });
      ends.push(end);
      const request = { kind: "request", source, destination: parseIpv4(to), identifier: 77, sequence, data };
      await session.writer.write(emitIcmpEcho(request));
    }
    await Promise.all(ends);
    return answers;
  },
  /** Pings 20 times a second until told otherwise, from the session of an IKE SA or from the one that there is; gives a number. */
  startPings({ to, ikeSa, from }) {
    const session = ikeSa === undefined ? [...sessions][0] : sessionOf(ikeSa);
    const counts = { sent: 0, answered: 0, late: [] };
    const source = from === undefined ? session.configuration.addresses[0] : parseIpv4(from);
    const timer = setInterval(() => {
      const sequence = ++lastPing & 0xffff;
      counts.sent++;
      const sentAt = Date.now();
      counts.late.push(sentAt);
      pings.set(sequence, () => {
        counts.answered++;
        counts.late.splice(counts.late.indexOf(sentAt), 1);
      });
      const data = random(new Uint8Array(56));
      const request = { kind: "request", source, destination: parseIpv4(to), identifier: 77, sequence, data };
      session.writer.write(emitIcmpEcho(request)).catch((error) => counts.error = String(error));
    }, 50);
    pinging.push({ timer, counts });
    return pinging.length - 1;
  },
  /** Ends that, and gives how many were sent and answered: the last ones get a second. */
  async stopPings({ number = pinging.length - 1 }) {
    const { timer, counts } = pinging[number];
    clearInterval(timer);
    for (let i = 0; i < 100 && counts.answered < counts.sent; i++) await sleep(10);
    return counts;
  },
  /** Closes the TCP connections without a word of IKE. */
  async drop() {
    await Promise.all(Array.from(streams.values(), ({ connection }) => connection.close()));
  },
  /** What the engine holds, and what has crossed each session. */
  counters() {
    return {
      engine: engine.counters,
      sessions: Array.from(sessions, (session) => ({
        ikeSa: session.ikeSa,
        counters: session.counters,
        pinged: session.pinged,
      })),
    };
  },
  /** Deletes every SA and ends. */
  async close() {
    await Promise.all(listeners.map((listener) => listener.close()));
    await endpoint.close();
    return engine.counters;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, do: name, ...options } = JSON.parse(line);
  const work = Promise.resolve(options).then(commands[name]);
  const done = work.then(
    (result) => print({ id, result }),
    (error) => print({ id, error: String(error?.stack ?? error) }),
  );
  if (name === "close") {
    await done;
    break;
  }
}
process.exit(0);

async function accept(listener) {
  for await (const connection of listener.connections) addStream(connection);
}

async function openStream(address) {
  const connection = await connectTcp(address, { timeout: 5000 });
  return addStream(connection);
}

function addStream(connection) {
  const path = endpoint.addConnection(connection);
  streams.set(path.id, { connection });
  connection.closed.catch(() => {}).then(() => {
    streams.delete(path.id);
    print({ event: { type: "stream_closed", path: path.id } });
  });
  return path;
}

/** Answers pings, and hears the answers of its own. */
async function serve(session) {
  sessions.add(session);
  session.writer = session.writable.getWriter();
  session.writer.closed.catch(() => {});
  session.pinged = 0;
  session.closed.catch((error) => print({ event: { type: "session_broke", text: error.message } }))
    .then(() => sessions.delete(session));
  try {
    for await (const batch of session.readable) {
      for (const packet of batch) {
        const echo = parseIcmpEcho(packet);
        if (echo?.kind === "request") {
          session.pinged++;
          await session.writer.write(echoReply(packet));
        } else if (echo?.kind === "reply") {
          pings.get(echo.sequence)?.(echo);
          pings.delete(echo.sequence);
        }
      }
    }
  } catch { // told by `closed`
  }
}

function sessionOf(ikeSa) {
  const session = [...sessions].find((candidate) => candidate.ikeSa === ikeSa);
  if (session === undefined) throw new Error(`Cannot find a session of IKE SA ${ikeSa}`);
  return session;
}

function logKeys(entry) {
  const { table, text } = keyTableLines(entry);
  appendFileSync(`${setup.keyLog}/${table}`, text);
}

async function onNeed(need) {
  if (need.kind === "eap_backend" && need.method === "eap-tls") return await answerEapTls(need.request);
  throw new Error(`Cannot answer ${need.kind}`);
}

function parseIpv4(text) {
  return new Uint8Array(text.split(".").map(Number));
}

/** One line; octets as hexadecimal digits, and nothing of what carries a path. */
function print(line) {
  const text = JSON.stringify({ at: new Date().toISOString().slice(11, 23), ...line }, (key, value) => {
    if (key === "link") return undefined;
    if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
    return typeof value === "bigint" ? Number(value) : value;
  });
  process.stdout.write(`${text}\n`);
}
