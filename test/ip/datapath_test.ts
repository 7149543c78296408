/** What a tunnel does to the packets inside: reading, ECN, MSS, "too big", checksums behind a NAT. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addToSum,
  adjustedChecksum,
  checksumOf,
  clampMss,
  ECN,
  InnerPacket,
  innerTrafficClass,
  mssOf,
  outerTrafficClass,
  packetTooBig,
  parseIpPacket,
  setTrafficClass,
  trafficClassOf,
  translateChecksum,
  transportChecksum,
} from "../../lib/ip/mod.ts";
import { address, synPacket, udpPacket } from "../_support/esp_scene.ts";

/** Reads a packet that must be one. */
function read(packet: Uint8Array): InnerPacket {
  const inner = new InnerPacket();
  assert.ok(inner.read(packet));
  return inner;
}

/** Whether the checksum of an IPv4 header, if there is one, and of what it carries are right. */
function isSound(packet: Uint8Array): boolean {
  const parsed = parseIpPacket(packet)!;
  if (parsed.version === 4 && checksumOf(addToSum(0, packet.subarray(0, (packet[0]! & 15) * 4))) !== 0) {
    return false;
  }
  if (parsed.protocol === 1) return checksumOf(addToSum(0, parsed.payload)) === 0;
  return transportChecksum(parsed.source, parsed.destination, parsed.protocol, parsed.payload) === 0;
}

describe("InnerPacket", () => {
  it("reads addresses, protocol and ports", () => {
    const four = read(udpPacket(10));
    assert.deepEqual([four.version, four.length, four.headerSize, four.protocol], [4, 38, 20, 17]);
    assert.deepEqual([four.sourcePort, four.destinationPort, four.hasPorts], [5000, 6000, true]);
    assert.deepEqual([...four.addresses], [0x0a000001, 0, 0, 0, 0x0a000002, 0, 0, 0]);
    const six = read(udpPacket(10, "2001:db8::1", "2001:db8::ff"));
    assert.deepEqual([six.version, six.length, six.headerSize, six.protocol], [6, 58, 40, 17]);
    assert.deepEqual([...six.addresses], [0x20010db8, 0, 0, 1, 0x20010db8, 0, 0, 0xff]);
  });

  it("refuses what is not whole, and takes what has octets behind it", () => {
    for (const packet of [udpPacket(10), udpPacket(10, "::1", "::2")]) {
      const inner = new InnerPacket();
      for (let size = 0; size < packet.length; size++) {
        assert.equal(inner.read(packet.subarray(0, size)), false);
      }
      assert.equal(inner.read(Uint8Array.from([...packet, 0, 0, 0])), true);
      assert.equal(inner.length, packet.length);
    }
    assert.equal(new InnerPacket().read(new Uint8Array(40)), false);
  });

  it("knows no ports in later fragments", () => {
    const packet = udpPacket(10);
    packet[7] = 5;
    const inner = read(packet);
    assert.deepEqual([inner.fragment, inner.hasPorts, inner.sourcePort], [true, false, 0]);
  });

  it("passes over extension headers of IPv6", () => {
    const plain = udpPacket(10, "::1", "::2");
    const packet = new Uint8Array(plain.length + 16);
    packet.set(plain.subarray(0, 40));
    packet.set(plain.subarray(40), 56);
    packet[5]! += 16;
    packet[6] = 0; // hop-by-hop, then destination options
    packet[40] = 60;
    packet[48] = 17;
    const inner = read(packet);
    assert.deepEqual([inner.protocol, inner.headerSize, inner.destinationPort], [17, 56, 6000]);
    packet[49] = 40; // more than there is
    assert.equal(new InnerPacket().read(packet), false);
  });

  it("never throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.constantFrom(0x45, 0x60, 0x4f), (octets, first) => {
        const inner = new InnerPacket();
        if (inner.read(Uint8Array.from([first, ...octets]))) assert.ok(inner.length <= octets.length + 1);
      }),
    );
  });
});

describe("adjustedChecksum", () => {
  it("is what a new sum gives (RFC 1624)", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 8, maxLength: 8 }),
        fc.integer({ min: 0, max: 0xffff }),
        (octets, word) => {
          octets[0] = 0x45; // a sum of nothing but zeros has two forms
          const before = checksumOf(addToSum(0, octets));
          const adjusted = adjustedChecksum(before, octets[4]! << 8 | octets[5]!, word);
          octets[4] = word >> 8;
          octets[5] = word;
          assert.equal(adjusted, checksumOf(addToSum(0, octets)));
        },
      ),
    );
  });
});

