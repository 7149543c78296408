import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { concat } from "../../lib/bytes/mod.ts";
import {
  IpReassembler,
  MAX_FRAGMENT_OCTETS,
  MAX_FRAGMENTS,
  MAX_INCOMPLETE_PACKETS,
} from "../../lib/inspect/ip_reassembly.ts";
import { type IpPacket, parseIpPacket } from "../../lib/ip/mod.ts";
import { decodePackets, type End, ike, inShort, udp } from "../_support/captures.ts";

const FROM: End = ["192.0.2.10", 500];
const TO: End = ["198.51.100.10", 500];
const BIG = ike({ exchange: 35, messageId: 1, payload: 46, size: 3000 });

/** An IPv4 packet in fragments of so many octets of payload. */
function fragmentsV4(packet: Uint8Array, size: number, id = 7): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let offset = 20; offset < packet.length; offset += size) {
    const piece = concat([packet.subarray(0, 20), packet.subarray(offset, offset + size)]);
    const view = new DataView(piece.buffer);
    view.setUint16(2, piece.length);
    view.setUint16(4, id);
    view.setUint16(6, (offset + size < packet.length ? 0x2000 : 0) | (offset - 20) / 8);
    pieces.push(piece);
  }
  return pieces;
}

/** An IPv6 packet in fragments of so many octets of payload. */
function fragmentsV6(packet: Uint8Array, size: number, id = 7): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let offset = 40; offset < packet.length; offset += size) {
    const header = new DataView(new ArrayBuffer(8));
    header.setUint8(0, packet[6]!);
    header.setUint16(2, (offset - 40) | (offset + size < packet.length ? 1 : 0));
    header.setUint32(4, id);
    const piece = concat([
      packet.subarray(0, 40),
      new Uint8Array(header.buffer),
      packet.subarray(offset, offset + size),
    ]);
    piece[6] = 44;
    new DataView(piece.buffer).setUint16(4, piece.length - 40);
    pieces.push(piece);
  }
  return pieces;
}

function handleAll(reassembler: IpReassembler, packets: readonly Uint8Array[]): IpPacket[] {
  return packets.flatMap((packet) => reassembler.handle(parseIpPacket(packet)!) ?? []);
}

describe("Fragmented IP packets", () => {
  const v4 = fragmentsV4(udp(FROM, TO, BIG), 1480);
  const v6 = fragmentsV6(udp(["2001:db8::1", 500], ["2001:db8::2", 500], BIG), 1448);

  it("are put together in any order, each once", () => {
    assert.equal(v4.length, 3);
    for (const pieces of [v4, v6]) {
      for (const order of [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 1, 0, 2]]) {
        const rows = decodePackets(order.map((i) => pieces[i]!));
        assert.deepEqual(rows.map(({ kind, length }) => [kind, length]), [["ike", BIG.length]], `${order}`);
      }
    }
  });

  it("of several packets at a time do not mix", () => {
    const other = fragmentsV4(udp(FROM, TO, ike({ messageId: 2, size: 2000 })), 1480, 8);
    const rows = decodePackets([v4[0]!, other[0]!, v4[1]!, v6[0]!, other[1]!, v4[2]!, v6[1]!, v6[2]!]);
    assert.deepEqual(inShort(rows, FROM), ["> ike IKE_SA_INIT/2", "> ike IKE_AUTH/1", "< ike IKE_AUTH/1"]);
  });

  it("give nothing while one is missing", () => {
    assert.deepEqual(decodePackets([v4[0]!, v4[2]!, v6[0]!, v6[1]!]), []);
  });

  it("that overlap give what the one that begins first has", () => {
    const packet = udp(FROM, TO, new Uint8Array(48).fill(1));
    const overlapping = fragmentsV4(udp(FROM, TO, new Uint8Array(48).fill(2)), 32)[1]!;
    overlapping.set([0x20, 2], 6); // it begins at 16 in place of 32, ends at 40, and is not the last
    const [first, last] = fragmentsV4(packet, 32);
    const [whole] = handleAll(new IpReassembler(), [overlapping, first!, last!]);
    assert.deepEqual([...whole!.payload.subarray(8)], [
      ...new Uint8Array(24).fill(1),
      ...new Uint8Array(8).fill(2),
      ...new Uint8Array(16).fill(1),
    ]);
  });

  it("come out whole from any order and any sizes", () => {
    fc.assert(fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 600 }),
      fc.integer({ min: 1, max: 20 }),
      fc.infiniteStream(fc.nat()),
      fc.boolean(),
      (data, size, random, isV6) => {
        const packet = isV6
          ? udp(["2001:db8::1", 1], ["2001:db8::2", 2], data)
          : udp(["192.0.2.1", 1], ["192.0.2.2", 2], data);
        const pieces = isV6 ? fragmentsV6(packet, size * 8) : fragmentsV4(packet, size * 8);
        const order = pieces.map((piece) => ({ piece, key: random.next().value! })).sort((a, b) =>
          a.key - b.key
        );
        const wholes = handleAll(new IpReassembler(), order.map(({ piece }) => piece));
        assert.equal(wholes.length, 1);
        assert.deepEqual([...wholes[0]!.payload.subarray(8)], [...data]);
        assert.equal(wholes[0]!.fragment, undefined);
      },
    ));
  });

  it("hold no more than their limits", () => {
    const reassembler = new IpReassembler();
    const piece = (id: number) =>
      parseIpPacket(fragmentsV4(udp(FROM, TO, new Uint8Array(60000)), 32000, id)[0]!)!;
    const count = Math.ceil(MAX_FRAGMENT_OCTETS / 32000) + 10;
    assert.ok(count < MAX_INCOMPLETE_PACKETS);
    for (let id = 0; id < count; id++) reassembler.handle(piece(id));
    const end = (id: number) =>
      parseIpPacket(fragmentsV4(udp(FROM, TO, new Uint8Array(60000)), 32000, id)[1]!)!;
    assert.equal(reassembler.handle(end(0)), undefined, "the oldest gave way");
    assert.notEqual(reassembler.handle(end(count - 1)), undefined);

    const small = new IpReassembler();
    for (let id = 0; id <= MAX_INCOMPLETE_PACKETS; id++) {
      small.handle(parseIpPacket(fragmentsV4(udp(FROM, TO, new Uint8Array(16)), 8, id)[0]!)!);
    }
    assert.deepEqual(handleAll(small, fragmentsV4(udp(FROM, TO, new Uint8Array(16)), 8, 0).slice(1)), []);
    assert.equal(handleAll(small, fragmentsV4(udp(FROM, TO, new Uint8Array(16)), 8, 5).slice(1)).length, 1);

    const pieces = (count: number) => fragmentsV4(udp(FROM, TO, new Uint8Array(8 * count - 8)), 8);
    assert.equal(handleAll(new IpReassembler(), pieces(MAX_FRAGMENTS)).length, 1);
    assert.equal(handleAll(new IpReassembler(), pieces(MAX_FRAGMENTS + 1)).length, 0);
  });

  it("that claim more than a packet can have give nothing", () => {
    const [first, last] = fragmentsV4(udp(FROM, TO, new Uint8Array(48)), 32);
    new DataView(last!.buffer).setUint16(6, 0x1fff);
    assert.deepEqual(handleAll(new IpReassembler(), [first!, last!]), []);
  });
});
