/**
 * What has brought other IKE daemons down once both ends were authenticated: rekeys that are malformed or of something that is none. The
 * peer has the keys, and lies. One class a test, with the identifiers under which it became known.
 */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { EXCHANGE, NOTIFY, notifyPayload, type Payload, PROTOCOL } from "../../../lib/ike/codec/mod.ts";
import { assertNothingLeft } from "../_established.ts";
import { Forger } from "../_forger.ts";
import { Pair } from "../_pair.ts";
import {
  childOffer,
  DELETE_IKE,
  IKE_SPI,
  ikeOffer,
  keyExchange,
  nonce,
  proposal,
  rekeySa,
  selectors,
  traffic,
} from "../_payloads.ts";
import { lie, withChild } from "./_lies.ts";

const CREATE = EXCHANGE.createChildSa!;
const INFORMATIONAL = EXCHANGE.informational!;
const INVALID_SYNTAX = "CREATE_CHILD_SA { N(INVALID_SYNTAX) } -->";

describe("A rekey of a child SA with a protocol that is none (CVE-2023-38710)", () => {
  for (const protocol of [0, 1, 4, 255]) {
    it(`in REKEY_SA: protocol ${protocol} is INVALID_SYNTAX, which repeats nothing of it, and ends this SA alone`, () => {
      const { pair, spi } = withChild();
      pair.connect();
      const request = [rekeySa(spi, protocol), childOffer(1), nonce(), ...traffic("a")];
      assert.equal(lie(pair, { exchangeType: CREATE, payloads: request }), INVALID_SYNTAX);
      assert.equal(pair.b.one("ike_sa_deleted").reason, "invalid_syntax");
      assert.equal(pair.b.one("ike_sa_deleted").ikeSa, 1);
      assert.equal(pair.b.engine.counters.ikeSas, 1);
    });

    it(`in SA: protocol ${protocol} is NO_PROPOSAL_CHOSEN or no rekey of a child SA, and the old one goes on`, () => {
      const { pair, spi } = withChild();
      const offer = proposal(protocol, new Uint8Array(protocol === 1 ? 8 : 4).fill(7), [
        { type: 1, id: 20, keyLength: 128 },
        { type: 5, id: 0 },
      ]);
      const answer = lie(pair, {
        exchangeType: CREATE,
        payloads: [rekeySa(spi), offer, nonce(), ...traffic("a")],
      });
      assert.match(answer, /^CREATE_CHILD_SA \{ N\((NO_PROPOSAL_CHOSEN|INVALID_SYNTAX)\) \} -->$/);
      assert.equal(pair.b.of("child_sa_installed").length, 0);
      assert.equal(pair.b.of("ike_sa_established").length, 0);
    });

    it(`in D: protocol ${protocol} with an SPI of a child SA is INVALID_SYNTAX`, () => {
      const { pair, spi } = withChild();
      const payloads: Payload[] = [{ kind: "D", protocol, spis: [spi] }];
      assert.equal(
        lie(pair, { exchangeType: INFORMATIONAL, payloads }),
        "INFORMATIONAL { N(INVALID_SYNTAX) } -->",
      );
      assert.equal(pair.b.one("ike_sa_deleted").reason, "invalid_syntax");
      assert.equal(pair.b.engine.counters.childSpis, 0);
    });
  }

  it("in REKEY_SA: no SPI, or one too long, is INVALID_SYNTAX", () => {
    for (const size of [0, 3, 8]) {
      const { pair } = withChild();
      const payloads = [rekeySa(new Uint8Array(size)), childOffer(1), nonce(), ...traffic("a")];
      assert.equal(lie(pair, { exchangeType: CREATE, payloads }), INVALID_SYNTAX);
    }
  });
});

