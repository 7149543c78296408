#!/usr/bin/env node
/**
 * Numbered UDP packets through the host's own network, which come back from the other end of a tunnel: `soak_sender.mjs ADDRESS RATE`.
 * Prints a line of JSON for what is lost, `{ lost }`, and, ended by SIGTERM, its figures, `{ end }`.
 */

import { createSocket } from "node:dgram";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

/** A packet that has not come back after this is lost. */
const lateAfterMs = 5000;
/** Packets at once at most: after a pause of the machine those that are overdue are left out, or queues of the host would overflow. */
const most = 4;

const [address, rate] = [process.argv[2], Number(process.argv[3])];
const socket = createSocket("udp4");
const waiting = new Map();
const counts = { sent: 0, answered: 0, twice: 0, lost: 0, refused: 0 };
let start = performance.now();

socket.on("message", (octets) => {
  if (waiting.delete(octets.readUInt32BE(0))) counts.answered++;
  else counts.twice++;
});
socket.on("error", () => counts.refused++);

const sending = setInterval(() => {
  const due = Math.floor((performance.now() - start) / 1000 * rate);
  const overdue = due - counts.sent - most;
  if (overdue > 0) start += overdue / rate * 1000;
  for (let i = 0; counts.sent < due && i < most; i++) {
    const octets = Buffer.alloc(200);
    octets.writeUInt32BE(counts.sent);
    waiting.set(counts.sent++, performance.now());
    socket.send(octets, 7, address);
  }
}, 10);

const judging = setInterval(() => judge(performance.now() - lateAfterMs), 1000);

/** Gives up what was sent before, and says so. */
function judge(before) {
  const gone = [];
  for (const [number, at] of waiting) {
    if (at > before) break;
    waiting.delete(number);
    gone.push([number, Math.round(performance.now() - at)]);
  }
  counts.lost += gone.length;
  const now = new Date().toISOString();
  if (gone.length > 0) console.log(JSON.stringify({ lost: gone.slice(0, 20), of: gone.length, now }));
}

process.on("SIGTERM", async () => {
  clearInterval(sending);
  for (let i = 0; i < 30 && waiting.size > 0; i++) await sleep(100);
  clearInterval(judging);
  judge(Infinity);
  console.log(JSON.stringify({ end: counts }));
  process.exit(0);
});
