import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { EXCHANGE, IKE_FLAGS } from "../../lib/ike/codec/mod.ts";
import { nonces } from "./_established.ts";
import { type Flight, Pair } from "./_pair.ts";
import { type Inside, Rewriter } from "./_rewriter.ts";

/** No payload has that type, and it says that it must be understood. */
const UNREADABLE: Inside = { nextPayload: 200, content: Uint8Array.of(0, 0x80, 0, 4) };
/** Longer than what there is. */
const CUT_OFF: Inside = { nextPayload: 40, content: Uint8Array.of(0, 0, 0, 99) };
/** A payload that no response of the exchange may have. */
const OUT_OF_PLACE: Inside = { nextPayload: 47, content: Uint8Array.of(0, 0, 0, 5, 1) };

const isResponse = ({ octets }: Flight) => (octets[19]! & IKE_FLAGS.response) !== 0;

/** A pair whose children have a key exchange of their own. */
function pairWithKe(reliable = false): Pair {
  const pfs = (local_ts: string, remote_ts: string) => ({
    children: { net: { esp_proposals: "aes128gcm16-x25519", local_ts, remote_ts } },
  });
  return new Pair({
    reliable,
    connectionA: pfs("10.1.0.0/16", "10.2.0.0/16"),
    connectionB: pfs("10.2.0.0/16", "10.1.0.0/16"),
  });
}

/** From now on, responses of an exchange that `b` gives are as a test wants them; those after them as they are. */
function spoil(pair: Pair, exchangeType: number, ...insides: Inside[]): void {
  const rewriter = new Rewriter(pair);
  pair.network = (flight) => {
    const { from, octets } = flight;
    if (from !== "b" || octets[18] !== exchangeType || !isResponse(flight)) return octets;
    const inside = insides.shift();
    return inside === undefined ? octets : rewriter.rewrite(octets, () => inside);
  };
}

describe("A response that cannot be read (RFC 7296, section 2.21)", () => {
  const faults = { UNREADABLE, CUT_OFF, OUT_OF_PLACE };
  for (const [name, inside] of Object.entries(faults)) {
    it(`to CREATE_CHILD_SA gives back SPI and key exchange at once, then the SA goes (${name})`, () => {
      const pair = pairWithKe();
      pair.connect();
      pair.a.forget();
      spoil(pair, EXCHANGE.createChildSa, inside);
      pair.handle(pair.a, { kind: "initiate_child", ikeSa: 1, child: "net" });
      assert.equal(pair.a.engine.counters.childSpis, 2);
      pair.deliver(); // the request
      pair.deliver(); // the response that nobody can read
      assert.equal(pair.a.lines().at(-1), "INFORMATIONAL { D } -->");
      assert.equal(pair.a.engine.counters.childSpis, 1);
      pair.settle();
      assert.equal(pair.a.one("ike_sa_deleted").reason, "invalid_syntax");
      pair.assertClean();
    });

    it(`to D is an acknowledgment all the same (${name})`, () => {
      const pair = new Pair();
      pair.connect();
      spoil(pair, EXCHANGE.informational, inside);
      pair.handle(pair.a, { kind: "delete_ike", ikeSa: 1 });
      pair.settle();
      assert.equal(pair.a.one("ike_sa_deleted").by, "local");
      pair.assertClean();
    });
  }

  it("to CREATE_CHILD_SA and to the D that follows ends the SA all the same", () => {
    for (const wish of ["initiate_child", "rekey_child", "rekey_ike"] as const) {
      const pair = pairWithKe();
      pair.connect();
      const child = pair.a.lastChild().childSa.child;
      const rewriter = new Rewriter(pair);
      pair.network = (flight) =>
        flight.from === "b" && isResponse(flight)
          ? rewriter.rewrite(flight.octets, () => CUT_OFF)
          : flight.octets;
      if (wish === "initiate_child") pair.handle(pair.a, { kind: wish, ikeSa: 1, child: "net" });
      else if (wish === "rekey_child") pair.handle(pair.a, { kind: wish, ikeSa: 1, child });
      else pair.handle(pair.a, { kind: wish, ikeSa: 1 });
      pair.settle();
      assert.equal(pair.a.one("ike_sa_deleted").reason, "invalid_syntax");
      pair.network = ({ octets }) => octets;
      pair.handle(pair.b, { kind: "delete_ike", ikeSa: 2 }); // where the rekey made another
      pair.advance(200_000);
      pair.assertClean();
    }
  });

  it("to a rekey of the IKE SA leaves the peer's rekey that crossed it alone: that SA carries on", () => {
    // The exchange of `a` has the lowest nonce, so that `b` deletes what that has made, and not its own.
    const pair = new Pair({ a: nonces(0, 1), b: nonces(128, 2) });
    pair.connect();
    pair.a.forget();
    spoil(pair, EXCHANGE.createChildSa, CUT_OFF);
    pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
    pair.handle(pair.b, { kind: "rekey_ike", ikeSa: 1 });
    pair.settle();
    pair.advance(400_000); // what `b` has made for our rekey is deleted by it, and nobody answers that
    const { from, to } = pair.a.one("child_sas_moved");
    assert.equal(from, 1);
    assert.equal(pair.a.of("ike_sa_deleted").filter(({ ikeSa }) => ikeSa === to).length, 0);
    assert.equal(pair.b.engine.counters.ikeSas, 1);
    pair.handle(pair.a, { kind: "delete_ike", ikeSa: to });
    pair.advance(300_000);
    pair.assertClean();
  });
});

