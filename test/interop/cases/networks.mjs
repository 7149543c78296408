/** Other networks between the relays: address translation, loss, IPv6. */

import assert from "node:assert/strict";

import { address } from "../_support/lab.mjs";

export const networks = [
  {
    name: "the relays cross a router that translates addresses, and survive a reset there",
    async run(lab) {
      await lab.router("no-udp", "nat");
      await lab.relayPair();
      await lab.initiate("psk-relay");
      await lab.ping();
      const before = await lab.spis();
      await lab.reset();
      await lab.pingUntilAnswered("carol", address.moonLan, 10);
      assert.deepEqual(await lab.spis(), before);
    },
  },
  {
    name: "five percent of loss on the wire loses nothing inside the tunnel",
    async run(lab) {
      await lab.router("no-udp", "loss", "5");
      await lab.relayPair();
      await lab.initiate("psk-relay");
      await lab.ping("carol", address.moonLan, { count: 60, interval: 0.05, wait: 15 });
    },
  },
  {
    name: "the stream runs over IPv6 while the daemons speak IPv4",
    everywhere: true,
    async run(lab) {
      await lab.relayPair({ server: address.moon6 });
      await lab.initiate("psk-relay");
      await lab.ping();
      const before = await lab.spis();
      const [connection] = await lab.connections();
      assert.match(connection, /2001:db8/);
      await lab.reset();
      await lab.pingUntilAnswered("carol", address.moonLan, 10);
      assert.deepEqual(await lab.spis(), before);
    },
  },
  {
    name: "moon's relay listens on every address of both families",
    async run(lab) {
      await lab.moonRelay("[::]");
      const relay = await lab.carolRelay();
      await lab.initiate("psk-relay");
      await lab.ping();
      await relay.stop();
      await lab.carolRelay("127.0.0.1", address.moon6);
      await lab.ping();
    },
  },
];
