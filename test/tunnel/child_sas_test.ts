import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { CryptoProviders, nobleProvider } from "../../lib/crypto/mod.ts";
import { EspDecryptor, EspEncryptor } from "../../lib/esp/mod.ts";
import { emitUdpPacket } from "../../lib/ip/mod.ts";
import { ChildSas } from "../../lib/tunnel/child_sas.ts";
import { Pair } from "../ike/_pair.ts";

const PACKET = emitUdpPacket(Uint8Array.of(10, 1, 0, 1), Uint8Array.of(10, 2, 0, 1), {
  sourcePort: 7,
  destinationPort: 7,
  data: new Uint8Array(20),
});

/** The child SAs of both ends of a pair that has replaced its first one, with a packet that was made on that and is late. */
function replaced() {
  const pair = new Pair();
  pair.connect();
  const crypto = new CryptoProviders([nobleProvider()]);
  const [a, b] = [new ChildSas({ crypto }), new ChildSas({ crypto })];
  a.install(pair.a.lastChild(), pair.pathA);
  b.install(pair.b.lastChild(), pair.pathB);
  const [late] = sent(a);
  pair.handle(pair.b, { kind: "rekey_child", ikeSa: 1, child: 1 });
  pair.settle();
  b.install(pair.b.lastChild(), pair.pathB);
  return { a, b, late: late! };
}

function sent(children: ChildSas): Uint8Array[] {
  const out: Uint8Array[] = [];
  new EspEncryptor({ table: children.table }).handle(
    [PACKET],
    (packets) => out.push(...packets as Uint8Array[]),
  );
  return out;
}

function received(children: ChildSas, packet: Uint8Array): number {
  let count = 0;
  new EspDecryptor({ table: children.table }).handle([packet.slice()], (packets) => count += packets.length);
  return count;
}

describe("A replaced child SA", () => {
  it("receives what was under way, and sends nothing, until it is removed", () => {
    const { a, b, late } = replaced();
    a.retire(1);
    b.retire(1);
    assert.equal(b.size, 1);
    assert.equal(sent(a).length, 0, "nothing goes out on it");
    assert.equal(received(b, late), 1);
    assert.notEqual(b.remove(1), undefined);
    assert.equal(received(b, late), 0);
    assert.equal(b.remove(1), undefined);
    a.dispose();
    b.dispose();
    assert.equal(a.table.inboundCount + b.table.inboundCount, 0);
  });

  it("goes with all others when its IKE SA ends", () => {
    const { b } = replaced();
    b.retire(1);
    assert.equal(b.table.inboundCount, 2);
    b.dispose();
    assert.equal(b.table.inboundCount, 0);
  });
});
