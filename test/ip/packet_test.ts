import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, fromHex, toHex } from "../../lib/bytes/mod.ts";
import {
  addToSum,
  checksumOf,
  emitTcpPacket,
  emitUdpPacket,
  formatIpAddress,
  parseIpAddress,
  parseIpPacket,
  parseTcpSegment,
  parseUdpDatagram,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  TCP_FLAGS,
} from "../../lib/ip/mod.ts";

const V4: readonly [Uint8Array, Uint8Array] = [
  parseIpAddress("192.0.2.10")!,
  parseIpAddress("198.51.100.10")!,
];
const V6: readonly [Uint8Array, Uint8Array] = [
  parseIpAddress("2001:db8::1")!,
  parseIpAddress("2001:db8::2")!,
];
const DATA = new TextEncoder().encode("hello");

/** An IPv6 packet with these headers in front of eight octets of UDP. */
function v6WithHeaders(first: number, headers: Uint8Array): Uint8Array {
  const packet = emitUdpPacket(V6[0], V6[1], { sourcePort: 1, destinationPort: 2, data: new Uint8Array(0) });
  packet[6] = first;
  packet[5] = headers.length + 8;
  return concat([packet.subarray(0, 40), headers, packet.subarray(40)]);
}

describe("parseIpPacket", () => {
  it("passes over IPv4 options and leaves link-layer padding away", () => {
    const plain = emitUdpPacket(V4[0], V4[1], { sourcePort: 500, destinationPort: 500, data: DATA });
    const packet = concat([plain.subarray(0, 20), new Uint8Array(8), plain.subarray(20), new Uint8Array(10)]);
    packet[0] = 0x47;
    packet[3] = plain.length + 8;
    const { version, source, destination, protocol, payload, fragment } = parseIpPacket(packet)!;
    assert.equal(version, 4);
    assert.equal(formatIpAddress(source), "192.0.2.10");
    assert.equal(formatIpAddress(destination), "198.51.100.10");
    assert.equal(protocol, PROTOCOL_UDP);
    assert.deepEqual(parseUdpDatagram(payload)!.data, DATA);
    assert.equal(fragment, undefined);
  });

  it("says how much is missing of a packet that the capture cut", () => {
    const packet = emitUdpPacket(V4[0], V4[1], {
      sourcePort: 1,
      destinationPort: 2,
      data: new Uint8Array(100),
    });
    const { payload, payloadLength } = parseIpPacket(packet.subarray(0, 60))!;
    assert.equal(payload.length, 40);
    assert.equal(payloadLength, 108);
    const { data, dataLength } = parseUdpDatagram(payload)!;
    assert.equal(data.length, 32);
    assert.equal(dataLength, 100);
  });

  it("takes a length of 0 for a packet that the network card has yet to cut", () => {
    const packet = emitTcpPacket(V4[0], V4[1], {
      sourcePort: 1,
      destinationPort: 2,
      seq: 0,
      ack: 0,
      flags: 0,
      window: 0,
      data: new Uint8Array(3000),
    });
    packet.set([0, 0], 2);
    assert.equal(parseIpPacket(packet)!.payload.length, 3020);
  });

  it("tells fragments by offset and mark", () => {
    const packet = emitUdpPacket(V4[0], V4[1], {
      sourcePort: 1,
      destinationPort: 2,
      data: new Uint8Array(100),
    });
    packet.set([0x12, 0x34], 4);
    packet.set([0x20, 0x00], 6);
    assert.deepEqual(parseIpPacket(packet)!.fragment, { id: 0x1234, offset: 0, more: true });
    packet.set([0x00, 0x02], 6);
    assert.deepEqual(parseIpPacket(packet)!.fragment, { id: 0x1234, offset: 16, more: false });
  });

  it("passes over IPv6 extension headers", () => {
    const hopByHop = fromHex("2b00000000000000"); // then routing
    const routing = fromHex("3c01000000000000" + "0000000000000000"); // then destination options
    const options = fromHex("3300000000000000"); // then authentication
    const authentication = fromHex("11040000" + "00".repeat(20)); // then UDP
    const packet = parseIpPacket(v6WithHeaders(0, concat([hopByHop, routing, options, authentication])))!;
    assert.equal(packet.protocol, PROTOCOL_UDP);
    assert.equal(packet.payload.length, 8);
    assert.equal(packet.payloadLength, 8);
    assert.equal(formatIpAddress(packet.source), "2001:db8::1");
  });

  it("stops at an IPv6 fragment, but not at one that is the whole packet", () => {
    const piece = parseIpPacket(v6WithHeaders(44, fromHex("1100000900000007")))!;
    assert.deepEqual(piece.fragment, { id: 7, offset: 8, more: true });
    const whole = parseIpPacket(v6WithHeaders(44, fromHex("1100000000000007")))!;
    assert.equal(whole.fragment, undefined);
    assert.equal(whole.protocol, PROTOCOL_UDP);
  });

  it("gives nothing for extension headers that do not end", () => {
    assert.equal(parseIpPacket(v6WithHeaders(0, fromHex("00ff000000000000"))), undefined);
    assert.equal(parseIpPacket(v6WithHeaders(0, new Uint8Array(0)).subarray(0, 44)), undefined);
  });

  it("gives nothing for what is no IP packet", () => {
    for (
      const hex of [
        "",
        "45",
        "44" + "00".repeat(30),
        "4f" + "00".repeat(30),
        "60" + "00".repeat(38),
        "00".repeat(40),
      ]
    ) {
      assert.equal(parseIpPacket(fromHex(hex)), undefined, hex);
    }
  });

  it("never throws and never reads outside, whatever the octets", () => {
    const start = fc.constantFrom("45000028", "46000028", "60000000", "4500ffff");
    fc.assert(fc.property(start, fc.uint8Array({ maxLength: 200 }), (head, rest) => {
      const octets = concat([fromHex(head), rest]);
      const packet = parseIpPacket(octets);
      if (packet === undefined) return;
      assert.ok(packet.payload.length <= octets.length && packet.payload.length <= packet.payloadLength);
      const tcp = parseTcpSegment(packet.payload, packet.payloadLength);
      assert.ok(tcp === undefined || tcp.data.length <= packet.payload.length);
      const udp = parseUdpDatagram(packet.payload);
      assert.ok(udp === undefined || udp.data.length <= packet.payload.length);
    }));
  });
});

