#!/usr/bin/env node
/**
 * An end of one tunnel for the soak: our engine and datapath under numbered pings, whose every loss is told with what
 * happened around it. Prints a line of JSON for every `{ sample }`, `{ lost }` and `{ end }`.
 *
 *     soak_peer.mjs SETUP.json
 *
 * The setup is `{ role, connections, pools, credentials, local, remote, listen, from, to, rate }`; it ends on SIGTERM. What is sent
 * and what comes back is counted here, so the memory measured is that of a program in use: run it with `--expose-gc`.
 */

import { readFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

import { IkeEngine } from "iketcp/ike";
import { connectTcp, listenTcp, openUdp, runtimeCrypto } from "iketcp/runtime";
import { echoReply, emitIcmpEcho, Endpoint, parseIcmpEcho } from "iketcp/tunnel";
import { readCredentials } from "./ike_credentials.mjs";

/** A ping that was not answered after this is lost. */
const lateAfterMs = 5000;
/** A peer that asked has its first child SA ready a moment after our answer has left; rekeys are what is tested here. */
const settleMs = 1000;
/** Pings at once at most: after a pause of the machine those that are overdue are left out, or queues of the peer would overflow. */
const most = 4;
/** How many of the latest events are kept for the report of a loss. */
const historyLength = 400;

const setup = JSON.parse(readFileSync(process.argv[2], "utf8"));
const crypto = runtimeCrypto();
const random = (octets) => globalThis.crypto.getRandomValues(octets);
const start = performance.now();

const history = [];
const counts = {
  sent: 0,
  answered: 0,
  lost: 0,
  twice: 0,
  echoed: 0,
  refused: 0,
  unknownSpi: 0,
  childRekeys: 0,
  childAsked: 0,
  ikeRekeys: 0,
  ikeAsked: 0,
  ended: 0,
  failures: 0,
};
/** When the pings were sent whose answer has not come, by number; the oldest first. */
const waiting = new Map();
let session;
/** From where to where we ping, once it is known. */
let remote;
let number = 0;
let stopping = false;

const engine = new IkeEngine({
  crypto,
  random,
  connections: setup.connections,
  pools: setup.pools,
  credentials: readCredentials(setup.credentials),
});
const endpoint = new Endpoint({
  onUnknownSpi: () => counts.unknownSpi++,
  engine,
  crypto,
  role: setup.role,
  onSession: (begun) => void serve(begun),
  onEvent: note,
});
let listener;

process.on("SIGTERM", () => void end());
await begin();
const pinging = setInterval(ping, 1000 / 100);
const judging = setInterval(judge, 1000);
const sampling = setInterval(sample, 60_000);

async function begin() {
  if (setup.listen !== undefined) {
    listener = await listenTcp(setup.listen);
    (async () => {
      for await (const connection of listener.connections) endpoint.addConnection(connection);
    })();
    print({ ready: true });
    return;
  }
  let path;
  if (setup.local === undefined) {
    path = endpoint.addConnection(await connectTcp(setup.remote, { timeout: 5000 }));
  } else {
    const socket = await openUdp({ local: setup.local });
    path = endpoint.addDatagrams(socket, { marked: true }).pathTo(setup.remote);
  }
  endpoint.handle({ kind: "initiate", connection: setup.connections[0].name, path });
}

/** Counts, and keeps the event for the report of a loss. */
function note(event) {
  const at = Math.round(performance.now() - start);
  const text = event.type === "message" ? event.line : event.text ?? "";
  history.push(
    `${at} ms ${event.ikeSa ?? ""} ${event.child ?? event.childSa?.child ?? ""} ${event.type} ${text}`,
  );
  if (history.length > historyLength) history.shift();
  switch (event.type) {
    case "message":
      // Our own requests; not every one ends in a new SA, as the other end may have asked at the same time.
      if (/^CREATE_CHILD_SA \{ N\(REKEY_SA\).*-->$/.test(event.line)) counts.childAsked++;
      if (/^CREATE_CHILD_SA \{ SA, Ni.*-->$/.test(event.line)) counts.ikeAsked++;
      break;
    case "ike_sa_established":
      if (event.replaces !== undefined) counts.ikeRekeys++;
      break;
    case "child_sa_installed":
      if (event.replaces !== undefined) counts.childRekeys++;
      if (remote === undefined) {
        // A peer that was given an address is there, else the host behind it that the setup names.
        const source = setup.from === undefined ? session.configuration.addresses[0] : parse(setup.from);
        remote = {
          source,
          destination: setup.to === undefined ? event.childSa.remote[0].start : parse(setup.to),
        };
        print({ up: source.join(".") });
      }
      break;
    case "ike_sa_deleted":
      if (event.by === "replaced") break;
      counts.ended++;
      if (!stopping) print({ broke: event, history: history.slice(-60) });
      break;
    case "ike_sa_failed":
    case "child_sa_failed":
      if (event.retryIn !== undefined) break; // the other end was busy with the same: it is made in a moment
      counts.failures++;
      if (event.type === "ike_sa_failed" || !stopping) print({ broke: event, history: history.slice(-30) });
  }
}

/** Answers pings, and hears the answers to ours. */
async function serve(begun) {
  session = begun;
  session.writer = session.writable.getWriter();
  session.writer.closed.catch(() => {});
  begun.closed.catch((error) => print({ broke: error.message, history: history.slice(-60) }));
  try {
    for await (const batch of begun.readable) {
      for (const packet of batch) {
        const echo = parseIcmpEcho(packet);
        if (echo?.kind === "request") {
          counts.echoed++;
          await begun.writer.write(echoReply(packet));
        } else if (echo?.kind === "reply") {
          const [id] = new Uint32Array(echo.data.slice(0, 4).buffer);
          if (waiting.delete(id)) counts.answered++;
          else counts.twice++;
        } else if (packet[9] === 17) {
          counts.echoed++;
          await begun.writer.write(turned(packet));
        }
      }
    }
  } catch { // told by `closed`
  }
}

/** A UDP packet over IPv4 on its way back: who sent it and who receives it change places, and no checksum changes. */
function turned(packet) {
  const back = packet.slice();
  back.set(packet.subarray(12, 16), 16);
  back.set(packet.subarray(16, 20), 12);
  back.set(packet.subarray(20, 22), 22);
  back.set(packet.subarray(22, 24), 20);
  return back;
}

/** As many pings as are due by now. */
function ping() {
  if (remote === undefined || stopping) return;
  ping.from ??= performance.now() + settleMs;
  const due = Math.floor((performance.now() - ping.from) / 1000 * setup.rate);
  const overdue = due - counts.sent - most;
  if (overdue > 0) ping.from += overdue / setup.rate * 1000;
  for (let i = 0; counts.sent < due && i < most; i++) {
    const data = random(new Uint8Array(200));
    new Uint32Array(data.buffer)[0] = number;
    waiting.set(number, performance.now());
    const sequence = number++ & 0xffff;
    const request = { kind: "request", ...remote, identifier: 77, sequence, data };
    counts.sent++;
    session.writer.write(emitIcmpEcho(request)).catch(() => counts.refused++);
  }
}

/** Gives up what has waited too long, and says what happened when it was sent. */
function judge() {
  const now = performance.now();
  const gone = [];
  for (const [id, at] of waiting) {
    if (now - at < lateAfterMs) break;
    waiting.delete(id);
    gone.push([id, Math.round(at - start)]);
  }
  if (gone.length === 0) return;
  counts.lost += gone.length;
  const [first, last] = [gone[0][1] - 1500, gone.at(-1)[1] + 1500];
  const around = history.filter((line) => parseInt(line) >= first && parseInt(line) <= last);
  print({ lost: gone.slice(0, 20), more: gone.length - Math.min(gone.length, 20), around });
}

function sample() {
  globalThis.gc?.();
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  const { received, sent } = session?.counters ?? {};
  print({
    sample: {
      seconds: Math.round((performance.now() - start) / 1000),
      counts,
      waiting: waiting.size,
      memory: { heapUsed, external, arrayBuffers, rss },
      engine: engine.counters,
      esp: { received, sent },
    },
  });
}

/** Stops pinging, waits for the last answers, deletes the SA, and says what is left. */
async function end() {
  if (stopping) return;
  stopping = true;
  clearInterval(pinging);
  for (let i = 0; i < 30 && waiting.size > 0; i++) await sleep(100);
  clearInterval(judging);
  clearInterval(sampling);
  counts.lost += waiting.size;
  if (waiting.size > 0) print({ lost: [...waiting].slice(0, 20), around: history.slice(-60) });
  sample();
  await listener?.close();
  await endpoint.close();
  print({ end: { counts, engine: engine.counters } });
  process.exit(0);
}

function parse(text) {
  return new Uint8Array(text.split(".").map(Number));
}

function print(line) {
  const octets = (_, value) => {
    if (value instanceof Uint8Array) {
      return value.length > 32 ? `${value.length} octets` : Array.from(value).join(".");
    }
    return typeof value === "bigint" ? Number(value) : value;
  };
  const hidden = (key, value) => key === "link" || key === "path" ? undefined : octets(key, value);
  process.stdout.write(`${JSON.stringify(line, hidden)}\n`);
}