describe("A malformed CREATE_CHILD_SA", () => {
  const fatal: readonly [what: string, payloads: readonly Payload[]][] = [
    ["without payloads", []],
    ["without a nonce", [childOffer(1), ...traffic("a")]],
    ["without TSi", [childOffer(1), nonce(), selectors("TSr", 2)]],
    ["without TSr", [childOffer(1), nonce(), selectors("TSi", 1)]],
    ["with two SA payloads", [childOffer(1), childOffer(2), nonce(), ...traffic("a")]],
    ["with two nonces", [childOffer(1), nonce(1), nonce(2), ...traffic("a")]],
    ["with TSi twice", [childOffer(1), nonce(), selectors("TSi", 1), ...traffic("a")]],
    ["for the IKE SA without KE", [ikeOffer(IKE_SPI), nonce()]],
    ["for the IKE SA with two values", [ikeOffer(IKE_SPI), nonce(), keyExchange(), keyExchange()]],
    ["for the IKE SA with a value of zeros (RFC 6989)", [
      ikeOffer(IKE_SPI),
      nonce(),
      keyExchange(31, new Uint8Array(32)),
    ]],
  ];
  for (const [what, payloads] of fatal) {
    it(`${what} is INVALID_SYNTAX, ends this SA, and leaves nothing`, () => {
      const { pair } = withChild();
      assert.equal(lie(pair, { exchangeType: CREATE, payloads }), INVALID_SYNTAX);
      assert.match(pair.b.one("ike_sa_deleted").reason!, /^(invalid_syntax|protocol)$/);
      assertNothingLeft(pair.b);
    });
  }

  const refused: readonly [what: string, payloads: readonly Payload[], notify: string][] = [
    ["with a group that nobody knows (CVE-2014-9221)", [
      childOffer(1, 1025),
      nonce(),
      keyExchange(1025),
      ...traffic("a"),
    ], "NO_PROPOSAL_CHOSEN"],
    ["for the IKE SA with KE of another group than SA names", [
      ikeOffer(IKE_SPI),
      nonce(),
      keyExchange(1025),
    ], "INVALID_KE_PAYLOAD"],
    ["for the IKE SA without a common transform", [
      proposal(PROTOCOL.ike!, IKE_SPI, [{ type: 1, id: 3 }]),
      nonce(),
      keyExchange(),
    ], "NO_PROPOSAL_CHOSEN"],
    ["for the IKE SA with an SPI of no octets", [ikeOffer(), nonce(), keyExchange()], "NO_PROPOSAL_CHOSEN"],
    ["without a transform", [
      proposal(PROTOCOL.esp!, new Uint8Array(4).fill(7), []),
      nonce(),
      ...traffic("a"),
    ], "NO_PROPOSAL_CHOSEN"],
    [
      "for traffic of nobody",
      [childOffer(1), nonce(), selectors("TSi", 8), selectors("TSr", 9)],
      "TS_UNACCEPTABLE",
    ],
  ];
  for (const [what, payloads, notify] of refused) {
    it(`${what} is ${notify}, and everything goes on`, () => {
      const { pair } = withChild();
      assert.equal(lie(pair, { exchangeType: CREATE, payloads }), `CREATE_CHILD_SA { N(${notify}) } -->`);
      assert.equal(pair.b.of("child_sa_installed").length + pair.b.of("ike_sa_established").length, 0);
      assert.equal(pair.b.engine.counters.ikeSas, 1);
      assert.equal(pair.b.engine.counters.childSpis, 1);
    });
  }
});

describe("Traffic selectors", () => {
  it("of which each of an offer meets each of the policy are answered by as many as a message may have", () => {
    const networks = Array.from({ length: 40 }, (_, i) => `10.1.${i}.0/24`);
    const net = { esp_proposals: "aes128gcm16", local_ts: "10.2.0.0/16", remote_ts: networks };
    const { pair } = withChild({ connectionB: { children: { net } } });
    const [startAddress, endAddress] = [Uint8Array.of(10, 1, 0, 0), Uint8Array.of(10, 1, 255, 255)];
    const offer: Payload = {
      kind: "TSi",
      selectors: Array.from({ length: 64 }, (_, port) => ({
        type: 7,
        protocol: 17,
        startPort: port,
        endPort: port,
        startAddress,
        endAddress,
      })),
    };
    const payloads = [childOffer(1), nonce(), offer, selectors("TSr", 2)];
    assert.equal(lie(pair, { exchangeType: CREATE, payloads }), "CREATE_CHILD_SA { SA, Nr, TSi, TSr } -->");
    assert.equal(pair.b.lastChild().childSa.remote.length, 64);
  });
});