describe("parseTcpSegment", () => {
  it("passes over options", () => {
    const packet = emitTcpPacket(V6[0], V6[1], {
      sourcePort: 40000,
      destinationPort: 4500,
      seq: 0xfffffffe,
      ack: 7,
      flags: TCP_FLAGS["syn"]! | TCP_FLAGS["ack"]!,
      window: 1,
      options: new Uint8Array([2, 4, 5, 0xb4]),
      data: DATA,
    });
    const ip = parseIpPacket(packet)!;
    assert.equal(ip.protocol, PROTOCOL_TCP);
    const segment = parseTcpSegment(ip.payload, ip.payloadLength)!;
    const { data, ...fields } = segment;
    assert.deepEqual(data, DATA);
    assert.deepEqual(fields, {
      sourcePort: 40000,
      destinationPort: 4500,
      seq: 0xfffffffe,
      ack: 7,
      flags: 0x12,
      dataLength: 5,
    });
  });

  it("gives nothing for a header that does not fit", () => {
    assert.equal(parseTcpSegment(new Uint8Array(19)), undefined);
    const short = new Uint8Array(20);
    short[12] = 0x40;
    assert.equal(parseTcpSegment(short), undefined);
    const long = new Uint8Array(20);
    long[12] = 0xf0;
    assert.equal(parseTcpSegment(long), undefined);
  });
});

describe("Checksums", () => {
  it("of the example of RFC 1071 are as printed there", () => {
    assert.equal(checksumOf(addToSum(0, fromHex("0001f203f4f5f6f7"))), ~0xddf2 & 0xffff);
  });

  it("that are written make every sum come out as zero", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(V4, V6),
        fc.uint8Array({ maxLength: 300 }),
        ([source, destination], data) => {
          const udp = emitUdpPacket(source, destination, { sourcePort: 500, destinationPort: 4500, data });
          const tcp = emitTcpPacket(source, destination, {
            sourcePort: 1,
            destinationPort: 2,
            seq: 3,
            ack: 4,
            flags: 0x10,
            window: 5,
            data,
          });
          for (const octets of [udp, tcp]) {
            const { protocol, payload } = parseIpPacket(octets)!;
            if (source.length === 4) assert.equal(checksumOf(addToSum(0, octets.subarray(0, 20))), 0);
            const pseudo = concat([
              source,
              destination,
              new Uint8Array([0, protocol, payload.length >>> 8, payload.length & 0xff]),
            ]);
            assert.equal(checksumOf(addToSum(addToSum(0, pseudo), payload)), 0, toHex(octets));
          }
        },
      ),
    );
  });

  it("of UDP are never sent as zero, which says that there is none", () => {
    // The sum of the other fields is 0xffff with this data.
    const base = emitUdpPacket(V4[0], V4[1], { sourcePort: 0, destinationPort: 0, data: new Uint8Array(2) });
    const data = base.slice(26, 28);
    const packet = emitUdpPacket(V4[0], V4[1], { sourcePort: 0, destinationPort: 0, data });
    assert.equal(toHex(packet.subarray(26, 28)), "ffff");
  });
});
