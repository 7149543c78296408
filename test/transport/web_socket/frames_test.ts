import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { concat, fromHex } from "../../../lib/bytes/mod.ts";
import {
  type FrameEvent,
  FrameReader,
  FrameWriter,
  MAX_FRAME_LENGTH,
  WebSocketFault,
  type WebSocketRole,
} from "../../../lib/transport/mod.ts";
import { cutsOf } from "../../_support/cuts.ts";
import { patternAt } from "../../_support/streams.ts";

/** What a reader makes of chunks: the octets together, everything else apart, and the fault that ends it. */
function read(role: WebSocketRole, chunks: readonly Uint8Array[], maxFrameLength?: number) {
  const reader = new FrameReader({ role, maxFrameLength });
  const data: Uint8Array[] = [];
  const control: FrameEvent[] = [];
  let fault: WebSocketFault | undefined;
  try {
    for (const chunk of chunks) {
      reader.handle(chunk, (event) => {
        if (event.kind === "data") data.push(event.octets.slice());
        else control.push(event);
      });
    }
  } catch (error) {
    assert.ok(error instanceof WebSocketFault);
    fault = error;
  }
  return { octets: concat(data), control, fault, pieces: data.length, insideFrame: reader.insideFrame };
}

/** A frame as RFC 6455, section 5.2, draws it. */
function frame(first: number, payload: Uint8Array, mask?: Uint8Array): Uint8Array {
  const { length } = payload;
  const lengths = length < 126
    ? [length]
    : length < 65536
    ? [126, length >> 8, length & 255]
    : [127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255];
  if (mask === undefined) return concat([Uint8Array.of(first, ...lengths), payload]);
  lengths[0]! |= 0x80;
  return concat([Uint8Array.of(first, ...lengths), mask, payload.map((octet, i) => octet ^ mask[i % 4]!)]);
}

const MASK = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);
const HELLO = fromHex("48656c6c6f");

