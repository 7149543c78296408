/** Sessions of our own engine, opened with what it logs of its keys: first exchanges, both rekeys, delete, in every kind of cipher. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { concat } from "../../lib/bytes/mod.ts";
import { keyTableLines, MessageDecryptor, parseKeyTables } from "../../lib/inspect/mod.ts";
import { runtimeCrypto } from "../../lib/runtime/mod.ts";
import { decodePackets, type End as CaptureEnd, udp } from "../_support/captures.ts";
import { Pair } from "../ike/_pair.ts";

const ENDS: Readonly<Record<"a" | "b", CaptureEnd>> = { a: ["192.0.2.1", 4500], b: ["192.0.2.2", 4500] };

/** IKE proposals: an AEAD, a block cipher, a stream cipher with its MAC, and algorithms that Wireshark has no name for. */
const PROPOSALS = [
  "aes256gcm16-prfsha384-x25519",
  "aes128-sha256-prfsha256-ecp256",
  "aes256ctr-aescmac-prfaesxcbc-x25519",
  "chacha20poly1305-prfsha512-x25519",
];

describe("A session of the engine", () => {
  for (const proposals of PROPOSALS) {
    it(`is opened with its own key log: ${proposals}`, () => {
      const connection = { proposals };
      const pair = new Pair({ connectionA: connection, connectionB: connection, crypto: runtimeCrypto() });
      const flights: Uint8Array[] = [];
      pair.network = ({ from, octets }) => {
        const marked = concat([new Uint8Array(4), octets]);
        flights.push(from === "a" ? udp(ENDS.a, ENDS.b, marked) : udp(ENDS.b, ENDS.a, marked));
        return octets;
      };
      pair.connect();
      const { childSa } = pair.a.lastChild();
      pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child: childSa.child });
      pair.settle();
      pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
      pair.settle();

      const tables = pair.a.keys.map((entry) => keyTableLines(entry));
      const log = parseKeyTables(tables.map(({ text }) => text).join(""));
      assert.deepEqual([log.ike.length, log.esp.length, log.unused.length], [2, 4, 0]);
      // The responder logs the same keys.
      const theirs = parseKeyTables(pair.b.keys.map((entry) => keyTableLines(entry).text).join(""));
      assert.deepEqual(theirs.ike, log.ike);
      assert.deepEqual(new Set(theirs.esp.map(({ spi }) => spi)), new Set(log.esp.map(({ spi }) => spi)));

      const keys = new MessageDecryptor(runtimeCrypto(), [log]);
      const rows = decodePackets(flights, { keys });
      keys.dispose();
      assert.deepEqual(rows.map(({ kind }) => kind), flights.map(() => "ike"));
      const sealed = rows.filter(({ ike }) => ike!.payloads.includes("SK"));
      assert.deepEqual(sealed.map(({ ike }) => ike!.decrypted), sealed.map(() => true));
      const insides = sealed.map(({ ike }) => ike!.inner!.join(" "));
      assert.ok(insides.some((inner) => /^IDi .*AUTH .*TSr/.test(inner)), insides.join("\n"));
      assert.ok(insides.some((inner) => inner.includes("N(REKEY_SA)")), insides.join("\n"));
      assert.ok(insides.some((inner) => /SA .*Nonce.* KE|SA KE Nonce/.test(inner)), insides.join("\n"));
      assert.ok(insides.filter((inner) => inner === "D").length >= 2, insides.join("\n"));
    });
  }
});
