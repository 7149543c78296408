/** The relay as a program among daemons: signals, counters, and what it says when it cannot start. */

import assert from "node:assert/strict";

import { address } from "../_support/lab.mjs";
import { eventually } from "../_support/shell.mjs";

export const lifecycle = [
  ...["SIGTERM", "SIGINT"].map((signal) => ({
    name: `${signal} in mid-session ends a relay well, with its counters, and the other sees the stream end`,
    everywhere: signal === "SIGTERM",
    async run(lab) {
      const relays = await lab.relayPair();
      await lab.initiate("psk-relay");
      await lab.ping();
      const ending = { carol: await relays.carol.stop(signal) };
      assert.deepEqual(await lab.connections(), []);
      await eventually("moon's relay to see the stream end", 5, async () => {
        return (await relays.moon.counters()).streams === 0;
      });
      ending.moon = await relays.moon.stop(signal);
      assert.equal(ending.carol.messagesToStream, ending.moon.messagesFromStream);
      assert.equal(ending.carol.messagesFromStream, ending.moon.messagesToStream);
      assert.equal(ending.carol.octetsToStream, ending.moon.octetsFromStream);
      assert.ok(ending.carol.messagesToStream >= 2 + 5, "two IKE messages and five pings at least");
      assert.equal(ending.carol.datagramsDropped + ending.moon.datagramsDropped, 0);
    },
  })),
  {
    name: "SIGUSR2 prints counters that grow by what crosses, and the relay goes on",
    async run(lab) {
      const { carol } = await lab.relayPair();
      await lab.initiate("psk-relay");
      const before = await carol.counters();
      await lab.ping("carol", address.moonLan, { count: 20, interval: 0.02 });
      const after = await carol.counters();
      assert.deepEqual(
        [
          after.messagesToStream - before.messagesToStream,
          after.messagesFromStream - before.messagesFromStream,
        ],
        [20, 20],
      );
      assert.deepEqual([after.streams, after.peers], [1, 1]);
    },
  },
  {
    name: "a second relay on the same UDP port says that it is taken, and the first goes on",
    everywhere: true,
    async run(lab) {
      await lab.relayPair();
      await assert.rejects(lab.carolRelay("127.0.0.1", address.moon, "relay-second"), /14500.*in use/);
      await lab.initiate("psk-relay");
      await lab.ping();
    },
  },
];
