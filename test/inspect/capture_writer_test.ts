import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { concat, fromHex } from "../../lib/bytes/mod.ts";
import {
  type CapturePacket,
  CaptureStream,
  CaptureWriter,
  type DecodedRow,
  MAX_SYNTHETIC_SEGMENT,
  pcapngHeader,
  SyntheticTcp,
  syntheticUdp,
  type TcpCapture,
} from "../../lib/inspect/mod.ts";
import {
  addToSum,
  checksumOf,
  formatIpAddress,
  parseIpPacket,
  parseTcpSegment,
  type TcpSegment,
} from "../../lib/ip/mod.ts";
import {
  decodeItems,
  esp,
  frame,
  ike,
  inShort,
  markedIke,
  PREFIX,
  readCapture,
} from "../_support/captures.ts";

const LOCAL = { hostname: "192.0.2.10", port: 40000 };
const REMOTE = { hostname: "198.51.100.10", port: 4500 };

/** What a capture holds that `record` makes; the clock goes a millisecond on with each look. */
function record(step: (writer: CaptureWriter) => void): CapturePacket[] {
  const parts: Uint8Array[] = [];
  let time = 1795207191.92;
  step(
    new CaptureWriter((chunk) => parts.push(chunk), { now: () => Math.round((time += 0.001) * 1e6) / 1e6 }),
  );
  return readCapture([concat(parts)]).map((item) => {
    assert.ok(!("error" in item));
    return item;
  });
}

function recordTcp(step: (tap: TcpCapture) => void): CapturePacket[] {
  return record((writer) => step(writer.tcp(LOCAL, REMOTE)));
}

function rowsOf(packets: readonly CapturePacket[]): DecodedRow[] {
  return decodeItems(packets);
}

/** A segment in short: `> S 0/0 +0`, its numbers counted from the SYNs. */
function segments(packets: readonly CapturePacket[]): string[] {
  const initial = new Map<string, number>();
  return packets.map(({ data }) => {
    const ip = parseIpPacket(data)!;
    const segment = parseTcpSegment(ip.payload, ip.payloadLength)!;
    const from = `${formatIpAddress(ip.source)}:${segment.sourcePort}`;
    const to = `${formatIpAddress(ip.destination)}:${segment.destinationPort}`;
    if (!initial.has(from)) initial.set(from, segment.seq);
    const flags = [...letters(segment)].join("");
    const seq = (segment.seq - initial.get(from)!) >>> 0;
    const ack = flags.includes("A") ? (segment.ack - (initial.get(to) ?? 0)) >>> 0 : 0;
    return `${from === "192.0.2.10:40000" ? ">" : "<"} ${flags} ${seq}/${ack} +${segment.dataLength}`;
  });
}

function* letters({ flags }: TcpSegment): Generator<string> {
  for (const [letter, bit] of Object.entries({ F: 1, S: 2, R: 4, P: 8, A: 16 })) {
    if ((flags & bit) !== 0) yield letter;
  }
}

