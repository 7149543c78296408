/** What our engine says to strongSwan, as Wireshark's tool and our own decoder read it with our own key log. */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync } from "node:fs";

import { capture, decode, decrypt } from "../_support/capture.mjs";
import { address, directory } from "../_support/lab.mjs";
import { asCarol, initiator } from "../_support/ike_setups.mjs";

/** Suites that Wireshark knows, both kinds of encryption. */
const suites = [
  { proposals: "aes256-sha256-x25519", esp_proposals: "aes128gcm16" },
  { proposals: "aes256gcm16-prfsha384-ecp384", esp_proposals: "aes256-sha256" },
];

export const engineWire = [
  {
    name:
      "Wireshark decrypts what our engine and strongSwan say, with our key log, and calls none of it malformed",
    async run(lab) {
      const keys = `${directory}/keylog`;
      rmSync(keys, { recursive: true, force: true });
      mkdirSync(keys, { recursive: true });
      await lab.router("open");
      await lab.moonRelay();
      const tap = await capture(lab, "sun", "eth0", "port 4500");
      const connections = suites.map(({ proposals, esp_proposals }, i) =>
        asCarol("ecdsa384", {
          name: `suite-${i}`,
          proposals,
          children: { net: { remote_ts: "10.99.1.0/24", esp_proposals } },
        })
      );
      const peer = await lab.peer(initiator(connections, { keyLog: keys }));
      await peer.order("bindUdp", { hostname: address.sun, port: 4500, marked: true });
      const ways = [{ udp: { hostname: address.moon, port: 4500 } }, {
        tcp: { hostname: address.moon, port: 4500 },
      }];
      for (const way of ways) {
        for (const { name } of connections) {
          const { ikeSa, child } = await peer.up(name, way);
          await peer.ping(ikeSa, address.moonLan);
          await peer.input("rekey_child", { ikeSa, child: child.child });
          await peer.event("child_sa_installed", ({ replaces }) => replaces === child.child);
          await peer.ping(ikeSa, address.moonLan);
          await peer.down(ikeSa);
        }
      }
      const file = await tap.stop();

      const messages = peer.events.filter(({ type }) => type === "message").length;
      const seen = await decrypt(file, keys);
      assert.deepEqual(seen.malformed, [], "Wireshark calls no packet malformed");
      assert.deepEqual(seen.wrong, [], "every check value is right");
      assert.ok(seen.right > 0, "check values are looked at");
      assert.equal(
        seen.echoes,
        connections.length * ways.length * 2 * 3 * 2,
        "every ping and its answer are readable",
      );
      assert.ok(seen.payloads > messages, `${seen.payloads} payloads of encrypted messages are readable`);

      const rows = await decode(
        "node",
        file,
        ...["ikev2_decryption_table", "esp_sa"].flatMap((table) =>
          existsSync(`${keys}/${table}`) ? ["--keys", `${keys}/${table}`] : []
        ),
      );
      const secret = rows.filter(({ ike, esp }) =>
        esp !== undefined || ike?.payloads.some((name) => /^SKF?$/.test(name))
      );
      assert.ok(secret.length > 0);
      assert.deepEqual(
        secret.filter((row) => (row.ike ?? row.esp).decrypted !== true),
        [],
        "our decoder opens all of it",
      );
      return `${messages} IKE messages, ${seen.echoes} pings and answers`;
    },
  },
];
