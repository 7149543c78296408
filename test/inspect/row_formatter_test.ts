import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { concat, fromHex } from "../../lib/bytes/mod.ts";
import { InspectError } from "../../lib/errors.ts";
import { RowFormatter } from "../../lib/inspect/mod.ts";
import {
  decodeItems,
  decodePackets,
  esp,
  frame,
  ike,
  markedIke,
  PREFIX,
  Talk,
  udp,
} from "../_support/captures.ts";

describe("RowFormatter", () => {
  it("writes one aligned line a row, the end that opened the conversation on the left", () => {
    const odd = ["ff", "", "0102", "01020304"].map((hex) => frame(fromHex(hex)));
    const talk = new Talk().open().say(PREFIX, frame(markedIke())).answer(
      frame(markedIke({ flags: 0x20 })),
      concat(odd),
      frame(esp(0xabcdef01, 4294967295)),
    );
    const formatter = new RowFormatter();
    const lines = decodePackets(talk.packets).map((row) => formatter.format(row));
    const spi = "spi a5a5a5a5a5a5a5a5 0000000000000000";
    assert.deepEqual(lines, [
      "   0.000000  tcp 0    192.0.2.10:40000 --> 198.51.100.10:4500     prefix IKETCP",
      `   0.001000  tcp 0    192.0.2.10:40000 --> 198.51.100.10:4500     IKE_SA_INIT request 0 { N(IKEV2_FRAGMENTATION_SUPPORTED) } ${spi}, 88 octets`,
      `   0.002000  tcp 0    192.0.2.10:40000 <-- 198.51.100.10:4500     IKE_SA_INIT response 0 { N(IKEV2_FRAGMENTATION_SUPPORTED) } ${spi}, 88 octets`,
      "   0.003000  tcp 0    192.0.2.10:40000 <-- 198.51.100.10:4500     keepalive",
      "   0.003000  tcp 0    192.0.2.10:40000 <-- 198.51.100.10:4500     empty message",
      "   0.003000  tcp 0    192.0.2.10:40000 <-- 198.51.100.10:4500     runt, 2 octets",
      "   0.003000  tcp 0    192.0.2.10:40000 <-- 198.51.100.10:4500     ESP spi 01020304 seq missing, 4 octets",
      "   0.004000  tcp 0    192.0.2.10:40000 <-- 198.51.100.10:4500     ESP spi abcdef01 seq 4294967295, 88 octets",
    ]);
  });

  it("widens its columns for long addresses and keeps them wide", () => {
    const long = ["2001:db8:1111:2222:3333:4444:5555:6666", 4500] as const;
    const rows = decodePackets([
      udp(long, ["2001:db8::2", 4500], esp(256, 1)),
      udp(["192.0.2.1", 500], ["192.0.2.2", 500], ike()),
    ]);
    const formatter = new RowFormatter();
    const [first, second] = rows.map((row) => formatter.format(row));
    assert.equal(first!.indexOf("-->"), second!.indexOf("-->"));
  });

  it("writes faults, also of the file itself", () => {
    const formatter = new RowFormatter();
    const error = new InspectError("ERR_INSPECT_RECORD", "Cannot read capture: expected a, got b");
    const [row] = decodeItems([{ error, time: 5 }]);
    assert.equal(
      formatter.format(row!),
      "   0.000000  error ERR_INSPECT_RECORD: Cannot read capture: expected a, got b",
    );
  });

  it("makes a line of every row, and no more", () => {
    const { packets } = new Talk().open().say(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
    const formatter = new RowFormatter();
    for (const row of decodePackets(packets)) assert.ok(!formatter.format(row).includes("\n"));
  });
});
