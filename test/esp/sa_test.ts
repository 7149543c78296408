import { readUint32 } from "../../lib/bytes/mod.ts";
import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  EspDecryptor,
  EspEncryptor,
  Lifetime,
  type LimitEvent,
  NEXT_HEADER,
  OutboundSa,
} from "../../lib/esp/mod.ts";
import { parseIpPacket, transportChecksum } from "../../lib/ip/mod.ts";
import {
  address,
  ANY_TRAFFIC,
  cipherSpec,
  crypto,
  saPair,
  through,
  udpPacket,
} from "../_support/esp_scene.ts";

describe("OutboundSa", () => {
  it("counts sequence numbers from 1, and never wraps 32 bits", () => {
    const events: LimitEvent[] = [];
    const pair = saPair(cipherSpec("aes256gcm16"), {
      outbound: { lastSequence: { low: 0xfffffffd }, lifetime: { onLimit: (event) => events.push(event) } },
    });
    const encryptor = new EspEncryptor({ table: pair.here });
    const out = through(encryptor, [1, 2, 3, 4].map((size) => udpPacket(size)));
    assert.deepEqual(out.map((message) => readUint32(message, 4)), [0xfffffffe, 0xffffffff]);
    assert.equal(encryptor.counters.dropped.expired, 2);
    assert.deepEqual(events.map(({ hardness, limit }) => `${hardness} ${limit}`), [
      "soft sequence",
      "hard sequence",
    ]);
    assert.deepEqual(through(encryptor, [udpPacket(5)]), []);
    assert.equal(events.length, 2, "each limit is told once");
    pair.dispose();
  });

  it("passes the end of 32 bits with ESN, and never wraps 64", () => {
    const cipher = cipherSpec("aes256gcm16", undefined, true);
    const pair = saPair(cipher, {
      outbound: { lastSequence: { high: 6, low: 0xfffffffe } },
      inbound: { window: { highest: { high: 6, low: 0xfffffff0 } } },
    });
    const batch = [1, 2, 3].map((size) => udpPacket(size));
    const out = through(new EspEncryptor({ table: pair.here }), batch);
    assert.deepEqual(out.map((message) => readUint32(message, 4)), [0xffffffff, 0, 1]);
    assert.deepEqual(pair.outbound.lastSequence, { high: 7, low: 1 });
    assert.deepEqual(through(new EspDecryptor({ table: pair.there }), out), batch);
    assert.equal(pair.inbound.window.high, 7);
    pair.dispose();

    const last = saPair(cipher, { outbound: { lastSequence: { high: 0xffffffff, low: 0xfffffffe } } });
    assert.equal(through(new EspEncryptor({ table: last.here }), batch).length, 1);
    assert.equal(last.outbound.lifetime.ended, true);
    last.dispose();
  });

  it("never uses a sequence number or a counter IV twice, in any order of batches, dummies and refusals", () => {
    fc.assert(fc.property(
      fc.array(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant("dummy" as const))),
      fc.option(fc.integer({ min: 1, max: 20 })),
      (steps, packets) => {
        const pair = saPair(cipherSpec("aes256gcm16"), {
          outbound: { lifetime: packets === null ? {} : { hard: { packets } } },
        });
        const encryptor = new EspEncryptor({ table: pair.here });
        const out = steps.flatMap((step) => {
          if (step === "dummy") return encryptor.dummy(pair.outbound, 20) ?? [];
          return through(encryptor, Array.from({ length: step }, (_, i) => udpPacket(i)));
        });
        const numbers = out.map((message) => readUint32(message, 4));
        assert.deepEqual(numbers, numbers.map((_, i) => i + 1));
        const ivs = new Set(out.map((message) => message.subarray(8, 16).join()));
        assert.equal(ivs.size, out.length);
        if (packets !== null) assert.ok(out.length <= packets);
        pair.dispose();
      },
    ));
  });

  it("draws a new random IV for each packet of CBC", () => {
    let drawn = 0;
    const pair = saPair(cipherSpec("aes256", "sha256"), {
      outbound: { random: (octets) => octets.forEach((_, i) => octets[i] = drawn++) },
    });
    const out = through(
      new EspEncryptor({ table: pair.here }),
      Array.from({ length: 300 }, () => udpPacket(8)),
    );
    assert.ok(drawn >= 300 * 16);
    assert.equal(new Set(out.map((message) => message.subarray(8, 24).join())).size >= 16, true);
    assert.deepEqual([...out[1]!.subarray(8, 24)], Array.from({ length: 16 }, (_, i) => 16 + i));
    pair.dispose();
    const platform = saPair(cipherSpec("aes256", "sha256"));
    const two = through(new EspEncryptor({ table: platform.here }), [udpPacket(8), udpPacket(8)]);
    assert.notDeepEqual(two[0]!.subarray(8, 24), two[1]!.subarray(8, 24));
    platform.dispose();
  });

  it("is of no use after its keys are wiped", () => {
    const sa = new OutboundSa({ spi: 300, cipher: cipherSpec("aes256gcm16"), crypto });
    const slab = new Uint8Array(sa.sizeOf(20));
    sa.dispose();
    sa.write(slab, 0, new Uint8Array(20), NEXT_HEADER.ipv4);
    assert.throws(() => sa.seal(slab), { code: "ERR_CRYPTO_DISPOSED" });
    assert.throws(() => new OutboundSa({ spi: 0, cipher: cipherSpec("aes256gcm16"), crypto }), {
      code: "ERR_OPTION_RANGE",
    });
  });
});

