import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  EspDecryptor,
  EspEncryptor,
  InboundSa,
  OutboundSa,
  parseTrafficSelector,
  SaTable,
  SelectorMatcher,
  type TrafficSelectors,
} from "../../lib/esp/mod.ts";
import { InnerPacket } from "../../lib/ip/mod.ts";
import { cipherSpec, portableCrypto as crypto, through, udpPacket } from "../_support/esp_scene.ts";
import { collectGarbage } from "../_support/gc.ts";

const cipher = cipherSpec("aes256gcm16");
const out = (spi: number): OutboundSa => new OutboundSa({ spi, cipher, crypto });
const selectors = (local: string, remote: string): TrafficSelectors => ({
  local: local.split(",").map(parseTrafficSelector),
  remote: remote.split(",").map(parseTrafficSelector),
});

/** SPI of the SA for a packet; asked twice, since the second answer comes from the flow cache. */
function pick(
  table: SaTable,
  from: string,
  to: string,
  ports: [number, number] = [1000, 2000],
): number | undefined {
  const inner = new InnerPacket();
  assert.ok(inner.read(udpPacket(4, from, to, ports)));
  const first = table.outbound(inner)?.spi;
  assert.equal(table.outbound(inner)?.spi, first);
  return first;
}

describe("SaTable", () => {
  it("finds inbound SAs by SPI, and wipes those taken out", () => {
    const table = new SaTable();
    const sa = new InboundSa({ spi: 0xfedcba98, cipher, crypto });
    table.addInbound(sa);
    assert.equal(table.inbound(0xfedcba98), sa);
    assert.throws(() => table.addInbound(sa), { code: "ERR_ESP_TABLE" });
    assert.equal(table.removeInbound(0xfedcba98), true);
    assert.equal(table.removeInbound(0xfedcba98), false);
    assert.equal(table.inbound(0xfedcba98), undefined);
    assert.throws(() => sa.open(new Uint8Array(0)), { code: "ERR_CRYPTO_DISPOSED" });
  });

  it("prefers longer prefixes, then ports, and the lowest priority above all", () => {
    const table = new SaTable();
    table.addOutbound(out(1), selectors("0.0.0.0/0", "0.0.0.0/0"));
    table.addOutbound(out(2), selectors("10.0.0.0/8", "10.1.0.0/16"));
    table.addOutbound(out(3), selectors("10.0.0.0/8", "10.1.0.0/16[udp/53]"));
    table.addOutbound(out(4), selectors("10.0.0.0/8", "10.1.2.0/24"));
    assert.equal(pick(table, "192.0.2.1", "10.1.0.1"), 1);
    assert.equal(pick(table, "10.0.0.1", "10.1.0.1"), 2);
    assert.equal(pick(table, "10.0.0.1", "10.1.0.1", [1000, 53]), 3);
    assert.equal(pick(table, "10.0.0.1", "10.1.2.9", [1000, 53]), 4);
    assert.equal(pick(table, "2001:db8::1", "2001:db8::2"), undefined);
    table.addOutbound(out(5), selectors("0.0.0.0/0", "0.0.0.0/0"), { priority: -1 });
    assert.equal(pick(table, "10.0.0.1", "10.1.2.9"), 5);
    table.dispose();
    assert.equal(table.outboundCount, 0);
  });

  it("remembers few flows while there are few, and goes on finding them while its memory of them grows", () => {
    const table = new SaTable();
    table.addOutbound(out(1), selectors("10.0.0.0/8", "0.0.0.0/0"));
    table.addOutbound(out(2), selectors("10.0.0.0/8", "192.0.2.0/24"));
    for (let round = 0; round < 3; round++) {
      for (let port = 1; port <= 2000; port++) {
        const destination = port % 2 === 0 ? "192.0.2.7" : "198.51.100.7";
        assert.equal(pick(table, "10.0.0.1", destination, [port, 53]), port % 2 === 0 ? 2 : 1);
      }
    }
    table.dispose();
  });

  it("uses the newer of two SAs that are alike, and the older one again when that is gone", () => {
    const table = new SaTable();
    const [old, renewed] = [out(1), out(2)];
    table.addOutbound(old, selectors("0.0.0.0/0", "0.0.0.0/0,::/0"));
    table.addOutbound(renewed, selectors("0.0.0.0/0", "0.0.0.0/0"));
    assert.equal(pick(table, "10.0.0.1", "10.1.0.1"), 2);
    assert.equal(table.removeOutbound(renewed), true);
    assert.equal(table.removeOutbound(renewed), false);
    assert.equal(pick(table, "10.0.0.1", "10.1.0.1"), 1);
    table.dispose();
  });

  it("refuses more SAs than it may hold, and selectors that share no IP version", () => {
    const table = new SaTable({ maxSas: 1 });
    assert.throws(() => table.addOutbound(out(1), selectors("0.0.0.0/0", "::/0")), { code: "ERR_ESP_TABLE" });
    table.addOutbound(out(1), selectors("::/0", "::/0"));
    assert.throws(() => table.addOutbound(out(2), selectors("::/0", "::/0")), { code: "ERR_ESP_TABLE" });
    table.dispose();
  });

  it("agrees with a look at every policy in turn, while policies come and go", () => {
    const hosts = [
      "10.0.0.1",
      "10.0.0.2",
      "10.0.1.1",
      "10.128.0.9",
      "192.0.2.77",
      "2001:db8::1",
      "2001:db8:1::9",
    ];
    const parts = [
      "10.0.0.1",
      "10.0.0.0/24",
      "10.0.0.0/8",
      "10.0.0.1-10.0.1.4",
      "0.0.0.0/0",
      "192.0.2.64/27",
      "::/0",
      "2001:db8::/48",
      "2001:db8::/32[udp/53-60]",
      "10.0.0.0/8[udp/53]",
      "0.0.0.0/0[tcp]",
    ];
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.constantFrom(...parts),
            fc.constantFrom(...parts),
            fc.integer({ min: 0, max: 1 }),
            fc.nat({ max: 3 }),
          ),
          { maxLength: 12 },
        ),
        fc.constantFrom(53, 55, 2000),
        (rows, port) => {
          const table = new SaTable();
          const held: {
            sa: OutboundSa;
            source: SelectorMatcher;
            destination: SelectorMatcher;
            priority: number;
            age: number;
          }[] = [];
          rows.forEach(([local, remote, priority, action], age) => {
            const source = new SelectorMatcher(parseTrafficSelector(local));
            const destination = new SelectorMatcher(parseTrafficSelector(remote));
            if (action === 0 && held.length > 0) {
              table.removeOutbound(held.splice(age % held.length, 1)[0]!.sa);
            }
            if (source.version === destination.version) {
              const sa = out(age + 1);
              table.addOutbound(sa, selectors(local, remote), { priority });
              held.push({ sa, source, destination, priority, age });
            }
            for (const from of hosts) {
              for (const to of hosts) {
                if (from.includes(":") !== to.includes(":")) continue;
                const inner = new InnerPacket();
                inner.read(udpPacket(1, from, to, [53, port]));
                const narrow = (m: SelectorMatcher) =>
                  4 * m.prefixLength + (m.limitsPorts ? 2 : 0) + (m.protocol ? 1 : 0);
                const best = held.filter((row) =>
                  row.source.matches(inner, 0) && row.destination.matches(inner, 4)
                )
                  .sort((a, b) =>
                    a.priority - b.priority ||
                    narrow(b.source) + narrow(b.destination) - narrow(a.source) - narrow(a.destination) ||
                    b.age - a.age
                  )[0];
                assert.equal(table.outbound(inner)?.spi, best?.sa.spi);
              }
            }
          });
          table.dispose();
        },
      ),
      { numRuns: 40 },
    );
  });

  it("keeps no SA alive that was taken out, though flows and batches used it", async () => {
    const here = new SaTable();
    const there = new SaTable();
    const encryptor = new EspEncryptor({ table: here });
    const decryptor = new EspDecryptor({ table: there });
    const gone: WeakRef<OutboundSa | InboundSa>[] = [];
    const useOne = (spi: number): void => {
      const outbound = out(spi);
      const inbound = new InboundSa({ spi, cipher, crypto });
      here.addOutbound(outbound, selectors("0.0.0.0/0", "0.0.0.0/0"));
      there.addInbound(inbound);
      assert.equal(through(decryptor, through(encryptor, [udpPacket(spi)])).length, 1);
      gone.push(new WeakRef(outbound), new WeakRef(inbound));
      here.removeOutbound(outbound);
      there.removeInbound(spi);
    };
    for (let spi = 1; spi <= 50; spi++) useOne(spi);
    await collectGarbage();
    const alive = gone.filter((reference) => reference.deref() !== undefined).length;
    assert.ok(alive <= 10, `${alive} of ${gone.length} SAs are alive`);
  });

  it("looks once for each pair of prefix lengths, however many SAs there are", () => {
    const table = new SaTable();
    const matches = SelectorMatcher.prototype.matches;
    let looks = 0;
    SelectorMatcher.prototype.matches = function (packet, at) {
      looks++;
      return matches.call(this, packet, at);
    };
    try {
      for (let i = 0; i < 500; i++) {
        table.addOutbound(out(i + 1), selectors("0.0.0.0/0", `10.${i >> 8}.${i & 255}.0/24`));
      }
      assert.equal(pick(table, "192.0.2.1", "10.1.77.5"), 256 + 77 + 1);
      assert.equal(looks, 2, "the source and the destination of one policy, once");
    } finally {
      SelectorMatcher.prototype.matches = matches;
    }
    table.dispose();
  });
});

