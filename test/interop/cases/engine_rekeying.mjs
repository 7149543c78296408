/** SAs between strongSwan and our own engine are replaced by either side, with pings all the while. */

import assert from "node:assert/strict";

import { address } from "../_support/lab.mjs";
import { asCarol, asMoon, initiator, responder } from "../_support/ike_setups.mjs";
import { eventually, sleep } from "../_support/shell.mjs";

/** What our end and a daemon do to one tunnel, whoever began it. */
const steps = [
  { what: "the child, by us", ours: "rekey_child" },
  { what: "the IKE SA, by us", ours: "rekey_ike" },
  { what: "the child, by strongSwan", theirs: ["--child", "net"] },
  { what: "the IKE SA, by strongSwan", theirs: ["--ike"] },
  { what: "the child, by both at once", ours: "rekey_child", theirs: ["--child", "net"] },
  { what: "the IKE SA, by both at once", ours: "rekey_ike", theirs: ["--ike"] },
  { what: "the child again, by us", ours: "rekey_child" },
];

export const engineRekeying = [
  {
    name:
      "our engine and moon replace each other's SAs without loss, on UDP and with perfect forward secrecy",
    async run(lab) {
      await lab.router("open");
      const children = { net: { remote_ts: "10.99.1.0/24", esp_proposals: "aes256gcm16-x25519" } };
      const peer = await lab.peer(initiator([asCarol("psk", { children })]));
      await peer.order("bindUdp", { hostname: address.sun, port: 4500, marked: true });
      await peer.up("psk", { udp: { hostname: address.moon, port: 4500 } });
      await replaceAll(lab, peer, "moon", "psk", () => pingOut(peer));
    },
  },
  {
    name: "our engine and moon replace each other's SAs without loss, on TCP to a relay",
    async run(lab) {
      await lab.moonRelay();
      const peer = await lab.peer(initiator([asCarol("psk")]));
      await peer.up("psk", { tcp: { hostname: address.moon, port: 4500 } });
      await replaceAll(lab, peer, "moon", "psk", () => pingOut(peer));
    },
  },
  {
    name: "carol and our engine replace each other's SAs without loss, on UDP",
    async run(lab) {
      await lab.router("open");
      const peer = await lab.peer(responder([asMoon("psk")]));
      await peer.order("bindUdp", { hostname: address.sun, port: 500, marked: false });
      await peer.order("bindUdp", { hostname: address.sun, port: 4500, marked: true });
      await lab.initiate("psk-sun");
      await replaceAll(lab, peer, "carol", "psk-sun", () => pingIn(lab));
    },
  },
  {
    name: "carol and our engine replace each other's SAs without loss, on TCP from a relay",
    everywhere: true,
    async run(lab) {
      const peer = await lab.peer(responder([asMoon("psk")]));
      await peer.order("listenTcp", { hostname: address.sun, port: 4500 });
      await lab.carolRelay("127.0.0.1", address.sun);
      await lab.initiate("psk-relay");
      await replaceAll(lab, peer, "carol", "psk-relay", () => pingIn(lab));
    },
  },
];

/** Every step, one after the other; `startPing` gives what stops the pings and checks that all were answered. */
async function replaceAll(lab, peer, side, connection, startPing) {
  const done = [];
  for (const { what, ours, theirs } of steps) {
    const before = await quiet(lab, peer, side);
    const stopPing = await startPing();
    await sleep(200);
    const orders = [];
    if (ours === "rekey_child") orders.push(peer.input(ours, { ikeSa: before.ikeSa, child: before.child }));
    if (ours === "rekey_ike") orders.push(peer.input(ours, { ikeSa: before.ikeSa }));
    if (theirs !== undefined) {
      const args = theirs[0] === "--ike" ? ["--ike", connection] : theirs;
      orders.push(lab.order(side, "--rekey", ...args));
    }
    await Promise.all(orders);
    const ike = what.includes("IKE SA");
    await eventually(`${what} to be replaced`, 10, async () => {
      const now = await quiet(lab, peer, side).catch(() => undefined);
      return now !== undefined && (ike ? now.ikeSa !== before.ikeSa : now.child !== before.child);
    });
    await sleep(200);
    await stopPing(what);
    done.push(what);
  }
  return done.join("; ");
}

/** Our one IKE SA and its one child, with the SPIs that the daemon has for them; waits until old ones are gone. */
async function quiet(lab, peer, side) {
  return await eventually("one SA on both sides", 8, async () => {
    const { ikeSas, children } = live(peer.events);
    const theirs = await lab.sas(side);
    if (ikeSas.size !== 1 || children.size !== 1 || theirs.length !== 1 || theirs[0].children.length !== 1) {
      return undefined;
    }
    const [[ikeSa, established]] = ikeSas;
    const [[child, { inbound, outbound }]] = children;
    const spi = (number) => number.toString(16).padStart(8, "0");
    const [{ spiI, spiR, children: [{ spiIn, spiOut }] }] = theirs;
    const same = established.spiI === spiI && established.spiR === spiR && spi(inbound.spi) === spiOut &&
      spi(outbound.spi) === spiIn;
    return same ? { ikeSa, child } : undefined;
  });
}

/** What our engine has, by what it has told. */
function live(events) {
  const ikeSas = new Map();
  const children = new Map();
  for (const event of events) {
    if (event.type === "ike_sa_established") ikeSas.set(event.ikeSa, event);
    if (event.type === "ike_sa_deleted") ikeSas.delete(event.ikeSa);
    if (event.type === "child_sa_installed") children.set(event.childSa.child, event.childSa);
    if (event.type === "child_sa_deleted") children.delete(event.child);
  }
  return { ikeSas, children };
}

/** Pings from our end to moon, until stopped. */
async function pingOut(peer) {
  await peer.order("startPings", { to: address.moonLan });
  return async (what) => {
    const { sent, answered } = await peer.order("stopPings");
    assert.ok(sent >= 5, `${sent} pings were sent`);
    assert.equal(answered, sent, `no ping was lost: ${what}`);
  };
}

/** Pings from carol to our end, until stopped. */
function pingIn(lab) {
  const ping = lab.startPing("carol", address.moonLan);
  return async (what) => {
    const { sent, received, lost } = await ping.stop();
    assert.equal(lost, 0, `no ping was lost: ${what}`);
    assert.ok(received > 0 && received >= sent - 3, `${received} of ${sent} pings were answered`);
  };
}