describe("Lifetime", () => {
  it("tells of a soft limit once, and ends at a hard one", () => {
    const events: string[] = [];
    const life = new Lifetime(1, {
      soft: { octets: 100, packets: 2 },
      hard: { octets: 250 },
      onLimit: ({ hardness, limit }) => events.push(`${hardness} ${limit}`),
    });
    assert.deepEqual([90, 10, 150, 1].map((octets, i) => life.admit(octets, i + 1)), [
      true,
      true,
      true,
      false,
    ]);
    assert.equal(life.admit(0, 9), false);
    assert.deepEqual(events, ["soft packets", "hard octets"]);
    assert.equal(life.octets, 250);
  });

  it("gives the time at which it wants to be called", () => {
    const events: string[] = [];
    const life = new Lifetime(1, {
      soft: { seconds: 60 },
      hard: { seconds: 90 },
      onLimit: ({ hardness, limit }) => events.push(`${hardness} ${limit}`),
    });
    assert.equal(life.handleTime(5000), 65_000);
    assert.equal(life.handleTime(64_999), 65_000);
    assert.equal(life.handleTime(65_000), 95_000);
    assert.equal(life.admit(1, 1), true);
    assert.equal(life.handleTime(95_000), Infinity);
    assert.equal(life.admit(1, 2), false);
    assert.deepEqual(events, ["soft seconds", "hard seconds"]);
  });
});

describe("An owner that hears of a limit", () => {
  it("may take the SA out of its table at once: what was encrypted before is sent, and nothing else", () => {
    const drops: string[] = [];
    const pair = saPair(cipherSpec("aes256gcm16"), {
      outbound: {
        lifetime: { hard: { packets: 2 }, onLimit: () => void pair.here.removeOutbound(pair.outbound) },
      },
    });
    const encryptor = new EspEncryptor({ table: pair.here, onDrop: ({ reason }) => drops.push(reason) });
    const batch = [1, 2, 3, 4].map((size) => udpPacket(size));
    const out = through(encryptor, batch);
    assert.deepEqual(through(new EspDecryptor({ table: pair.there }), out), batch.slice(0, 2));
    assert.equal(pair.here.outboundCount, 0);
    assert.deepEqual(through(encryptor, batch.slice(3)), []);
    assert.deepEqual(drops, ["expired", "expired", "no_policy"]);
    pair.dispose();
  });

  it("may do so at the receiving end, where packets of the same chunk are judged as before", () => {
    const pair = saPair(cipherSpec("aes256", "sha256"), {
      inbound: {
        lifetime: { hard: { packets: 2 }, onLimit: () => void pair.there.removeInbound(pair.inbound.spi) },
      },
    });
    const batch = [1, 2, 3, 4].map((size) => udpPacket(size));
    const out = through(new EspEncryptor({ table: pair.here }), batch);
    const decryptor = new EspDecryptor({ table: pair.there });
    assert.deepEqual(through(decryptor, out), batch.slice(0, 2));
    assert.equal(decryptor.counters.dropped.expired, 2);
    assert.equal(decryptor.counters.dropped.icv, 0);
    assert.deepEqual(through(decryptor, through(new EspEncryptor({ table: pair.here }), batch)), []);
    assert.equal(decryptor.counters.dropped.unknown_spi, 4);
    pair.dispose();
  });

  it("may send through the same encryptor from within: numbers and slabs stay apart", () => {
    const sent: Uint8Array[] = [];
    const pair = saPair(cipherSpec("aes256gcm16"), {
      outbound: {
        lifetime: {
          soft: { packets: 2 },
          onLimit: () => encryptor.handle([udpPacket(99)], (chunk) => sent.push(...chunk as Uint8Array[])),
        },
      },
    });
    const encryptor = new EspEncryptor({ table: pair.here });
    const out = through(encryptor, [1, 2, 3].map((size) => udpPacket(size)));
    const received = through(new EspDecryptor({ table: pair.there }), [...out, ...sent]);
    assert.deepEqual(received, [1, 2, 3, 99].map((size) => udpPacket(size)));
    pair.dispose();
  });
});