describe("CaptureWriter", () => {
  it("begins the file at once", () => {
    assert.deepEqual(record(() => {}), []);
    assert.equal(pcapngHeader().length % 4, 0);
  });

  it("makes a well-formed connection of what was sent and received", () => {
    const packets = recordTcp((tap) => {
      tap.opened();
      tap.sent(PREFIX);
      tap.received(new Uint8Array(10));
      tap.sent(new Uint8Array(3));
      tap.closed();
    });
    assert.deepEqual(segments(packets), [
      "> S 0/0 +0",
      "< SA 0/1 +0",
      "> A 1/1 +0",
      "> PA 1/1 +6",
      "< PA 1/7 +10",
      "> PA 7/11 +3",
      "> FA 10/11 +0",
      "< FA 11/11 +0",
      "> A 11/12 +0",
    ]);
  });

  it("has the other end open the connection when that end speaks first", () => {
    const packets = recordTcp((tap) => {
      tap.opened();
      tap.received(PREFIX);
      tap.sent(frame(fromHex("ff")));
    });
    assert.deepEqual(segments(packets).slice(0, 4), [
      "< S 0/0 +0",
      "> SA 0/1 +0",
      "< A 1/1 +0",
      "< PA 1/1 +6",
    ]);
    assert.deepEqual(inShort(rowsOf(packets)), ["< prefix", "> keepalive"]);
  });

  it("tells the times at which things were recorded", () => {
    const packets = recordTcp((tap) => {
      tap.opened();
      tap.sent(PREFIX);
      tap.closed();
    });
    const times = packets.map(({ time }) => Math.round((time - 1795207191.92) * 1e6));
    assert.deepEqual(times, [1000, 1000, 1000, 2000, 3000, 3000, 3000]);
  });

  it("records a connection that carried nothing, and none that never was", () => {
    assert.equal(recordTcp((tap) => (tap.opened(), tap.closed())).length, 6);
    assert.equal(recordTcp((tap) => tap.closed()).length, 0);
  });

  it("ends with a reset when the connection was aborted", () => {
    const packets = recordTcp((tap) => {
      tap.sent(PREFIX);
      tap.aborted();
      tap.sent(PREFIX);
      tap.closed();
    });
    assert.deepEqual(segments(packets).slice(3), ["> PA 1/1 +6", "> RA 7/1 +0"]);
  });

  it("cuts what is longer than a segment", () => {
    const octets = new Uint8Array(2 * MAX_SYNTHETIC_SEGMENT + 1).map((_, i) => i);
    const packets = recordTcp((tap) => tap.sent(octets));
    const data = packets.slice(3).map((packet) => parseTcpSegment(parseIpPacket(packet.data)!.payload)!.data);
    assert.deepEqual(data.map(({ length }) => length), [MAX_SYNTHETIC_SEGMENT, MAX_SYNTHETIC_SEGMENT, 1]);
    assert.deepEqual(concat(data), octets);
  });

  it("keeps connections apart that use the same ports one after another", () => {
    const packets = record((writer) => {
      for (let i = 0; i < 3; i++) {
        const tap = writer.tcp(LOCAL, REMOTE);
        tap.sent(PREFIX);
        tap.closed();
      }
    });
    assert.deepEqual(rowsOf(packets).map(({ stream, kind }) => [stream, kind]), [
      [0, "prefix"],
      [1, "prefix"],
      [2, "prefix"],
    ]);
  });

  it("records datagrams", () => {
    const packets = record((writer) => {
      writer.udp({ ...LOCAL, port: 500 }, { ...REMOTE, port: 500 }, ike());
      writer.udp(REMOTE, LOCAL, esp(0x1000, 7));
    });
    const rows = rowsOf(packets);
    assert.deepEqual(rows.map(({ from, to, kind }) => [from, to, kind]), [
      ["192.0.2.10:500", "198.51.100.10:500", "ike"],
      ["198.51.100.10:4500", "192.0.2.10:40000", "esp"],
    ]);
  });

  it("writes addresses of both families, of both at once, and of none", () => {
    const cases: readonly (readonly [local: string, remote: string, from: string, to: string])[] = [
      ["2001:db8::1", "2001:db8::2", "[2001:db8::1]:1", "[2001:db8::2]:4500"],
      ["::ffff:192.0.2.1", "192.0.2.2", "192.0.2.1:1", "192.0.2.2:4500"],
      ["::ffff:192.0.2.1", "::ffff:192.0.2.2", "192.0.2.1:1", "192.0.2.2:4500"],
      ["2001:db8::1", "192.0.2.2", "[2001:db8::1]:1", "[::ffff:192.0.2.2]:4500"],
      ["fe80::1%eth0", "fe80::2", "[fe80::1]:1", "[fe80::2]:4500"],
      ["localhost", "192.0.2.2", "0.0.0.0:1", "192.0.2.2:4500"],
    ];
    for (const [local, remote, from, to] of cases) {
      const [row] = rowsOf(
        record((writer) =>
          writer.udp({ hostname: local, port: 1 }, { hostname: remote, port: 4500 }, esp(0x1000, 1))
        ),
      );
      assert.deepEqual([row!.from, row!.to], [from, to]);
    }
  });

  it("fills in checksums that come out right", () => {
    const ends = [{ hostname: "2001:db8::1", port: 1 }, { hostname: "2001:db8::2", port: 2 }] as const;
    const connection = new SyntheticTcp(ends, 7);
    const packets = [
      ...connection.open(0),
      ...connection.send(0, PREFIX),
      ...connection.close(1),
      syntheticUdp(...ends, PREFIX),
    ];
    for (const packet of packets) {
      const { source, destination, protocol, payload } = parseIpPacket(packet)!;
      const sum = addToSum(addToSum(addToSum(protocol + payload.length, source), destination), payload);
      assert.equal(checksumOf(sum), 0);
    }
  });

  it("refuses a datagram that cannot be", () => {
    assert.throws(() => syntheticUdp(LOCAL, REMOTE, new Uint8Array(65508)), RangeError);
    assert.equal(syntheticUdp(LOCAL, REMOTE, new Uint8Array(65507)).length, 65535);
  });

  it("gives a capture that decodes to what was sent, whatever the chunks", () => {
    const message = fc.oneof(
      fc.integer({ min: 32, max: 3000 }).map((size) => esp(0x1000, size, size)),
      fc.integer({ min: 8, max: 500 }).map((size) => markedIke({ size })),
      fc.constant(fromHex("ff")),
    );
    const chunk = fc.record({ message, cut: fc.nat(3000), fromClient: fc.boolean() });
    fc.assert(fc.property(fc.array(chunk, { maxLength: 20 }), (chunks) => {
      const packets = recordTcp((tap) => {
        tap.sent(PREFIX);
        for (const { message, cut, fromClient } of chunks) {
          const octets = frame(message);
          for (const part of [octets.subarray(0, cut), octets.subarray(cut)]) {
            if (fromClient) tap.sent(part);
            else tap.received(part);
          }
        }
        tap.closed();
      });
      const rows = rowsOf(packets);
      assert.equal(rows[0]!.kind, "prefix");
      assert.deepEqual(
        rows.slice(1).map(({ from, kind, length }) => [from === "192.0.2.10:40000", kind, length]),
        chunks.map(({ message, fromClient }) => [
          fromClient,
          message.length === 1 ? "keepalive" : message[0] === 0 && message[2] === 0 ? "ike" : "esp",
          message.length === 1 || message[2] !== 0 ? message.length : message.length - 4,
        ]),
      );
    }));
  });
});

describe("CaptureStream", () => {
  it("passes on the same chunks and records each", async () => {
    const chunks = [fromHex("01"), fromHex("0203")];
    const recorded: Uint8Array[] = [];
    const source = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(chunk);
        controller.close();
      },
    });
    const passed: Uint8Array[] = [];
    for await (const chunk of source.pipeThrough(new CaptureStream((octets) => recorded.push(octets)))) {
      passed.push(chunk);
    }
    assert.deepEqual(passed, chunks);
    assert.ok(passed.every((chunk, i) => chunk === chunks[i] && recorded[i] === chunk));
  });
});