describe("Nonces of rekeys", () => {
  it("that are the same twice make other keys all the same: the other end's differ", () => {
    const { pair, spi } = withChild();
    const again = (
      old: Uint8Array,
      next: number,
    ) => [rekeySa(old), childOffer(next), nonce(), ...traffic("a")];
    const second = new Uint8Array([0, 0, 0, 91]);
    lie(pair, { exchangeType: CREATE, payloads: again(spi, 91) }, {
      exchangeType: CREATE,
      payloads: again(second, 92),
    });
    const made = pair.b.of("child_sa_installed").map(({ childSa }) => childSa);
    assert.equal(made.length, 2, pair.b.story());
    assert.notDeepEqual(made[0]!.inbound.encryptionKey, made[1]!.inbound.encryptionKey);
    assert.notDeepEqual(made[0]!.outbound.encryptionKey, made[1]!.outbound.encryptionKey);
  });
});

describe("An answer to a rekey that is none", () => {
  /** `a` rekeys, and somebody with the keys of `b` answers. */
  function answered(kind: "rekey_child" | "rekey_ike", payloads: readonly Payload[]): Pair {
    const { pair } = withChild();
    pair.handle(pair.a, kind === "rekey_ike" ? { kind, ikeSa: 1 } : { kind, ikeSa: 1, child: 1 });
    pair.inFlight.length = 0;
    const forger = new Forger(pair, "b");
    forger.send(forger.seal({ exchangeType: CREATE, messageId: 2, payloads, response: true }));
    return pair;
  }

  it("an error that says nothing of which SPI leaves the old child SA, and it is tried again", () => {
    for (const type of [NOTIFY.invalidSpi ?? 11, NOTIFY.noProposalChosen!, NOTIFY.tsUnacceptable!, 8191]) {
      const pair = answered("rekey_child", [notifyPayload(type)]);
      assert.equal(pair.a.of("child_sa_deleted").length, 0, pair.a.story());
      assert.equal(pair.a.engine.counters.ikeSas, 1);
      assert.equal(pair.a.engine.counters.childSpis, 1);
    }
  });

  it("an SA of another protocol, or without what was asked for, makes nothing", () => {
    for (
      const payloads of [
        [ikeOffer(IKE_SPI), nonce(), keyExchange()],
        [
          proposal(0, new Uint8Array(4).fill(7), [{ type: 1, id: 20, keyLength: 128 }]),
          nonce(),
          ...traffic("a"),
        ],
        [
          proposal(PROTOCOL.esp!, new Uint8Array(0), [{ type: 1, id: 20, keyLength: 128 }]),
          nonce(),
          ...traffic("a"),
        ],
      ]
    ) {
      const pair = answered("rekey_child", payloads);
      assert.equal(pair.a.of("child_sa_installed").length, 0, pair.a.story());
      assert.equal(pair.a.of("ike_sa_established").length, 0);
      pair.network = () => null;
      pair.advance(8_000_000);
      assertNothingLeft(pair.a);
    }
  });

  it("a child SA for a rekey of the IKE SA, or a value of zeros, makes no successor", () => {
    for (
      const payloads of [
        [childOffer(9), nonce(), ...traffic("a")],
        [ikeOffer(IKE_SPI), nonce(), keyExchange(31, new Uint8Array(32))],
        [ikeOffer(IKE_SPI), nonce(), keyExchange(19)],
      ]
    ) {
      const pair = answered("rekey_ike", payloads);
      assert.equal(pair.a.of("ike_sa_established").length, 0, pair.a.story());
      pair.network = () => null;
      pair.advance(400_000);
      assertNothingLeft(pair.a);
    }
  });
});

