import { InPlaceFramer } from "../../lib/encap/in_place_framer.ts";
import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  EspDecryptor,
  EspDecryptStream,
  EspEncryptor,
  EspEncryptStream,
  type InboundDropEvent,
  type OutboundDropEvent,
  type PacketChunk,
} from "../../lib/esp/mod.ts";
import { Deframer, Framer } from "../../lib/encap/mod.ts";
import {
  clampMss,
  InnerPacket,
  parseIpPacket,
  parseTcpSegment,
  transportChecksum,
} from "../../lib/ip/mod.ts";
import { testStage } from "../compliance/stage_suite.ts";
import { showMessages } from "../_support/messages.ts";
import {
  address,
  CIPHERS,
  cipherSpec,
  saPair,
  synPacket,
  through,
  udpPacket,
} from "../_support/esp_scene.ts";

const packets = [
  udpPacket(0),
  udpPacket(1400 - 28),
  udpPacket(77, "2001:db8::1", "2001:db8::2"),
  udpPacket(13),
];
const fixedIv = (octets: Uint8Array): void => void octets.fill(9);

/** What one encryptor makes of the packets with AES-GCM, whose octets are the same each time. */
function sealed(batch: Uint8Array[], cipher = cipherSpec("aes256gcm16")): Uint8Array[] {
  const pair = saPair(cipher, { outbound: { random: fixedIv } });
  const out = through(new EspEncryptor({ table: pair.here }), batch);
  pair.dispose();
  return out;
}

const plainCuts = [
  { name: "batches of one", chunks: packets.map((packet) => [packet]) },
  { name: "with empty batches", chunks: [[], packets.slice(0, 1), [], packets.slice(1)] },
];

testStage<PacketChunk, PacketChunk>("EspEncryptStream", {
  make: () => new EspEncryptStream<PacketChunk>({ table: saPair(cipherSpec("aes256gcm16")).here }),
  input: [packets],
  output: showMessages([sealed(packets)]),
  show: showMessages,
  showInput: (chunk) => showMessages([chunk]),
  cuts: () => [...plainCuts, { name: "one by one", chunks: packets }],
  faulty: {
    input: [packets, ["no octets"] as unknown as Uint8Array[], packets],
    output: showMessages([sealed(packets)]),
    code: "ERR_ESP_CHUNK",
  },
  flood: { chunk: packets, most: 1 },
});

testStage<PacketChunk, PacketChunk>("EspDecryptStream", {
  make: () =>
    new EspDecryptStream<PacketChunk>({ table: saPair(cipherSpec("aes256gcm16")).there, copy: true }),
  input: [sealed(packets)],
  output: showMessages([packets]),
  show: showMessages,
  showInput: (chunk) => showMessages([chunk]),
  cuts: () => [
    { name: "one by one", chunks: sealed(packets) },
    { name: "batches of one", chunks: sealed(packets).map((message) => [message]) },
  ],
  faulty: {
    input: [sealed(packets), 7 as unknown as Uint8Array[]],
    output: showMessages([packets]),
    code: "ERR_ESP_CHUNK",
  },
});

describe("ESP packets", () => {
  for (const [encryption, integrity] of CIPHERS) {
    for (const esn of [false, true]) {
      const name = `${encryption}${integrity === undefined ? "" : `-${integrity}`}${esn ? " with ESN" : ""}`;
      const cipher = cipherSpec(encryption, integrity, esn);

      it(`carry any packet there and back, batch and single alike: ${name}`, () => {
        fc.assert(
          fc.property(
            fc.array(fc.tuple(fc.integer({ min: 0, max: 1372 }), fc.boolean()), {
              minLength: 1,
              maxLength: 12,
            }),
            fc.boolean(),
            (sizes, copy) => {
              const batch = sizes.map(([size, six]) =>
                six ? udpPacket(size % 1300, "2001:db8::1", "2001:db8::2") : udpPacket(size)
              );
              const pair = saPair(cipher, { outbound: { random: fixedIv } });
              const twin = saPair(cipher, { outbound: { random: fixedIv } });
              const messages = through(new EspEncryptor({ table: pair.here }), batch);
              const singles = batch.flatMap((packet) =>
                through(new EspEncryptor({ table: twin.here }), [packet])
              );
              assert.deepEqual(messages, singles);
              const decryptor = new EspDecryptor({ table: pair.there, copy });
              const one = new EspDecryptor({ table: twin.there, copy });
              const given = singles.map((message) => message.slice());
              assert.deepEqual(through(decryptor, messages), batch);
              assert.deepEqual(given.flatMap((message) => through(one, [message])), batch);
              pair.dispose();
              twin.dispose();
            },
          ),
          { numRuns: 12 },
        );
      });

      it(`with any flipped bit are dropped, and nothing else changes: ${name}`, () => {
        const batch = [udpPacket(40), udpPacket(60), udpPacket(50)];
        fc.assert(
          fc.property(fc.nat(), fc.nat({ max: 2 }), fc.boolean(), (bit, which, copy) => {
            const pair = saPair(cipher, { outbound: { random: fixedIv } });
            const messages = through(new EspEncryptor({ table: pair.here }), batch);
            const victim = messages[which]!;
            victim[(bit >> 3) % victim.length]! ^= 1 << (bit & 7);
            const decryptor = new EspDecryptor({ table: pair.there, copy });
            assert.deepEqual(through(decryptor, messages), batch.filter((_, i) => i !== which));
            const { dropped } = decryptor.counters;
            assert.equal(Object.values(dropped).reduce((sum, count) => sum + count, 0), 1);
            assert.equal(pair.inbound.window.low, which === 2 ? 2 : 3);
            pair.dispose();
          }),
          { numRuns: 25 },
        );
      });
    }
  }
});

