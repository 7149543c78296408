import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  eapMethods,
  type EapOutcome,
  EapPeer,
  EapServer,
  emitEapPacket,
  gtcPeer,
  gtcServer,
  md5Peer,
  md5Server,
  mschapv2Peer,
  mschapv2Server,
  parseEapPacket,
} from "../../../lib/ike/eap/mod.ts";
import { parseIdentity } from "../../../lib/ike/auth/mod.ts";
import { concat, toHex } from "../../../lib/bytes/mod.ts";
import { converse, counting, PASSWORD } from "./_conversation.ts";

const MSCHAPV2 = { peer: { methods: [mschapv2Peer] }, server: { methods: [mschapv2Server] } };

function reasonOf(outcome: EapOutcome | null): string {
  assert.equal(outcome?.kind, "failure");
  return outcome.kind === "failure" ? outcome.reason : "";
}

describe("EAP-MSCHAPv2", () => {
  it("authenticates both sides, and gives both one key", () => {
    const { peer, server, packets } = converse(MSCHAPV2);
    assert.ok(peer?.kind === "success" && server.kind === "success");
    assert.equal(peer.msk?.length, 64);
    assert.equal(toHex(peer.msk!), toHex(server.msk!));
    assert.equal(new TextDecoder().decode(server.identity), "carol");
    assert.deepEqual([peer.method, peer.safeAlone], ["eap-mschapv2", false]);
    // Identity, Challenge, Success-Request, Success
    assert.deepEqual(packets.map((packet) => parseEapPacket(packet)!.code), [1, 2, 1, 2, 1, 2, 3]);
  });

  it("gives other keys with other randomness", () => {
    const other = converse({ ...MSCHAPV2, peer: { methods: [mschapv2Peer], random: counting(77) } });
    const first = converse(MSCHAPV2);
    assert.ok(other.peer?.kind === "success" && first.peer?.kind === "success");
    assert.notEqual(toHex(other.peer.msk!), toHex(first.peer.msk!));
  });

  it("refuses a wrong password on both sides, in words", () => {
    const { peer, server } = converse({ ...MSCHAPV2, peer: { methods: [mschapv2Peer], password: "wrong" } });
    assert.match(reasonOf(peer), /refused the name or the password \(E=691/);
    assert.ok(server.kind === "reply", "the server waits for the peer to take note");
    assert.equal(
      server.refusal,
      'the name or the password of the peer is wrong (eap-mschapv2 as "carol")',
    );
  });

  it("finds a user without the domain that Windows puts in front, if nobody goes by the whole", () => {
    const as = (identity: string, users: Readonly<Record<string, string>>) => {
      const passwordOf = (name: string) => users[name] ?? null;
      const { server, peer } = converse({
        peer: { methods: [mschapv2Peer], identity },
        server: { methods: [mschapv2Server], passwordOf },
      });
      return server.kind === "success" && peer?.kind === "success" ? server.name : null;
    };
    assert.equal(as("EXAMPLE\\carol", { carol: PASSWORD }), "carol");
    assert.equal(as("EXAMPLE\\carol", { carol: "another", "EXAMPLE\\carol": PASSWORD }), "EXAMPLE\\carol");
    assert.equal(as("EXAMPLE\\dave", { carol: PASSWORD }), null);
    assert.equal(as("carol", { "EXAMPLE\\carol": PASSWORD }), null);
  });

  it("answers a name that nobody has as it answers a wrong password", () => {
    const unknown = converse({ ...MSCHAPV2, peer: { methods: [mschapv2Peer], identity: "dave" } });
    const wrong = converse({ ...MSCHAPV2, peer: { methods: [mschapv2Peer], password: "wrong" } });
    assert.equal(toHex(unknown.packets.at(-1)!), toHex(wrong.packets.at(-1)!));
    assert.equal(reasonOf(unknown.peer), reasonOf(wrong.peer));
  });

  it("ends with EAP-Failure once the peer has taken note", () => {
    const server = new EapServer({
      methods: [mschapv2Server],
      passwordOf: () => null,
      random: counting(),
      identity: "x",
    });
    const challenge = parseEapPacket((server.begin() as { packet: Uint8Array }).packet)!;
    const response = concat([Uint8Array.of(2, challenge.data[1]!, 0, 54, 49), new Uint8Array(49)]);
    const refused = server.handle(
      emitEapPacket({ code: 2, identifier: challenge.identifier, type: 26, data: response }),
    );
    assert.equal(refused.kind, "reply");
    const { identifier } = parseEapPacket((refused as { packet: Uint8Array }).packet)!;
    const ended = server.handle(emitEapPacket({ code: 2, identifier, type: 26, data: Uint8Array.of(4) }));
    assert.match(reasonOf(ended), /name or the password of the peer is wrong/);
    assert.deepEqual([...(ended as { packet: Uint8Array }).packet], [4, identifier, 0, 4]);
  });

  it("does not believe Success without the server's proof: none, a wrong one, a cut one", () => {
    const changes: ((text: string) => string)[] = [
      () => " M=Welcome",
      (text) => text.replace(/S=..../, "S=0000"),
      (text) => text.slice(0, 41),
      (text) => text.toLowerCase(),
    ];
    for (const change of changes) {
      const { peer } = converse({
        ...MSCHAPV2,
        change: (packet, index) => {
          const { identifier, data } = parseEapPacket(packet)!;
          if (index !== 4) return packet;
          const text = new TextEncoder().encode(change(new TextDecoder().decode(data.subarray(4))));
          const body = concat([Uint8Array.of(3, data[1]!, 0, 4 + text.length), text]);
          return emitEapPacket({ code: 1, identifier, type: 26, data: body });
        },
      });
      assert.match(reasonOf(peer), /did not prove that it knows the password/);
    }
  });

  it("does not believe an early EAP-Success, at any point before the proof", () => {
    for (const at of [0, 2, 4]) {
      const { peer } = converse({
        ...MSCHAPV2,
        change: (packet, index) => index === at ? emitEapPacket({ code: 3, identifier: packet[1]! }) : packet,
      });
      assert.match(
        reasonOf(peer),
        /said Success (without any authentication|before eap-mschapv2 was complete)/,
      );
    }
  });

  it("does not take Success-Request for a challenge, nor a second challenge, nor the peer's codes", () => {
    const peer = () =>
      new EapPeer({ identity: "carol", password: PASSWORD, methods: [mschapv2Peer], random: counting() });
    const request = (identifier: number, data: Uint8Array) =>
      emitEapPacket({ code: 1, identifier, type: 26, data });
    const challenge = concat([Uint8Array.of(1, 9, 0, 21, 16), new Uint8Array(16)]);
    for (const code of [2, 3, 5, 0]) {
      assert.match(reasonOf(peer().handle(request(1, Uint8Array.of(code, 9, 0, 4)))), /out of turn/);
    }
    const twice = peer();
    assert.equal(twice.handle(request(1, challenge)).kind, "reply");
    assert.match(reasonOf(twice.handle(request(2, challenge))), /out of turn/);
    for (
      const data of [challenge.subarray(0, 20), Uint8Array.of(1, 9, 0, 200, 16), Uint8Array.of(1, 9, 0, 5, 8)]
    ) {
      assert.match(reasonOf(peer().handle(request(1, data))), /cut short|does not have 16 octets/);
    }
  });

  it("does not let the server's proof be asked for before the password was proven", () => {
    const server = new EapServer({
      methods: [mschapv2Server],
      passwordOf: () => PASSWORD,
      random: counting(),
      identity: "x",
    });
    const { identifier } = parseEapPacket((server.begin() as { packet: Uint8Array }).packet)!;
    const outcome = server.handle(emitEapPacket({ code: 2, identifier, type: 26, data: Uint8Array.of(3) }));
    assert.match(reasonOf(outcome), /code 3 is out of turn/);
  });

  it("takes the challenge's answer for the challenge alone: another identifier is refused", () => {
    const { server } = converse({
      ...MSCHAPV2,
      change: (packet, index) => {
        if (index !== 3) return packet;
        const changed = packet.slice();
        changed[6]! ^= 1; // MS-CHAPv2-ID
        return changed;
      },
    });
    assert.match(reasonOf(server), /to another challenge/);
  });
});

describe("EAP-MD5 and EAP-GTC", () => {
  for (
    const [name, peer, server] of [["eap-md5", md5Peer, md5Server], ["eap-gtc", gtcPeer, gtcServer]] as const
  ) {
    it(`prove the peer, give no key, and are not safe alone: ${name}`, () => {
      const result = converse({ peer: { methods: [peer] }, server: { methods: [server] } });
      assert.ok(result.peer?.kind === "success" && result.server.kind === "success");
      assert.deepEqual([result.server.method, result.server.msk, result.server.safeAlone], [
        name,
        null,
        false,
      ]);
    });

    it(`refuse a wrong password, an unknown name and an empty password: ${name}`, () => {
      for (const wrong of [{ password: "wrong" }, { identity: "dave" }, { identity: "dave", password: "" }]) {
        const result = converse({ peer: { methods: [peer], ...wrong }, server: { methods: [server] } });
        assert.match(reasonOf(result.server), /name or the password of the peer is wrong/);
        assert.match(reasonOf(result.peer), /the server refused/);
      }
    });
  }
});

describe("EapPeer", () => {
  it("answers a method that it does not want with Nak and its own, which the server then takes", () => {
    const { peer, server, packets } = converse({
      peer: { methods: [mschapv2Peer] },
      server: { methods: [md5Server, mschapv2Server] },
    });
    assert.ok(peer?.kind === "success" && server.kind === "success");
    assert.deepEqual([server.method, toHex(packets[3]!.subarray(4))], ["eap-mschapv2", "031a"]);
  });

  it("is told where both have nothing in common", () => {
    const { server, peer } = converse({
      peer: { methods: [gtcPeer] },
      server: { methods: [mschapv2Server] },
    });
    assert.match(reasonOf(server), /refused eap-mschapv2; of its own methods \(types: 6\) none is offered/);
    assert.match(reasonOf(peer), /the server has none of our methods \(types: 6\); it wanted type 26/);
  });

  it("never sends its password to a server that asks for it by a method that was not chosen", () => {
    const { packets } = converse({ peer: { methods: [mschapv2Peer] }, server: { methods: [gtcServer] } });
    assert.ok(!packets.some((packet) => new TextDecoder().decode(packet).includes(PASSWORD)));
    assert.deepEqual(eapMethods("eap").map(({ peer }) => peer.type), [26]);
    assert.throws(() => eapMethods("eap-sim"), { code: "ERR_CONFIG_CREDENTIAL" });
  });

  it("does not change methods in the middle, and answers notifications", () => {
    const peer = new EapPeer({ identity: "carol", methods: [mschapv2Peer, gtcPeer], random: counting() });
    const ask = (identifier: number, type: number, data = new Uint8Array(0)) =>
      peer.handle(emitEapPacket({ code: 1, identifier, type, data }));
    assert.equal(ask(1, 2, new TextEncoder().encode("Hello")).kind, "reply");
    assert.equal(ask(2, 26, concat([Uint8Array.of(1, 9, 0, 21, 16), new Uint8Array(16)])).kind, "reply");
    assert.match(reasonOf(ask(3, 6)), /left eap-mschapv2 for a method of type 6/);
    assert.match(reasonOf(ask(4, 1)), /after the end/);
  });

  it("does not let itself be asked for ever", () => {
    const peer = new EapPeer({
      identity: "carol",
      methods: [mschapv2Peer],
      random: counting(),
      maxRequests: 3,
    });
    const ask = (identifier: number) => peer.handle(emitEapPacket({ code: 1, identifier, type: 1 }));
    assert.deepEqual([1, 2, 3].map((identifier) => ask(identifier).kind), ["reply", "reply", "reply"]);
    assert.match(reasonOf(ask(4)), /more than 3 times/);
  });
});

describe("EapServer", () => {
  it("does not ask for a name that it knows", () => {
    const { packets, server } = converse({
      ...MSCHAPV2,
      server: { methods: [mschapv2Server], identity: "carol" },
    });
    assert.equal(packets[0]![4], 26);
    assert.equal(server.kind, "success");
  });

  it("knows a peer that gives no name by that of its password, and may have something against that", () => {
    const nameless = (reasonAgainst?: (name: string) => string | null) => {
      const server = reasonAgainst === undefined ? {} : { reasonAgainst };
      return converse({
        peer: { methods: [mschapv2Peer] },
        server: { methods: [mschapv2Server], ...server },
        // The answer to EAP-Identity, without the name.
        change: (packet, index) => index === 1 ? Uint8Array.of(2, packet[1]!, 0, 5, 1) : packet,
      }).server;
    };
    const { kind, name } = nameless() as { kind: string; name?: string };
    assert.deepEqual({ kind, name }, { kind: "success", name: "carol" });
    const refused = nameless((who) => who === "carol" ? "carol is not to come in" : null);
    assert.match(reasonOf(refused), /carol is not to come in/);
  });

  it("reads a distinguished name that comes as DER, as strongSwan sends it", () => {
    const names: string[] = [];
    const passwordOf = (name: string) => (names.push(name), null);
    const server = new EapServer({ methods: [gtcServer], passwordOf, random: counting() });
    const answer = (asked: EapOutcome, type: number, data: Uint8Array) => {
      const { identifier } = parseEapPacket((asked as { packet: Uint8Array }).packet)!;
      return server.handle(emitEapPacket({ code: 2, identifier, type, data }));
    };
    const challenge = answer(server.begin(), 1, parseIdentity("C=CH, CN=carol").data);
    answer(challenge, 6, Uint8Array.of(1));
    assert.deepEqual(names, ["C=CH, CN=carol"]);
  });

  it("refuses Success, Failure and Requests of a peer, other identifiers, other types, and what is no packet", () => {
    const begin = () => {
      const server = new EapServer({
        methods: [mschapv2Server],
        passwordOf: () => PASSWORD,
        random: counting(),
      });
      const { identifier } = parseEapPacket((server.begin() as { packet: Uint8Array }).packet)!;
      return { server, identifier };
    };
    const wrong: ((identifier: number) => Uint8Array)[] = [
      (identifier) => emitEapPacket({ code: 3, identifier }),
      (identifier) => emitEapPacket({ code: 4, identifier }),
      (identifier) => emitEapPacket({ code: 1, identifier, type: 1 }),
      (identifier) => emitEapPacket({ code: 2, identifier: identifier + 1 & 0xff, type: 1 }),
      (identifier) => emitEapPacket({ code: 2, identifier, type: 3, data: Uint8Array.of(6) }),
      (identifier) => emitEapPacket({ code: 2, identifier, type: 1, data: new Uint8Array(2000) }),
      () => new Uint8Array(3),
    ];
    for (const make of wrong) {
      const { server, identifier } = begin();
      const outcome = server.handle(make(identifier));
      assert.ok(reasonOf(outcome).length > 0);
      assert.equal((outcome as { packet: Uint8Array }).packet[0], 4, "EAP-Failure goes out");
      assert.equal(
        server.handle(emitEapPacket({ code: 2, identifier, type: 1 })).kind,
        "failure",
        "it is over",
      );
    }
  });
});

describe("EAP packets", () => {
  it("survive being written and read", () => {
    const packet = emitEapPacket({ code: 1, identifier: 7, type: 26, data: Uint8Array.of(1, 2, 3) });
    assert.equal(toHex(packet), "010700081a010203");
    assert.deepEqual(
      parseEapPacket(concat([packet, Uint8Array.of(9)]))!.data,
      Uint8Array.of(1, 2, 3),
      "padding",
    );
  });

  it("are refused with lengths and codes that cannot be", () => {
    for (
      const hex of ["", "0107", "01070004", "0107000900", "05070004", "00070004", "03070003", "0107ffff1a"]
    ) {
      assert.equal(
        parseEapPacket(Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16))),
        null,
        hex,
      );
    }
  });

  it("of any octets never make either side throw, succeed or go on after the end", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }), (packets) => {
        const peer = new EapPeer({
          identity: "carol",
          password: PASSWORD,
          methods: [mschapv2Peer],
          random: counting(),
        });
        const server = new EapServer({
          methods: [mschapv2Server],
          passwordOf: () => PASSWORD,
          random: counting(),
        });
        server.begin();
        for (const packet of packets) {
          assert.notEqual(peer.handle(packet).kind, "success");
          assert.notEqual(server.handle(packet).kind, "success");
        }
      }),
      { numRuns: 200 },
    );
  });
});
