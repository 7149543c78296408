import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { concat, fromHex } from "../../lib/bytes/mod.ts";
import { captured, CLIENT, decodeItems, ike, inShort, SERVER, udp } from "../_support/captures.ts";

const V4 = udp([CLIENT[0], 500], [SERVER[0], 500], ike());
const V6 = udp(["2001:db8::1", 500], ["2001:db8::2", 500], ike());
const MACS = "020000000001020000000002";

/** A link layer: its number, and what it has in front of an IPv4 and of an IPv6 packet. */
const LAYERS: readonly (readonly [name: string, linkType: number, v4: string, v6: string])[] = [
  ["NULL, little-endian", 0, "02000000", "1e000000"],
  ["NULL, big-endian", 0, "00000002", "0000000a"],
  ["Ethernet", 1, MACS + "0800", MACS + "86dd"],
  ["Ethernet with a VLAN", 1, MACS + "81000064" + "0800", MACS + "81000064" + "86dd"],
  [
    "Ethernet with two VLANs",
    1,
    MACS + "88a80064" + "81000065" + "0800",
    MACS + "91000064" + "81000065" + "86dd",
  ],
  [
    "Ethernet with PPPoE",
    1,
    MACS + "8864" + "110000010000" + "0021",
    MACS + "8864" + "110000010000" + "0057",
  ],
  ["PPP", 9, "ff030021", "0057"],
  ["PPP with a short protocol", 9, "ff0321", "57"],
  ["RAW as BSD numbers it", 12, "", ""],
  ["RAW as OpenBSD numbers it", 14, "", ""],
  ["PPP in HDLC-like framing", 50, "ff030021", "ff030057"],
  ["PPPoE", 51, "110000010000" + "0021", "110000010000" + "0057"],
  ["RAW", 101, "", ""],
  ["LOOP", 108, "00000002", "00000018"],
  ["LINUX_SLL", 113, "00000001000602000000000100000800", "000000010006020000000001000086dd"],
  [
    "LINUX_SLL with a VLAN",
    113,
    "00000001000602000000000100008100" + "00640800",
    "00000001000602000000000100008100" + "006486dd",
  ],
  ["IPV4 and IPV6", 228, "", ""],
  ["IPV6", 229, "", ""],
  [
    "LINUX_SLL2",
    276,
    "0800" + "0000" + "00000002" + "0001" + "00" + "06" + "0200000000010000",
    "86dd" + "0000" + "00000002" + "0001" + "00" + "06" + "0200000000010000",
  ],
];

describe("Link layers", () => {
  for (const [name, linkType, v4, v6] of LAYERS) {
    it(`${name}: the IP packet is found`, () => {
      const frames = [concat([fromHex(v4), V4]), concat([fromHex(v6), V6])];
      const rows = decodeItems(captured(frames, linkType));
      assert.deepEqual(rows.map(({ from, kind }) => [from, kind]), [
        ["192.0.2.10:500", "ike"],
        ["[2001:db8::1]:500", "ike"],
      ]);
    });

    it(`${name}: a frame cut short anywhere gives no message and no crash`, () => {
      const frame = concat([fromHex(v4), V4]);
      for (let length = 0; length < frame.length - ike().length; length++) {
        const rows = decodeItems(captured([frame.subarray(0, length)], linkType));
        assert.ok(rows.every(({ kind }) => kind === "error"), `${length}`);
      }
    });
  }

  it("pass over other protocols", () => {
    const arp = concat([fromHex(MACS + "0806"), new Uint8Array(28)]);
    const llc = concat([fromHex(MACS + "0026"), new Uint8Array(38)]);
    const ppp = fromHex("c021" + "01010004");
    assert.deepEqual(decodeItems([...captured([arp, llc], 1), ...captured([ppp], 9)]), []);
  });

  it("that are not known give one error each, and the others go on", () => {
    const rows = decodeItems([...captured([V4, V4], 147), ...captured([V4], 148), ...captured([V4], 101)]);
    assert.deepEqual(inShort(rows, ["192.0.2.10", 500]), [
      "- error ERR_INSPECT_FORMAT",
      "- error ERR_INSPECT_FORMAT",
      "> ike IKE_SA_INIT/0",
    ]);
    assert.match(rows[0]!.error!.message, /got 147$/);
  });
});
