import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { fromHex, toHex } from "../../lib/bytes/mod.ts";
import { echoReply, emitIcmpEcho, parseIcmpEcho } from "../../lib/ip/mod.ts";

/** Requests and their replies, as scapy 2.5 makes them. */
const PINGS = [
  {
    name: "ICMP",
    request: "4500002c0000400040016d630a63010ac00002010800a27f123400016162636465666768696a6b6c6d6e6f70",
    reply: "4500002c0000400040016d63c00002010a63010a0000aa7f123400016162636465666768696a6b6c6d6e6f70",
  },
  {
    name: "ICMPv6 with an odd size",
    request:
      "60000000000b3a40fd000000000000000000000000000001fd0000000000000000000000000000028000a015123400076f6464",
    reply:
      "60000000000b3a40fd000000000000000000000000000002fd00000000000000000000000000000181009f15123400076f6464",
  },
];

describe("Echoes", () => {
  for (const { name, request, reply } of PINGS) {
    it(`of ${name} are answered octet for octet`, () => {
      assert.equal(toHex(echoReply(fromHex(request))!), reply);
    });

    it(`of ${name} survive parsing and emitting`, () => {
      for (const packet of [request, reply]) {
        assert.equal(toHex(emitIcmpEcho(parseIcmpEcho(fromHex(packet))!)), packet);
      }
    });

    it(`of ${name} are told apart`, () => {
      assert.equal(parseIcmpEcho(fromHex(request))?.kind, "request");
      assert.equal(parseIcmpEcho(fromHex(reply))?.kind, "reply");
      assert.equal(echoReply(fromHex(reply)), undefined);
    });

    it(`of ${name} that are cut short are none`, () => {
      const packet = fromHex(request);
      for (let length = 0; length < packet.length; length++) {
        assert.equal(parseIcmpEcho(packet.slice(0, length)), undefined, `${length} octets`);
      }
    });
  }

  it("are not what other packets of ICMP are", () => {
    const unreachable = fromHex(PINGS[0]!.request);
    unreachable[20] = 3;
    assert.equal(parseIcmpEcho(unreachable), undefined);
    const fragment = fromHex(PINGS[0]!.request);
    fragment[6] = 0x20;
    assert.equal(parseIcmpEcho(fragment), undefined);
  });
});
