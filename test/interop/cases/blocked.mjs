/** The reason for all of this: a network that drops UDP. */

import assert from "node:assert/strict";

export const blocked = [
  {
    name: "strongSwan alone gets nowhere when the router drops UDP",
    async run(lab) {
      const { status, stdout } = await lab.swan("carol", "--initiate", [
        "--ike",
        "psk",
        "--child",
        "net",
        "--timeout",
        "30",
      ]);
      assert.notEqual(status, 0, "the initiation fails");
      assert.match(stdout, /giving up after \d+ retransmits/);
      assert.deepEqual(await lab.sas("carol"), []);
      assert.deepEqual(await lab.sas("moon"), []);
      const { udp, tcp } = await lab.counters();
      assert.ok(udp >= 5, `the router saw the request and its retransmissions: ${udp} datagrams`);
      assert.equal(tcp, 0, "strongSwan has no TCP to fall back to");
    },
  },
  {
    name: "strongSwan alone gets through when the router drops nothing, so it is the router that stopped it",
    async run(lab) {
      await lab.router("open");
      await lab.initiate("psk");
      await lab.ping();
    },
  },
  {
    name: "a relay on each side carries IKE and ESP where the router drops UDP",
    everywhere: true,
    async run(lab) {
      await lab.relayPair();
      await lab.initiate("psk-relay");
      await lab.ping("carol", undefined, { count: 20 });
      const { udp, other, tcp } = await lab.counters();
      assert.deepEqual({ udp, other }, { udp: 0, other: 0 }, "nothing but TCP came to the router");
      assert.ok(tcp > 20, `${tcp} TCP segments came to the router`);
    },
  },
];