describe("EspEncryptor", () => {
  it("leaves room in front of each packet, where a framer writes without copying", () => {
    const pair = saPair(cipherSpec("aes256gcm16"));
    const messages = through(new EspEncryptor({ table: pair.here, room: 2 }), packets);
    const copied: Uint8Array[] = [];
    new Framer().handle(messages, (bytes) => copied.push(bytes));
    const frames: Uint8Array[] = [];
    new InPlaceFramer().handle(messages, (bytes) => frames.push(bytes));
    assert.deepEqual(frames, copied);
    assert.equal(frames[0]!.buffer, messages[0]!.buffer);
    const received: Uint8Array[] = [];
    new Deframer().handle(frames[0]!, (batch) => received.push(...batch));
    assert.deepEqual(through(new EspDecryptor({ table: pair.there }), received), packets);
    pair.dispose();
  });

  it("tells why a packet is not sent, and sends the others", () => {
    const drops: OutboundDropEvent[] = [];
    const pair = saPair(cipherSpec("aes256gcm16"), {
      selectors: {
        local: [{ start: address("10.0.0.0"), end: address("10.0.0.255") }],
        remote: [{ start: address("10.0.0.0"), end: address("10.0.0.255") }],
      },
    });
    const encryptor = new EspEncryptor({ table: pair.here, mtu: 500, onDrop: (event) => drops.push(event) });
    const out = through(encryptor, [
      udpPacket(20),
      Uint8Array.of(0x45, 0, 0),
      udpPacket(20, "10.0.0.1", "10.9.0.2"),
      udpPacket(600),
      udpPacket(30),
    ]);
    assert.equal(out.length, 2);
    assert.deepEqual(drops.map(({ reason }) => reason), ["malformed", "no_policy", "too_big"]);
    const reply = parseIpPacket(drops[2]!.reply!)!;
    assert.equal(reply.protocol, 1);
    assert.deepEqual([...reply.payload.subarray(0, 2)], [3, 4]);
    assert.equal(reply.payload[6]! << 8 | reply.payload[7]!, 500);
    pair.dispose();
  });

  it("answers no more packets that do not fit than its limit, and again when time has passed", () => {
    const pair = saPair(cipherSpec("aes256gcm16"));
    for (const [limit, expected] of [[undefined, [100, 50, 100]], [3, [3, 1, 3]], [0, [0, 0, 0]]] as const) {
      let now = 0;
      let replies = 0;
      const encryptor = new EspEncryptor({
        table: pair.here,
        maxTooBigReplies: limit,
        now: () => now,
        onDrop: ({ reply }) => void (replies += reply === undefined ? 0 : 1),
      });
      const counts = [0, 500, 3_600_000].map((pause) => {
        now += pause;
        replies = 0;
        assert.deepEqual(through(encryptor, new Array<Uint8Array>(200).fill(udpPacket(1500))), []);
        return replies;
      });
      assert.deepEqual(counts, expected);
      assert.equal(encryptor.counters.dropped.too_big, 600);
      assert.equal(encryptor.counters.repliesWithheld, 600 - expected[0] - expected[1] - expected[2]);
    }
    assert.throws(() => new EspEncryptor({ table: pair.here, maxTooBigReplies: -1 }), {
      code: "ERR_OPTION_RANGE",
    });
    pair.dispose();
  });

  it("sends a packet that may be fragmented as a whole", () => {
    const pair = saPair(cipherSpec("aes256gcm16"));
    const packet = udpPacket(3000);
    packet[6] = 0; // its header says now that it may be fragmented
    const out = through(new EspEncryptor({ table: pair.here }), [packet]);
    assert.deepEqual(through(new EspDecryptor({ table: pair.there }), out), [packet]);
    pair.dispose();
  });

  it("lowers the MSS of SYNs inside, not in the caller's packet", () => {
    const pair = saPair(cipherSpec("aes256gcm16"));
    const syn = synPacket(1460);
    const before = syn.slice();
    const out = through(new EspEncryptor({ table: pair.here, mtu: 1300, clampMss: true }), [syn]);
    assert.deepEqual(syn, before);
    const [received] = through(new EspDecryptor({ table: pair.there }), out);
    assert.deepEqual([...received!.subarray(40, 44)], [2, 4, 1260 >> 8, 1260 & 0xff]);
    const { source, destination, payload } = parseIpPacket(received!)!;
    assert.equal(transportChecksum(source, destination, 6, payload), 0);
    assert.ok(parseTcpSegment(payload) !== undefined);
    const inner = new InnerPacket();
    assert.ok(inner.read(received!));
    assert.equal(clampMss(received!, 0, inner, 1260), false);
    pair.dispose();
  });

  it("makes dummy packets that the peer drops", () => {
    const pair = saPair(cipherSpec("chacha20poly1305"), { outbound: { padTo: 200 } });
    const encryptor = new EspEncryptor({ table: pair.here });
    const decryptor = new EspDecryptor({ table: pair.there });
    const dummy = encryptor.dummy(pair.outbound, 100)!;
    const [packet] = through(encryptor, [udpPacket(10)]);
    assert.equal(dummy.length, packet!.length, "TFC padding makes them alike");
    assert.deepEqual(through(decryptor, [dummy, packet!]), [udpPacket(10)]);
    assert.equal(decryptor.counters.dropped.dummy, 1);
    pair.dispose();
  });

  it("seals a batch for several SAs in one slab, and keeps the order", () => {
    const one = saPair(cipherSpec("aes256gcm16", undefined, false, 1), { spi: 1001 });
    const two = saPair(cipherSpec("aes256", "sha256", false, 2), { spi: 1002 });
    one.there.addInbound(two.inbound);
    one.here.removeOutbound(one.outbound);
    const again = saPair(cipherSpec("aes256gcm16", undefined, false, 1), { spi: 1001 });
    const local = [{ start: address("10.0.0.1"), end: address("10.0.0.1") }];
    again.here.addOutbound(two.outbound, {
      local,
      remote: [{ start: address("10.0.0.9"), end: address("10.0.0.9") }],
    });
    const batch = [
      udpPacket(1),
      udpPacket(2, "10.0.0.1", "10.0.0.9"),
      udpPacket(3),
      udpPacket(4, "10.0.0.1", "10.0.0.9"),
    ];
    const messages = through(new EspEncryptor({ table: again.here }), batch);
    assert.equal(new Set(messages.map(({ buffer }) => buffer)).size, 1);
    assert.deepEqual(messages.map((message) => message[2]! << 8 | message[3]!), [1001, 1002, 1001, 1002]);
    assert.deepEqual(through(new EspDecryptor({ table: one.there }), messages), batch);
    for (const pair of [one, two, again]) pair.dispose();
  });
});

