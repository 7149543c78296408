/** Peers that die, stand still and come back: both ends notice by liveness checks, and leave nothing. */

import assert from "node:assert/strict";

import { address } from "../_support/lab.mjs";
import { leftOf } from "../_support/ike_process.mjs";
import { asCarol, asMoon, initiator, responder } from "../_support/ike_setups.mjs";
import { eventually } from "../_support/shell.mjs";

/** Patience of our engine for these cases. */
const limits = {
  half_open_timeout: 1500,
  retransmit_timeout: 200,
  retransmit_tries: 3,
  response_timeout: 1500,
};
/** And of a daemon's. */
const hasty = { RETRANSMIT_TIMEOUT: "0.3", RETRANSMIT_TRIES: "2", MOON_DPD: "1s", DPD: "1s" };

export const enginePeers = [
  {
    name:
      "our engine asks: a daemon that stands still is given up, on UDP and on TCP, and can be asked again",
    async run(lab) {
      await lab.router("open");
      await lab.moonRelay();
      const connections = ["psk", "ecdsa"].map((method) => asCarol(method, { dpd_delay: "1s" }));
      const peer = await lab.peer(initiator(connections, { limits }));
      await peer.order("bindUdp", { hostname: address.sun, port: 4500, marked: true });
      const ways = {
        psk: { udp: { hostname: address.moon, port: 4500 } },
        ecdsa: { tcp: { hostname: address.moon, port: 4500 } },
      };
      const up = {};
      for (const name of Object.keys(ways)) up[name] = (await peer.up(name, ways[name])).ikeSa;
      lab.freeze("moon");
      const ends = [];
      try {
        for (const name of Object.keys(ways)) {
          const end = await peer.event("ike_sa_deleted", ({ ikeSa }) => ikeSa === up[name]);
          assert.equal(end.by, "failure");
          assert.equal(end.reason, "timeout");
          ends.push(`${name}: ${end.text}`);
        }
        const { engine, sessions } = await peer.order("counters");
        assert.deepEqual(Object.values(leftOf(engine)).filter((value) => value > 0), [], "nothing is left");
        assert.deepEqual(sessions, []);
      } finally {
        lab.thaw("moon");
      }
      for (const name of Object.keys(ways)) {
        const { ikeSa } = await peer.up(name, ways[name]);
        await peer.ping(ikeSa, address.moonLan);
        await peer.down(ikeSa);
      }
      return ends.join("; ");
    },
  },
  {
    name:
      "our engine asks: a daemon that was killed and started anew knows nothing, which is noticed, and is asked again",
    async run(lab) {
      await lab.router("open");
      const peer = await lab.peer(initiator([asCarol("psk", { dpd_delay: "1s" })], { limits }));
      await peer.order("bindUdp", { hostname: address.sun, port: 4500, marked: true });
      const way = { udp: { hostname: address.moon, port: 4500 } };
      const { ikeSa } = await peer.up("psk", way);
      await lab.kill("moon");
      await lab.restart("moon");
      const end = await peer.event("ike_sa_deleted", (event) => event.ikeSa === ikeSa);
      assert.equal(end.by, "failure");
      const again = await peer.up("psk", way);
      await peer.ping(again.ikeSa, address.moonLan);
      await peer.down(again.ikeSa);
      return end.text;
    },
  },
  {
    name:
      "our engine answers: it stands still, is killed and comes back; carol gives up what it had and can ask again",
    async run(lab) {
      await lab.restart("carol", hasty);
      const connections = [asMoon("psk", { dpd_delay: "1s" })];
      const start = async (name) => {
        const peer = await lab.peer(responder(connections, { limits }), { name });
        await peer.order("listenTcp", { hostname: address.sun, port: 4500 });
        return peer;
      };
      const first = await start("first");
      await lab.carolRelay("127.0.0.1", address.sun);
      const gone = () =>
        eventually("carol to give up", 10, async () => (await lab.sas("carol")).length === 0);

      await lab.initiate("psk-relay");
      first.signal("SIGSTOP");
      await gone();
      first.signal("SIGCONT");
      await first.event("ike_sa_deleted");
      await lab.initiate("psk-relay");
      await lab.ping();
      await first.kill();
      await gone();
      const second = await start("second");
      // The relay has been refused, and waits longer each time, up to some seconds.
      await eventually(
        "carol to come up again",
        15,
        () => lab.initiate("psk-relay").then(() => true, () => false),
      );
      await lab.ping();
      await lab.order("carol", "--terminate", "--ike", "psk-relay");
      await second.event("ike_sa_deleted", ({ by }) => by === "peer");
      // What the relay has kept of carol's attempts in vain has come as well, and is given up.
      await eventually(
        "nothing to be left",
        10,
        async () => (await second.order("counters")).engine.ikeSas === 0,
      );
    },
  },
  {
    name: "our engine answers: carol is killed, and what she had is given up, with its address",
    async run(lab) {
      const peer = await lab.peer(
        responder([asMoon("psk", { dpd_delay: "1s" })], {
          limits,
          pools: { pool4: { addrs: "10.99.2.1-10.99.2.1" } },
        }),
      );
      await peer.order("listenTcp", { hostname: address.sun, port: 4500 });
      await lab.carolRelay("127.0.0.1", address.sun);
      await lab.initiate("psk-relay");
      await lab.kill("carol");
      const end = await peer.event("ike_sa_deleted");
      assert.equal(end.by, "failure");
      await lab.restart("carol");
      await lab.initiate("psk-relay"); // the one address is free again
      await lab.ping();
      await lab.order("carol", "--terminate", "--ike", "psk-relay");
      return end.text;
    },
  },
];
