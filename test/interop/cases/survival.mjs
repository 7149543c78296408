/**
 * Accidents on the way: TCP resets, outages, relays that start anew. The daemons must not notice more than a pause:
 * the same SPIs before and after mean that no SA was set up anew.
 */

import assert from "node:assert/strict";

import { address } from "../_support/lab.mjs";
import { eventually, sleep } from "../_support/shell.mjs";

export const survival = [
  {
    name: "a TCP reset in mid-session changes no SA, and traffic from carol goes on",
    everywhere: true,
    async run(lab) {
      const before = await established(lab);
      const [was] = await lab.connections();
      await lab.reset();
      const seconds = await lab.pingUntilAnswered("carol", address.moonLan, 10);
      await lab.ping();
      assert.deepEqual(await lab.spis(), before);
      const [is] = await lab.connections();
      assert.notEqual(is, was, "it is another TCP connection");
      return `back after ${seconds.toFixed(1)} s`;
    },
  },
  {
    name: "after a TCP reset moon reaches carol again, as soon as carol has said anything",
    async run(lab) {
      const before = await established(lab, { connection: "s2s-relay", knobs: { DPD: "2s" } });
      await lab.reset();
      const from = address.moonLan;
      const seconds = await lab.pingUntilAnswered("moon", address.carolLan, 15, { from });
      await lab.ping("moon", address.carolLan, { from });
      assert.deepEqual(await lab.spis(), before);
      return `back after ${seconds.toFixed(1)} s`;
    },
  },
  {
    name: "a TCP reset does not break bulk in either direction",
    async run(lab) {
      const before = await established(lab);
      await lab.iperfServer();
      for (const down of [false, true]) {
        const bulk = lab.iperf("carol", { seconds: 4, down });
        await sleep(1500);
        await lab.reset();
        assert.ok(await bulk > 0);
      }
      assert.deepEqual(await lab.spis(), before);
    },
  },
  {
    name: "five TCP resets in a row change no SA, though each reconnect comes later than the one before",
    async run(lab) {
      const before = await established(lab);
      const ping = lab.startPing("carol", address.moonLan);
      for (let i = 0; i < 5; i++) {
        await sleep(500);
        await lab.reset();
        await reconnected(lab);
      }
      await lab.pingUntilAnswered("carol", address.moonLan, 10);
      const { sent, received } = await ping.stop();
      assert.deepEqual(await lab.spis(), before);
      return `${received} of ${sent} pings answered`;
    },
  },
  {
    name: "the daemons can rekey right after a TCP reset",
    async run(lab) {
      const [before] = await established(lab);
      await lab.reset();
      await lab.order("carol", "--rekey", "--child", "net");
      await reconnected(lab);
      await lab.reset();
      await lab.order("carol", "--rekey", "--ike", "psk-relay");
      await eventually("the SAs to be new on both sides", 8, async () => {
        const [now, ...others] = await lab.spis().catch(() => []);
        return now !== undefined && others.length === 0 && ikeOf([now])[0] !== ikeOf([before])[0];
      });
      await lab.ping();
    },
  },
  {
    name:
      "a router that resets every segment for four seconds is outlived, and so are the refused reconnects",
    async run(lab) {
      const before = await established(lab);
      const ping = lab.startPing("carol", address.moonLan, { interval: 0.2 });
      await lab.router("no-udp", "reset");
      await sleep(4000);
      assert.deepEqual(await lab.connections(), [], "no connection can be made");
      await lab.router("no-udp");
      const seconds = await lab.pingUntilAnswered("carol", address.moonLan, 20);
      await ping.stop();
      assert.deepEqual(await lab.spis(), before);
      return `back after ${seconds.toFixed(1)} s`;
    },
  },
  {
    // moon's relay has two streams of the same client then, and only an ended one may be taken over (anybody could send
    // an SPI). So moon answers into the dead one until carol's next IKE message tells it the new port.
    name: "a reset that only carol sees keeps the IKE SA, and traffic is back with carol's next IKE message",
    async run(lab) {
      const before = await established(lab, { knobs: { DPD: "2s" } });
      await lab.router("no-udp", "reset-carol");
      const ping = lab.startPing("carol", address.moonLan, { interval: 0.2 });
      await eventually("carol's connection to end", 5, async () => (await lab.connections()).length === 0);
      await lab.router("no-udp");
      const seconds = await lab.pingUntilAnswered("carol", address.moonLan, 20);
      await ping.stop();
      await lab.ping();
      assert.deepEqual(ikeOf(await lab.spis()), ikeOf(before));
      return `back after ${seconds.toFixed(1)} s`;
    },
  },
  {
    name: "an outage of five seconds is outlived on the same TCP connection",
    async run(lab) {
      const before = await established(lab);
      const [was] = await lab.connections();
      const ping = lab.startPing("carol", address.moonLan, { interval: 0.2 });
      await lab.router("no-udp", "no-tcp");
      await sleep(5000);
      await lab.router("no-udp");
      const seconds = await lab.pingUntilAnswered("carol", address.moonLan, 20);
      await ping.stop();
      assert.deepEqual(await lab.connections(), [was]);
      assert.deepEqual(await lab.spis(), before);
      return `back after ${seconds.toFixed(1)} s`;
    },
  },
  {
    name: "a new relay on carol's side takes over where the old one ended",
    everywhere: true,
    async run(lab) {
      const relays = await lab.relayPair();
      const before = await initiated(lab);
      await relays.carol.stop();
      await lab.carolRelay();
      await lab.ping();
      assert.deepEqual(await lab.spis(), before);
    },
  },
  {
    name: "a relay on carol's side that was killed can be started anew",
    async run(lab) {
      const relays = await lab.relayPair();
      const before = await initiated(lab);
      await relays.carol.kill();
      await lab.carolRelay();
      await lab.ping();
      assert.deepEqual(await lab.spis(), before);
    },
  },
  {
    // The new relay has a new UDP port, and moon's daemon learns it from carol's next authenticated IKE message. With
    // libipsec it cannot move a CHILD_SA, so it rekeys that; the IKE SA stays.
    name: "a new relay on moon's side keeps the IKE SA, and traffic is back with carol's next IKE message",
    async run(lab) {
      await lab.up({ DPD: "2s" });
      const relays = await lab.relayPair();
      const before = await initiated(lab);
      await relays.moon.stop();
      await lab.moonRelay();
      const seconds = await lab.pingUntilAnswered("carol", address.moonLan, 20);
      await lab.ping();
      assert.deepEqual(ikeOf(await lab.spis()), ikeOf(before));
      return `back after ${seconds.toFixed(1)} s`;
    },
  },
  {
    name: "a new relay on moon's side with a fixed UDP port changes no SA",
    async run(lab) {
      const args = [
        "--listen",
        `tcp://${address.moon}:4500`,
        "--to",
        "udp://127.0.0.1:4500",
        "--bind",
        "127.0.0.2:4711",
      ];
      const moon = await lab.relay("moon", args);
      await lab.carolRelay();
      const before = await initiated(lab);
      await moon.stop();
      await lab.relay("moon", args);
      await lab.pingUntilAnswered("carol", address.moonLan, 10);
      await lab.ping();
      assert.deepEqual(await lab.spis(), before);
    },
  },
  {
    name: "the IKE SA outlives new relays on both sides",
    async run(lab) {
      await lab.up({ DPD: "2s" });
      const relays = await lab.relayPair();
      const before = await initiated(lab);
      await relays.carol.stop();
      await relays.moon.stop();
      await lab.moonRelay();
      await lab.carolRelay();
      const seconds = await lab.pingUntilAnswered("carol", address.moonLan, 20);
      await lab.ping();
      assert.deepEqual(ikeOf(await lab.spis()), ikeOf(before));
      return `back after ${seconds.toFixed(1)} s`;
    },
  },
  {
    name: "carol's relay may start first and finds moon's when that comes",
    async run(lab) {
      await lab.carolRelay();
      const initiation = lab.initiate("psk-relay");
      await sleep(2500);
      await lab.moonRelay();
      await initiation;
      await lab.ping();
    },
  },
];

async function established(lab, options = {}) {
  if (options.knobs !== undefined) await lab.up(options.knobs);
  await lab.relayPair();
  return await initiated(lab, options.connection);
}

async function initiated(lab, connection = "psk-relay") {
  await lab.initiate(connection);
  await lab.ping("carol", address.moonLan, {
    count: 3,
    ...(connection.startsWith("s2s") ? { from: address.carolLan } : {}),
  });
  const spis = await lab.spis();
  assert.equal(spis.length, 1);
  return spis;
}

async function reconnected(lab) {
  await eventually("carol's relay to connect again", 10, async () => (await lab.connections()).length > 0);
}

function ikeOf(spis) {
  return spis.map((text) => text.replace(/ ESP .*/, ""));
}