describe("Traffic class", () => {
  it("is written with a right checksum", () => {
    for (const packet of [udpPacket(3), udpPacket(3, "::1", "::2")]) {
      setTrafficClass(packet, 0xb9);
      assert.equal(trafficClassOf(packet), 0xb9);
      assert.ok(isSound(packet));
    }
  });

  it("leaves a tunnel by RFC 6040, figure 4", () => {
    const { notEct, ect0, ect1, ce } = ECN;
    const columns = [notEct, ect0, ect1, ce];
    const rows: [number, (number | undefined)[]][] = [
      [notEct, [notEct, notEct, notEct, undefined]],
      [ect0, [ect0, ect0, ect1, ce]],
      [ect1, [ect1, ect1, ect1, ce]],
      [ce, [ce, ce, ce, ce]],
    ];
    for (const [inner, outcomes] of rows) {
      assert.deepEqual(columns.map((outer) => innerTrafficClass(inner, outer)), outcomes);
    }
  });

  it("enters one as not ECN-capable, unless the mode is normal (RFC 9329, section 9.5)", () => {
    assert.equal(outerTrafficClass(0xb8 | ECN.ect0), 0xb8);
    assert.equal(outerTrafficClass(0xb8 | ECN.ect0, { ecn: "normal", outerDscp: 10 }), 40 | ECN.ect0);
    assert.equal(innerTrafficClass(0xb8, 0x28), 0xb8);
    assert.equal(innerTrafficClass(0xb8, 0x28, { innerDscp: "copy" }), 0x28);
  });
});

describe("clampMss", () => {
  it("lowers the MSS of a SYN, wherever its option stands, with a right checksum", () => {
    for (const before of [0, 1, 2, 3, 4]) {
      for (const [from, to, most] of [["10.0.0.1", "10.0.0.2", 1360], ["::1", "::2", 1340]] as const) {
        const packet = synPacket(1460, from, to, before);
        const inner = read(packet);
        assert.equal(mssOf(1400, inner.version), most);
        assert.equal(clampMss(packet, 0, inner, most), true);
        const at = inner.headerSize + 20 + before;
        assert.deepEqual([...packet.subarray(at, at + 4)], [2, 4, most >> 8, most & 0xff]);
        assert.ok(isSound(packet));
        assert.equal(clampMss(packet, 0, inner, most), false);
      }
    }
  });

  it("leaves all else alone, and never reads past the packet", () => {
    const udp = udpPacket(40);
    assert.equal(clampMss(udp, 0, read(udp), 100), false);
    const notSyn = synPacket(1460);
    notSyn[33] = 0x10;
    assert.equal(clampMss(notSyn, 0, read(notSyn), 100), false);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), fc.nat({ max: 15 }), (options, offset) => {
        const packet = synPacket(1460);
        packet.set(options, 40);
        packet[32] = offset << 4;
        const inner = read(packet);
        const before = packet.slice();
        if (!clampMss(packet, 0, inner, 500)) assert.deepEqual(packet, before);
        assert.equal(packet.length, before.length);
      }),
    );
  });
});

describe("packetTooBig", () => {
  it("tells the sender the MTU, with the start of its packet", () => {
    for (
      const [packet, quoted] of [[udpPacket(1500), 548], [
        udpPacket(1500, "2001:db8::1", "2001:db8::2"),
        1232,
      ]] as const
    ) {
      const reply = packetTooBig(packet, 1400)!;
      assert.ok(isSound(reply));
      const { source, destination, payload } = parseIpPacket(reply)!;
      const cause = parseIpPacket(packet)!;
      assert.deepEqual([source, destination], [cause.destination, cause.source]);
      assert.deepEqual(payload.subarray(8), packet.subarray(0, quoted));
      assert.equal(new DataView(payload.buffer, payload.byteOffset).getUint32(4), 1400);
    }
    const from = address("192.0.2.254");
    assert.deepEqual(parseIpPacket(packetTooBig(udpPacket(1500), 1400, from)!)!.source, from);
  });

  it("tells nobody about errors, fragments, multicast senders, and what may be fragmented", () => {
    const mayBe = udpPacket(1500);
    mayBe[6] = 0;
    assert.equal(packetTooBig(mayBe, 1400), undefined);
    assert.equal(packetTooBig(udpPacket(1500, "224.0.0.1"), 1400), undefined);
    assert.equal(packetTooBig(udpPacket(1500, "ff02::1", "::2"), 1400), undefined);
    assert.equal(packetTooBig(packetTooBig(udpPacket(1500), 1400)!, 500), undefined);
    assert.equal(packetTooBig(packetTooBig(udpPacket(1500, "::1", "::2"), 1400)!, 500), undefined);
    const later = udpPacket(1500);
    later[7] = 9;
    assert.equal(packetTooBig(later, 1400), undefined);
    assert.equal(packetTooBig(Uint8Array.of(1, 2, 3), 1400), undefined);
  });
});

describe("translateChecksum", () => {
  it("makes the checksum right for the addresses behind a NAT (RFC 3948, section 3.1.2)", () => {
    const after = { source: address("198.51.100.200"), destination: address("192.168.255.1") };
    for (const packet of [udpPacket(33), synPacket(1460)]) {
      const { source, destination, protocol, payload } = parseIpPacket(packet)!;
      assert.equal(translateChecksum(payload, protocol, { source, destination }, after), true);
      assert.equal(transportChecksum(after.source, after.destination, protocol, payload), 0);
    }
  });

  it("leaves UDP without a checksum as it is, and protocols that cover no addresses", () => {
    const pair = { source: address("10.0.0.1"), destination: address("10.0.0.2") };
    const other = { source: address("10.0.0.3"), destination: address("10.0.0.4") };
    const udp = new Uint8Array(12);
    assert.equal(translateChecksum(udp, 17, pair, other), false);
    assert.deepEqual(udp, new Uint8Array(12));
    assert.equal(translateChecksum(new Uint8Array(12), 1, pair, other), false);
    assert.equal(translateChecksum(new Uint8Array(7), 6, pair, other), false);
  });
});
