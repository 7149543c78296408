/** Many at once: IKE SAs of one daemon, daemons of one relay, strangers at the door. */

import assert from "node:assert/strict";

import process from "node:process";
import { fileURLToPath } from "node:url";

import { address, relayPort } from "../_support/lab.mjs";
import { eventually, sleep } from "../_support/shell.mjs";

const manyClients = fileURLToPath(new URL("../_support/many_clients.mjs", import.meta.url));

/** What strangers say, as arguments of printf: HTTP, TLS, a wrong last octet, a wrong length, SSH, nothing. */
const strangers = [
  "GET / HTTP/1.1\\r\\n\\r\\n",
  "\\x16\\x03\\x01\\x02\\x00\\x01",
  "IKETCQ",
  "IKETCP\\x00\\x01",
  "SSH-2.0-x\\r\\n",
  "",
];

export const clients = [
  {
    name: "several IKE SAs of one daemon share its stream",
    async run(lab) {
      await lab.relayPair();
      const connections = ["psk-relay", "rsa-relay", "ecdsa-relay", "mschapv2-relay", "s2s-relay"];
      await Promise.all(connections.map((connection) => lab.initiate(connection)));
      const sas = await lab.sas("carol");
      assert.equal(sas.length, connections.length);
      for (const { vip } of sas) {
        await lab.ping("carol", address.moonLan, { count: 3, from: vip ?? address.carolLan });
      }
      assert.equal((await lab.connections()).length, 1);
      assert.equal((await lab.spis()).length, connections.length);
    },
  },
  {
    name: "two daemons use one relay at once, each with a stream of its own",
    everywhere: true,
    async run(lab) {
      await twoDaemons(lab);
      assert.equal((await lab.connections()).length, 2);
      const ports = (await lab.sas("moon")).map((sa) => sa.remotePort);
      assert.equal(new Set(ports).size, 2, `moon tells them apart by port: ${ports}`);
      await Promise.all([
        lab.ping("carol", address.moonLan, { count: 50, interval: 0.02 }),
        lab.ping("dave", address.moonLan, { count: 50, interval: 0.02 }),
      ]);
    },
  },
  {
    name: "eighty UDP clients of one relay each get their own answers from moon",
    async run(lab) {
      const { carol, moon } = await lab.relayPair();
      const stdout = await lab.on("carol", process.execPath, manyClients, "127.0.0.1", `${relayPort}`, "80");
      const { answered, strange } = JSON.parse(stdout);
      assert.deepEqual({ answered, strange }, { answered: 80, strange: 0 });
      assert.deepEqual([(await carol.counters()).peers, (await moon.counters()).streams], [80, 80]);
      assert.equal((await lab.connections()).length, 80);
    },
  },
  {
    name: "bulk of one daemon leaves the other its pings",
    async run(lab) {
      await twoDaemons(lab);
      await lab.iperfServer();
      const bulk = lab.iperf("dave", { seconds: 4 });
      await sleep(500);
      await lab.ping("carol", address.moonLan, { count: 30 });
      assert.ok(await bulk > 0);
    },
  },
  {
    name: "a daemon that stopped reading does not disturb the other",
    async run(lab) {
      await twoDaemons(lab);
      const flood = lab.startPing("moon", (await lab.sas("dave"))[0].vip, { interval: 0.002 });
      lab.freeze("dave");
      try {
        await lab.ping("carol", address.moonLan, { count: 30 });
      } finally {
        lab.thaw("dave");
      }
      await flood.stop();
      await lab.pingUntilAnswered("dave", address.moonLan, 5);
    },
  },
  {
    name: "each of two daemons keeps its SAs when both streams are reset",
    async run(lab) {
      await twoDaemons(lab);
      const before = { carol: await lab.spis("carol"), dave: await lab.spis("dave") };
      await lab.reset();
      await Promise.all(["carol", "dave"].map((side) => lab.pingUntilAnswered(side, address.moonLan, 10)));
      await Promise.all(["carol", "dave"].map((side) => lab.ping(side)));
      assert.deepEqual({ carol: await lab.spis("carol"), dave: await lab.spis("dave") }, before);
    },
  },
  {
    name: "moon's daemon may start anew: its relay outlasts a closed port, and carol's daemon can come again",
    everywhere: true,
    async run(lab) {
      await lab.relayPair();
      await lab.initiate("psk-relay");
      const flood = lab.startPing("carol", address.moonLan, { interval: 0.02 });
      await lab.restart("moon");
      await flood.stop();
      await lab.swan("carol", "--terminate", ["--ike", "psk-relay", "--force"]);
      await lab.initiate("psk-relay");
      await lab.ping();
    },
  },
  {
    name: "carol's daemon may start anew, and its relay serves it on",
    async run(lab) {
      await lab.relayPair();
      await lab.initiate("s2s-relay");
      const from = address.moonLan;
      const flood = lab.startPing("moon", address.carolLan, { interval: 0.02 });
      await lab.restart("carol");
      await flood.stop();
      await lab.initiate("s2s-relay");
      await lab.ping("moon", address.carolLan, { from });
    },
  },
  {
    name: "strangers who speak HTTP, TLS or nothing at moon's port do not disturb the session",
    everywhere: true,
    async run(lab) {
      const { moon } = await lab.relayPair();
      await lab.initiate("psk-relay");
      const before = await lab.spis();
      const ping = lab.startPing("carol", address.moonLan);
      for (const words of strangers) {
        const script = `exec 3<>/dev/tcp/${address.moon}/4500; printf '${words}' >&3; sleep 0.1`;
        await lab.on("carol", "bash", "-c", script);
      }
      const { sent, received } = await ping.stop();
      assert.ok(received >= sent - 1, `${received} of ${sent} pings were answered`);
      assert.deepEqual(await lab.spis(), before);
      const { streamsFaulty } = await eventually("the strangers' streams to end", 5, async () => {
        const counters = await moon.counters();
        return counters.streams === 1 && counters;
      });
      assert.ok(streamsFaulty >= 5, `moon's relay found ${streamsFaulty} streams at fault`);
    },
  },
];

async function twoDaemons(lab) {
  await lab.relayPair({ listen: "0.0.0.0" });
  await Promise.all([lab.initiate("psk-relay"), lab.initiate("dave", "dave")]);
  await lab.ping("carol");
  await lab.ping("dave");
}
