import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { CryptoProviders, nobleProvider, type Prf } from "../../../lib/crypto/mod.ts";
import { EXCHANGE, notifyPayload } from "../../../lib/ike/codec/mod.ts";
import { collectGarbage } from "../../_support/gc.ts";
import { Forger } from "../_forger.ts";
import { Pair, type PairOptions, seededRandom } from "../_pair.ts";

/** `b` has answered a check of liveness by `a`; gives request and response. */
function answered(): { pair: Pair; request: Uint8Array; response: Uint8Array } {
  const pair = new Pair();
  pair.connect();
  pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
  pair.settle();
  const [request, response] = [pair.a, pair.b].map((end) => end.sent.at(-1)!.octets);
  pair.b.forget();
  return { pair, request: request!, response: response! };
}

/** Lets `b` receive something and gives what it says to that. */
function give(pair: Pair, octets: Uint8Array): Uint8Array[] {
  pair.b.forget();
  pair.handle(pair.b, { kind: "message", path: pair.pathB, octets: octets.slice() });
  return pair.b.sent.map((flight) => flight.octets);
}

describe("A protected request that comes again (RFC 7296, section 2.1)", () => {
  it("is answered by the same octets as often as it comes", () => {
    const { pair, request, response } = answered();
    for (let i = 0; i < 3; i++) assert.deepEqual(give(pair, request), [response]);
    assert.deepEqual(pair.b.events.map(({ type }) => type), ["message"]);
  });

  it("is answered after other requests too, as long as the window remembers it", () => {
    const { pair, request } = answered();
    pair.handle(pair.a, { kind: "check_liveness", ikeSa: 1 });
    pair.settle();
    assert.deepEqual(give(pair, request), []);
  });

  it("is told from a forged copy: other octets in front of the same ICV, or another ICV", () => {
    const { pair, request } = answered();
    for (const at of [30, 35, 41, request.length - 1, request.length - 20]) {
      const forged = request.slice();
      forged[at]! ^= 1;
      assert.deepEqual(give(pair, forged), [], `octet ${at}`);
      assert.equal(pair.b.of("message_dropped").length, 1);
    }
  });

  it("is told from another request under the same Message ID, though that is authentic", () => {
    const { pair } = answered();
    const forger = new Forger(pair, "a");
    for (const payloads of [[], [notifyPayload(40_000)]]) {
      const other = forger.seal({ exchangeType: EXCHANGE.informational, messageId: 2, payloads });
      assert.deepEqual(give(pair, other), []);
      assert.equal(pair.b.one("message_dropped").reason, "message_id");
    }
  });

  it("in fragments is recognised by its first one, and by that of no other message (RFC 7383, section 2.6.1)", () => {
    const pair = new Pair();
    pair.connect();
    const forger = new Forger(pair, "a");
    const forgery = (fill: number) => ({
      exchangeType: EXCHANGE.informational,
      messageId: 2,
      payloads: [notifyPayload(40_000, new Uint8Array(1000).fill(fill))],
    });
    const fragments = forger.fragments(forgery(1), 400);
    assert.ok(fragments.length > 2);
    pair.b.forget();
    // The first one comes last: it is still the one that counts.
    for (const octets of fragments.slice().reverse()) forger.send(octets);
    const [response] = pair.b.sent.map(({ octets }) => octets);
    for (const [number, octets] of fragments.entries()) {
      assert.deepEqual(give(pair, octets), number === 0 ? [response] : [], `fragment ${number + 1}`);
    }
    for (const octets of forger.fragments(forgery(2), 400)) assert.deepEqual(give(pair, octets), []);
  });
});

/** Providers that tell of every key that a PRF was used with. */
class Spy extends CryptoProviders {
  readonly keys: { readonly key: Uint8Array; readonly copy: Uint8Array; readonly data: number[] }[] = [];

  constructor() {
    super([nobleProvider()]);
  }

  override createPrf(...args: Parameters<CryptoProviders["createPrf"]>): Prf {
    const prf = super.createPrf(...args);
    const compute: Prf["compute"] = (key, ...data) => {
      this.keys.push({ key, copy: key.slice(), data: data.flatMap((part) => [...part]) });
      return prf.compute(key, ...data);
    };
    return Object.assign(Object.create(prf), { compute }) as Prf;
  }
}

describe("What only the first exchanges need", () => {
  /** With a child SA in IKE_AUTH, without one, and with one that is refused. */
  const cases: Record<string, PairOptions> = {
    "with a child SA": {},
    "without one": { connectionA: { childless: "force" }, connectionB: { childless: "allow" } },
    "with one that is refused": {
      connectionB: { children: { net: { local_ts: "172.16.0.0/12", remote_ts: "172.16.0.0/12" } } },
    },
  };
  for (const [name, options] of Object.entries(cases)) {
    it(`is let go: SK_pi and SK_pr are wiped (${name})`, () => {
      const crypto = new Spy();
      const pair = new Pair({ ...options, crypto });
      pair.connect();
      assert.equal(pair.a.of("ike_sa_established").length, 1, pair.a.story());
      // prf(SK_p, ID body): type, three reserved octets, and `a@example` or `b.example`.
      const bodies = [[3, "a@example"], [2, "b.example"]].map(([type, name]) =>
        [type, 0, 0, 0, ...new TextEncoder().encode(name as string)].join()
      );
      const proofs = crypto.keys.filter(({ data }) => bodies.includes(data.join()));
      // SK_pi and SK_pr, at both ends.
      assert.equal(new Set(proofs.map(({ copy }) => copy.join())).size, 2);
      assert.equal(new Set(proofs.map(({ key }) => key)).size, 4);
      for (const { key, copy } of proofs) {
        assert.ok(copy.some((octet) => octet !== 0));
        assert.ok(key.every((octet) => octet === 0));
      }
    });

    it(`is let go: nobody holds the nonces any more (${name})`, async () => {
      const drawn: WeakRef<Uint8Array>[] = [];
      const pairs: Pair[] = [];
      for (let seed = 1; seed <= 10; seed++) {
        const fill = seededRandom(seed);
        const random = (octets: Uint8Array) => {
          if (octets.length === 32) drawn.push(new WeakRef(octets));
          fill(octets);
        };
        const pair = new Pair({ ...options, a: { random }, b: { random } });
        pair.connect();
        pairs.push(pair);
      }
      assert.ok(drawn.length >= 20);
      await collectGarbage();
      // A stack or a register may still hold a few.
      const held = drawn.filter((reference) => reference.deref() !== undefined).length;
      assert.ok(held <= 4, `${held} of ${drawn.length} are held by ${pairs.length} SAs`);
    });
  }
});