describe("EspDecryptor", () => {
  it("counts unknown SPIs and wrong ICVs in a row", () => {
    const events: InboundDropEvent[] = [];
    const pair = saPair(cipherSpec("aes256gcm16"));
    const decryptor = new EspDecryptor({ table: pair.there, onDrop: (event) => events.push(event) });
    const [good] = through(new EspEncryptor({ table: pair.here }), [udpPacket(1)]);
    const stray = new Uint8Array(60).fill(7);
    through(decryptor, [stray.slice(), stray.slice(), good!, stray.slice(), Uint8Array.of(1, 2)]);
    assert.deepEqual(events.map(({ reason, inARow }) => [reason, inARow]), [
      ["unknown_spi", 1],
      ["unknown_spi", 2],
      ["unknown_spi", 1],
      ["malformed", 1],
    ]);
    assert.equal(events[0]!.spi, 0x07070707);
    through(decryptor, [stray.slice()]);
    assert.equal(events.at(-1)!.inARow, 2);
    pair.dispose();
  });

  it("decrypts in place only when it may", () => {
    for (const copy of [false, true]) {
      const pair = saPair(cipherSpec("aes256", "sha256"));
      const messages = through(new EspEncryptor({ table: pair.here }), packets);
      const before = messages.map((message) => message.slice());
      const out = through(new EspDecryptor({ table: pair.there, copy }), messages);
      assert.deepEqual(out, packets);
      assert.equal(out[0]!.buffer === messages[0]!.buffer, !copy);
      if (copy) assert.deepEqual(messages, before);
      pair.dispose();
    }
  });

  it("takes a packet once, when a batch holds it twice", () => {
    const pair = saPair(cipherSpec("aes256gcm16"));
    const [message] = through(new EspEncryptor({ table: pair.here }), [udpPacket(5)]);
    const decryptor = new EspDecryptor({ table: pair.there, copy: true });
    assert.deepEqual(through(decryptor, [message!, message!.slice()]), [udpPacket(5)]);
    assert.equal(decryptor.counters.dropped.replayed, 1);
    pair.dispose();
  });

  it("drops any octets without an error", () => {
    const pair = saPair(cipherSpec("aes256", "sha256", true), { spi: 0x01020304 });
    const decryptor = new EspDecryptor({ table: pair.there });
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 120 }), { maxLength: 5 }), (messages) => {
      const given = messages.map((message, i) =>
        i % 2 === 0 ? Uint8Array.from([1, 2, 3, 4, ...message]) : message
      );
      assert.deepEqual(through(decryptor, given), []);
    }));
    pair.dispose();
  });
});
