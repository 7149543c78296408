/** ESP in bulk and in every size, through the relays. */

import assert from "node:assert/strict";

import { address } from "../_support/lab.mjs";

export const traffic = [
  {
    name: "bulk crosses in both directions, as TCP only",
    everywhere: true,
    async run(lab) {
      await lab.relayPair();
      await lab.initiate("psk-relay");
      await lab.iperfServer();
      const up = await lab.iperf("carol");
      const down = await lab.iperf("carol", { down: true });
      assert.ok(up > 0 && down > 0, `${up} up, ${down} down`);
      const { udp, other } = await lab.counters();
      assert.deepEqual({ udp, other }, { udp: 0, other: 0 }, "nothing but TCP came to the router");
      return `${up.toFixed(0)} Mbit/s up, ${down.toFixed(0)} down`;
    },
  },
  {
    name: "UDP inside the tunnel crosses in both directions",
    async run(lab) {
      await lab.relayPair();
      await lab.initiate("psk-relay");
      await lab.iperfServer();
      const args = ["-u", "-b", "20M", "-l", "1200"];
      const up = await lab.iperf("carol", { args });
      const down = await lab.iperf("carol", { args, down: true });
      assert.ok(up > 0 && down > 0, `${up} up, ${down} down`);
      return `${up.toFixed(1)} of 20 Mbit/s up, ${down.toFixed(1)} down`;
    },
  },
  {
    name: "pings of every size are answered, once each",
    async run(lab) {
      await lab.relayPair();
      await lab.initiate("psk-relay");
      for (const size of [0, 1, 8, 512, 1300, 1372, 1373, 4000, 9000]) {
        await lab.ping("carol", address.moonLan, { count: 2, interval: 0.02, size });
      }
    },
  },
  {
    name: "five hundred pings in quick succession are all answered",
    async run(lab) {
      await lab.relayPair();
      await lab.initiate("psk-relay");
      await lab.ping("carol", address.moonLan, { count: 500, interval: 0.002 });
    },
  },
  {
    name: "between two sites, either side may speak first",
    async run(lab) {
      await lab.relayPair();
      await lab.initiate("s2s-relay");
      await lab.ping("moon", address.carolLan, { from: address.moonLan });
      await lab.ping("carol", address.moonLan, { from: address.carolLan });
    },
  },
];