/** What a peer that has the keys does to the inside of a response. */
const changes = fc.oneof(
  fc.record({ kind: fc.constant("flip" as const), at: fc.nat(), bits: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constant("cut" as const), at: fc.nat() }),
  fc.record({ kind: fc.constant("insert" as const), at: fc.nat(), octets: fc.uint8Array({ maxLength: 12 }) }),
  fc.record({ kind: fc.constant("first" as const), type: fc.integer({ min: 0, max: 255 }) }),
  fc.constant({ kind: "none" as const }),
);

function apply(change: typeof changes extends fc.Arbitrary<infer T> ? T : never, inside: Inside): Inside {
  const { nextPayload, content } = inside;
  const at = "at" in change ? change.at % (content.length + 1) : 0;
  switch (change.kind) {
    case "flip": {
      const flipped = content.slice();
      if (at < flipped.length) flipped[at]! ^= change.bits;
      return { nextPayload, content: flipped };
    }
    case "cut":
      return { nextPayload, content: content.slice(0, at) };
    case "insert":
      return {
        nextPayload,
        content: Uint8Array.of(...content.subarray(0, at), ...change.octets, ...content.subarray(at)),
      };
    case "first":
      return { nextPayload: change.type, content };
    default:
      return inside;
  }
}

describe("Responses that a peer with keys has changed", () => {
  const wishes = ["initiate_child", "rekey_child", "rekey_ike", "check_liveness", "delete_child"] as const;
  it("leave nothing behind, whatever is in them", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...wishes), { minLength: 1, maxLength: 3 }),
        fc.array(changes, { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        (wanted, spoiled, reliable) => {
          const pair = pairWithKe(reliable);
          const rewriter = new Rewriter(pair);
          pair.connect();
          const queue = [...spoiled];
          pair.network = (flight) => {
            if (flight.from !== "b" || !isResponse(flight)) return flight.octets;
            const change = queue.shift();
            return change === undefined
              ? flight.octets
              : rewriter.rewrite(flight.octets, (inside) => apply(change, inside));
          };
          const { child } = pair.a.lastChild().childSa;
          for (const kind of wanted) {
            if (kind === "initiate_child") pair.handle(pair.a, { kind, ikeSa: 1, child: "net" });
            else if (kind === "rekey_child" || kind === "delete_child") {
              pair.handle(pair.a, { kind, ikeSa: 1, child });
            } else pair.handle(pair.a, { kind, ikeSa: 1 });
          }
          pair.settle();
          // Whatever is still there goes by the D of `a`, whose answer may be spoilt as well.
          for (const end of [pair.a, pair.b]) {
            for (const { ikeSa } of end.of("ike_sa_established")) {
              pair.handle(end, { kind: "delete_ike", ikeSa });
            }
            pair.settle();
          }
          pair.advance(400_000);
          pair.assertClean();
        },
      ),
      { numRuns: 40 },
    );
  });
});
