/** What really crosses the wire, as our own decoder and as Wireshark's see it. */

import assert from "node:assert/strict";

import { capture, decode, dissect } from "../_support/capture.mjs";
import { address } from "../_support/lab.mjs";
import { eventually } from "../_support/shell.mjs";

export const wire = [
  {
    name: "the wire carries the prefix, IKE and ESP, and Wireshark reads the same messages as we do",
    everywhere: true,
    async run(lab) {
      await lab.relayPair();
      const tap = await capture(lab, "net", "to-moon", "tcp");
      await session(lab);
      const file = await tap.stop();

      const rows = await decode(lab.runtimes.carol, file);
      const kinds = new Set(rows.map((row) => row.kind));
      assert.deepEqual([...kinds].sort(), ["esp", "ike", "prefix"]);
      assert.equal(rows[0].kind, "prefix");
      assert.equal(
        rows.filter((row) => row.kind === "prefix").length,
        2,
        "one for the first stream, one after the reset",
      );
      const prefixes = rows.filter((row) => row.kind === "prefix");
      for (const { from } of prefixes) {
        assert.ok(from.startsWith(`${address.carol}:`), `${from} is the originator`);
      }

      const seen = await dissect(file);
      assert.deepEqual(seen.malformed, [], "Wireshark calls no packet malformed");
      assert.equal(seen.prefixes, prefixes.length);
      const lengths = rows.filter((row) => row.kind !== "prefix").map(lengthOnWire);
      assert.deepEqual(sorted(seen.lengths), sorted(lengths));
      const ike = rows.filter((row) => row.kind === "ike").map(({ ike }) => `${ike.spiI} ${ike.messageId}`);
      assert.deepEqual(sorted(seen.ike), sorted(ike));
      const esp = rows.filter((row) => row.kind === "esp").map(({ esp }) => `${esp.spi} ${esp.seq}`);
      assert.deepEqual(sorted(seen.esp), sorted(esp));
      return `${ike.length} IKE messages, ${esp.length} ESP packets`;
    },
  },
  {
    name: "the daemons' keepalives stay on their own sides",
    everywhere: true,
    async run(lab) {
      const relays = await lab.relayPair();
      const tap = await capture(lab, "net", "to-moon", "tcp");
      const local = {
        carol: await capture(lab, "carol", "lo", "udp"),
        moon: await capture(lab, "moon", "lo", "udp"),
      };
      await lab.initiate("psk-relay");
      // An idle daemon sends one every two seconds.
      const swallowed = (relay) => async () => (await relay.counters()).keepalives >= 2;
      await eventually("carol's relay to swallow two keepalives", 15, swallowed(relays.carol));
      await eventually("moon's relay to swallow two keepalives", 15, swallowed(relays.moon));
      for (const [side, tap] of Object.entries(local)) {
        const rows = await decode(lab.runtimes.carol, await tap.stop());
        const keepalives = rows.filter((row) => row.kind === "keepalive");
        assert.ok(
          keepalives.length >= 2,
          `the daemon of ${side} sent ${keepalives.length} keepalives to its relay`,
        );
        for (const { from } of keepalives) assert.equal(from, "127.0.0.1:4500", "and its relay sent it none");
      }
      const rows = await decode(lab.runtimes.carol, await tap.stop());
      assert.deepEqual(new Set(rows.map((row) => row.kind)), new Set(["prefix", "ike"]));
      await lab.ping();
    },
  },
];

/** A session with a little of everything. */
async function session(lab) {
  await lab.initiate("psk-relay");
  await lab.ping("carol", address.moonLan, { count: 10, interval: 0.02 });
  await lab.ping("carol", address.moonLan, { count: 3, size: 1300 });
  await lab.order("carol", "--rekey", "--child", "net");
  await lab.order("moon", "--rekey", "--ike", "psk");
  await lab.reset();
  await lab.pingUntilAnswered("carol", address.moonLan, 10);
  await lab.initiate("rsa-relay");
  await lab.order("carol", "--terminate", "--ike", "rsa-relay");
  await lab.order("carol", "--terminate", "--ike", "psk-relay");
}

/** A message's Length field: itself, the marker of IKE, and the message (RFC 9329, section 3). */
function lengthOnWire({ kind, length }) {
  return 2 + (kind === "ike" ? 4 : 0) + length;
}

function sorted(values) {
  return [...values].sort();
}