describe("InboundSa", () => {
  it("stops at a hard limit, and counts what comes after", () => {
    const pair = saPair(cipherSpec("aes256gcm16"), { inbound: { lifetime: { hard: { packets: 2 } } } });
    const out = through(new EspEncryptor({ table: pair.here }), [1, 2, 3, 4].map((size) => udpPacket(size)));
    const decryptor = new EspDecryptor({ table: pair.there });
    assert.equal(through(decryptor, out.slice(0, 3)).length, 2);
    assert.equal(through(decryptor, out.slice(3)).length, 0);
    assert.equal(pair.inbound.dropped.expired, 2);
    pair.dispose();
  });

  it("lets nothing through that is outside its selectors", () => {
    const inside = [{ start: address("10.0.0.0"), end: address("10.0.0.15") }];
    const pair = saPair(cipherSpec("aes256gcm16"), {
      inbound: { selectors: { local: inside, remote: inside } },
    });
    const batch = [udpPacket(1), udpPacket(2, "10.0.0.1", "10.0.0.16"), udpPacket(3, "10.0.1.1", "10.0.0.2")];
    const out = through(new EspEncryptor({ table: pair.here }), batch);
    assert.deepEqual(through(new EspDecryptor({ table: pair.there }), out), batch.slice(0, 1));
    assert.equal(pair.inbound.dropped.selectors, 2);
    pair.dispose();
  });

  /** Packets sealed with any payload and next header, through an SA. */
  function receive(payload: Uint8Array, nextHeader: number): Record<string, number> {
    const pair = saPair(cipherSpec("aes256gcm16"));
    const slab = new Uint8Array(pair.outbound.sizeOf(payload.length));
    pair.outbound.write(slab, 0, payload, nextHeader);
    pair.outbound.seal(slab);
    assert.deepEqual(through(new EspDecryptor({ table: pair.there }), [slab]), []);
    const counts = Object.entries(pair.inbound.dropped).filter(([, count]) => count > 0);
    assert.equal(
      pair.inbound.window.check(1),
      "replayed",
      "an authentic packet is marked, whatever is in it",
    );
    pair.dispose();
    return Object.fromEntries(counts);
  }

  it("drops authentic packets that hold no whole IP packet", () => {
    const packet = udpPacket(30);
    assert.deepEqual(receive(packet.subarray(0, 40), NEXT_HEADER.ipv4), { inner_packet: 1 });
    assert.deepEqual(receive(packet, NEXT_HEADER.ipv6), { inner_packet: 1 });
    assert.deepEqual(receive(new Uint8Array(0), NEXT_HEADER.ipv4), { inner_packet: 1 });
    assert.deepEqual(receive(packet.subarray(20), 17), { next_header: 1 });
    assert.deepEqual(receive(packet, NEXT_HEADER.none), { dummy: 1 });
  });

  it("cuts TFC padding off by the inner packet's own length", () => {
    const pair = saPair(cipherSpec("aes256", "sha256"), { outbound: { padTo: 600 } });
    const out = through(new EspEncryptor({ table: pair.here }), [udpPacket(9), udpPacket(300)]);
    assert.equal(out[0]!.length, out[1]!.length);
    assert.deepEqual(through(new EspDecryptor({ table: pair.there }), out), [udpPacket(9), udpPacket(300)]);
    pair.dispose();
  });

  it("gives transport mode's packets a header, and the checksum of the addresses behind the NAT (RFC 3948, 3.1.2)", () => {
    const here = { source: address("10.0.0.1"), destination: address("203.0.113.9") };
    const seen = { source: address("198.51.100.7"), destination: address("192.168.7.7") };
    const pair = saPair(cipherSpec("aes256gcm16"), {
      outbound: { mode: "transport" },
      inbound: { transport: { addresses: seen, original: here } },
      selectors: ANY_TRAFFIC,
    });
    const out = through(new EspEncryptor({ table: pair.here }), [udpPacket(55, "10.0.0.1", "203.0.113.9")]);
    const [packet] = through(new EspDecryptor({ table: pair.there }), out);
    const { source, destination, protocol, payload } = parseIpPacket(packet!)!;
    assert.deepEqual([[...source], [...destination], protocol], [
      [...seen.source],
      [...seen.destination],
      17,
    ]);
    assert.equal(transportChecksum(source, destination, 17, payload), 0);
    pair.dispose();
  });
});