describe("parseTrafficSelector", () => {
  it("reads what swanctl.conf writes", () => {
    const rows: [string, string, string, number, number, number][] = [
      ["10.1.2.3", "10.1.2.3", "10.1.2.3", 0, 0, 65535],
      ["10.1.2.3/20", "10.1.0.0", "10.1.15.255", 0, 0, 65535],
      ["10.0.0.1-10.0.0.9[udp/500-510]", "10.0.0.1", "10.0.0.9", 17, 500, 510],
      ["10.0.0.0/8[47]", "10.0.0.0", "10.255.255.255", 47, 0, 65535],
      ["0.0.0.0/0[tcp/any]", "0.0.0.0", "255.255.255.255", 6, 0, 65535],
    ];
    for (const [text, start, end, ...rest] of rows) {
      const selector = parseTrafficSelector(text);
      assert.equal(selector.start.join("."), start, text);
      assert.equal(selector.end.join("."), end, text);
      assert.deepEqual([selector.protocol, selector.startPort, selector.endPort], rest, text);
    }
    assert.equal(new SelectorMatcher(parseTrafficSelector("2001:db8::/33")).prefixLength, 33);
  });

  it("refuses what makes no sense", () => {
    for (
      const text of [
        "",
        "host",
        "10.0.0.0/33",
        "10.0.0.2-10.0.0.1",
        "10.0.0.1-::1",
        "10.0.0.1[grx]",
        "10.0.0.1[tcp/9-8]",
        "10.0.0.1[tcp/70000]",
      ]
    ) {
      assert.throws(() => parseTrafficSelector(text), { name: "TypeError", code: "ERR_ESP_SELECTOR" }, text);
    }
    assert.throws(() => new SelectorMatcher({ start: new Uint8Array(5), end: new Uint8Array(5) }), {
      code: "ERR_ESP_SELECTOR",
    });
  });
});