describe("FrameReader", () => {
  it("reads the examples of RFC 6455, section 5.7, as far as they are not text", () => {
    const ping = read("client", [fromHex("890548656c6c6f")]);
    assert.deepEqual(ping.control, [{ kind: "ping", payload: HELLO }]);
    const pong = read("server", [fromHex("8a8537fa213d7f9f4d5158")]);
    assert.deepEqual(pong.control, [{ kind: "pong", payload: HELLO }]);
    for (const length of [256, 65536]) {
      const payload = patternAt(0, length);
      const { octets } = read("client", [frame(0x82, payload)]);
      assert.deepEqual(octets, payload);
    }
  });

  for (const role of ["client", "server"] as const) {
    it(`gives a ${role} the same for every cut`, () => {
      const mask = role === "server" ? MASK : undefined;
      const stream = concat([
        frame(0x82, patternAt(0, 10), mask),
        frame(0x02, patternAt(10, 200), mask), // in three fragments, with a Ping inside the message
        frame(0x89, HELLO, mask),
        frame(0x00, patternAt(210, 70_000), mask),
        frame(0x80, new Uint8Array(0), mask),
        frame(0x82, new Uint8Array(0), mask), // empty
        frame(0x82, patternAt(70_210, 126), mask),
        frame(0x8a, new Uint8Array(0), mask),
        frame(0x88, Uint8Array.of(0x03, 0xe9, 0x6f, 0x6b), mask),
        frame(0x82, HELLO, mask), // after the Close frame: nobody reads it
      ]);
      for (const { name, chunks } of cutsOf(stream)) {
        const { octets, control, fault } = read(role, chunks);
        assert.equal(fault, undefined, name);
        assert.deepEqual(octets, patternAt(0, 70_336), name);
        assert.deepEqual(control, [
          { kind: "ping", payload: HELLO },
          { kind: "pong", payload: new Uint8Array(0) },
          { kind: "close", code: 1001, reason: "ok" },
        ], name);
      }
    });
  }

  it("gives the payloads of many frames in one chunk as one", () => {
    const stream = concat(Array.from({ length: 1000 }, (_, i) => frame(0x82, patternAt(i * 3, 3), MASK)));
    const { octets, pieces } = read("server", [stream]);
    assert.deepEqual(octets, patternAt(0, 3000));
    assert.equal(pieces, 1);
  });

  it("holds nothing of a message, however long it is", () => {
    const reader = new FrameReader({ role: "client" });
    reader.handle(frame(0x02, new Uint8Array(0)), () => {});
    reader.handle(Uint8Array.of(0x00, 127, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff), () => {}); // one of 16 MiB less one octet
    let given = 0;
    for (let i = 0; i < 100; i++) {
      reader.handle(new Uint8Array(50_000), (event) => {
        if (event.kind === "data") given += event.octets.length;
      });
      assert.equal(given, (i + 1) * 50_000);
    }
    assert.ok(reader.insideFrame);
  });

  const FAULTS: readonly [name: string, role: WebSocketRole, octets: Uint8Array, code: number][] = [
    ["text", "client", frame(0x81, HELLO), 1003],
    ["compression, which was not agreed to", "client", frame(0xc2, HELLO), 1002],
    ["another reserved bit", "client", frame(0xa2, HELLO), 1002],
    ["an unknown data opcode", "client", frame(0x83, HELLO), 1002],
    ["an unknown control opcode", "client", frame(0x8b, HELLO), 1002],
    ["a masked frame from a server", "client", frame(0x82, HELLO, MASK), 1002],
    ["an unmasked frame from a client", "server", frame(0x82, HELLO), 1002],
    ["a continuation of nothing", "client", frame(0x80, HELLO), 1002],
    [
      "a message inside a message",
      "client",
      concat([frame(0x02, HELLO), frame(0x82, HELLO)]),
      1002,
    ],
    ["a Ping in fragments", "client", frame(0x09, HELLO), 1002],
    ["a Ping of 126 octets", "client", frame(0x89, new Uint8Array(126)), 1002],
    ["a Close with half a code", "client", frame(0x88, Uint8Array.of(3)), 1002],
    ["a Close with the code for no code", "client", frame(0x88, Uint8Array.of(0x03, 0xed)), 1002],
    ["a Close with an unknown code", "client", frame(0x88, Uint8Array.of(0x03, 0xe7)), 1002],
    ["a Close with a reason that is not UTF-8", "client", frame(0x88, Uint8Array.of(0x03, 0xe8, 0xff)), 1007],
    ["a frame of more than 16 MiB", "client", fromHex("827f0000000001000001"), 1009],
    ["a frame of 2^63 octets", "client", fromHex("827f8000000000000000"), 1009],
  ];
  for (const [name, role, octets, code] of FAULTS) {
    it(`refuses ${name}, and gives what came before it`, () => {
      const mask = role === "server" ? MASK : undefined;
      const stream = concat([frame(0x82, patternAt(0, 9), mask), octets]);
      for (const { name: cut, chunks } of cutsOf(stream)) {
        const { fault, octets: before } = read(role, chunks);
        assert.equal(fault?.closeCode, code, cut);
        assert.equal(fault?.code, "ERR_TRANSPORT_WEBSOCKET");
        assert.match(fault!.message, /^Cannot read WebSocket frame: expected .*, got /);
        assert.deepEqual(before.subarray(0, 9), patternAt(0, 9), cut);
      }
    });
  }

  it("takes a frame of exactly the limit, and a smaller limit", () => {
    assert.equal(MAX_FRAME_LENGTH, 0x1000000);
    assert.equal(read("client", [fromHex("827f0000000001000000")]).fault, undefined);
    assert.equal(read("client", [frame(0x82, new Uint8Array(1000))], 1000).fault, undefined);
    assert.equal(read("client", [frame(0x82, new Uint8Array(1001))], 1000).fault?.closeCode, 1009);
  });

  it("survives any octets", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("client" as const, "server" as const),
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }),
        (role, chunks) => {
          const length = chunks.reduce((total, chunk) => total + chunk.length, 0);
          assert.ok(read(role, chunks).octets.length <= length);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("FrameWriter", () => {
  it("writes what the RFC's examples show", () => {
    const writer = new FrameWriter({ role: "client", random: (octets) => octets.set(MASK) });
    assert.deepEqual(writer.pong(HELLO), fromHex("8a8537fa213d7f9f4d5158"));
    assert.deepEqual(new FrameWriter({ role: "server" }).ping(HELLO), fromHex("890548656c6c6f"));
  });

  it("is read by FrameReader at every border of the length", () => {
    for (const role of ["client", "server"] as const) {
      const writer = new FrameWriter({ role });
      for (const length of [0, 1, 125, 126, 127, 65535, 65536, 100_000]) {
        const written = writer.data(patternAt(0, length));
        const { octets, fault, insideFrame } = read(role === "client" ? "server" : "client", [written]);
        assert.equal(fault, undefined);
        assert.deepEqual(octets, patternAt(0, length));
        assert.equal(insideFrame, false);
      }
    }
  });

  it("masks every frame with other octets", () => {
    const writer = new FrameWriter({ role: "client" });
    const masks = new Set(Array.from({ length: 1000 }, () => writer.data(HELLO).subarray(2, 6).join()));
    assert.ok(masks.size > 990, `${masks.size} of 1000 masks differ`);
  });

  it("leaves the octets alone that it was given", () => {
    const octets = patternAt(0, 1000);
    new FrameWriter({ role: "client" }).data(octets);
    assert.deepEqual(octets, patternAt(0, 1000));
  });

  it("cuts a reason that is too long between characters", () => {
    const written = new FrameWriter({ role: "server" }).close(1002, "é".repeat(100));
    assert.deepEqual(read("client", [written]).control, [
      { kind: "close", code: 1002, reason: "é".repeat(61) },
    ]);
  });
});