describe("A peer that replaces what it has replaced, and deletes nothing", () => {
  it("has max_children replaced child SAs at most: TEMPORARY_FAILURE until it deletes one", () => {
    const { pair, spi } = withChild({ b: { limits: { max_children: 3 } } });
    const forger = new Forger(pair, "a");
    const octets = (index: number) => index === 0 ? spi : Uint8Array.of(0, 0, 1, index);
    const rekey = (index: number, messageId: number) => {
      const payloads = [
        rekeySa(octets(index)),
        childOffer(256 + index + 1),
        nonce(index + 1),
        ...traffic("a"),
      ];
      forger.send(forger.seal({ exchangeType: CREATE, messageId, payloads }));
      return pair.b.talk().at(-1);
    };
    const answers = Array.from({ length: 6 }, (_, i) => rekey(Math.min(i, 3), 2 + i));
    const [made, refused] = [
      "CREATE_CHILD_SA { SA, Nr, TSi, TSr } -->",
      "CREATE_CHILD_SA { N(TEMPORARY_FAILURE) } -->",
    ];
    assert.deepEqual(answers, [made, made, made, refused, refused, refused]);
    assert.equal(pair.b.engine.counters.childSpis, 4);
    const payloads: Payload[] = [{ kind: "D", protocol: PROTOCOL.esp!, spis: [spi] }];
    forger.send(forger.seal({ exchangeType: INFORMATIONAL, messageId: 8, payloads }));
    assert.equal(rekey(3, 9), made);
  });

  it("has max_replaced_ike_sas replaced IKE SAs at most: TEMPORARY_FAILURE until their time is over", () => {
    const pair = new Pair({ b: { limits: { max_replaced_ike_sas: 2 } } });
    pair.connect();
    // D of what was replaced never arrives, nor does its answer.
    pair.network = ({ octets }) => octets[18] === INFORMATIONAL ? null : octets;
    for (let i = 0; i < 3; i++) {
      const { ikeSa } = pair.a.of("ike_sa_established").at(-1)!;
      pair.handle(pair.a, { kind: "rekey_ike", ikeSa });
      pair.settle();
    }
    assert.equal(pair.b.of("child_sas_moved").length, 2);
    assert.equal(pair.b.engine.counters.ikeSas, 3);
    assert.equal(pair.a.one("ike_rekey_failed").reason, "TEMPORARY_FAILURE");
    pair.network = ({ octets }) => octets;
    pair.advance(60_000); // their D comes again
    assert.equal(pair.b.of("child_sas_moved").length, 3, pair.b.story());
    assert.equal(pair.b.engine.counters.ikeSas, 1);
  });

  it("and what it has made for an IKE SA that it deletes again keeps no other from that place", () => {
    const pair = new Pair();
    pair.connect();
    pair.b.forget();
    pair.handle(pair.b, { kind: "rekey_ike", ikeSa: 1 });
    pair.inFlight.length = 0; // whose answer is not to be had for now
    const forger = new Forger(pair, "a");
    const rekey = (messageId: number, octet: number) => {
      const payloads = [ikeOffer(new Uint8Array(8).fill(octet)), nonce(octet), keyExchange()];
      forger.send(forger.seal({ exchangeType: CREATE, messageId, payloads }));
      pair.inFlight.length = 0;
      return pair.b.talk().at(-1);
    };
    assert.equal(rekey(2, 1), "CREATE_CHILD_SA { SA, Nr, KEr } -->");
    assert.equal(rekey(3, 2), "CREATE_CHILD_SA { N(TEMPORARY_FAILURE) } -->");
    pair.a.keys.push(pair.b.keys.findLast(({ type }) => type === "ike_keys")!);
    const next = new Forger(pair, "a", 1);
    next.send(next.seal({ exchangeType: INFORMATIONAL, messageId: 0, payloads: [DELETE_IKE] }));
    assert.equal(pair.b.one("ike_sa_deleted").by, "peer");
    assert.equal(rekey(4, 3), "CREATE_CHILD_SA { SA, Nr, KEr } -->");
  });
});
