import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { EXCHANGE, notifyPayload } from "../../../lib/ike/codec/mod.ts";
import { Forger } from "../_forger.ts";
import { Pair, type PairOptions } from "../_pair.ts";

const SKF = 53;

/** So many selectors that IKE_AUTH does not fit a packet of 576 octets. */
function large(reliable: boolean, options: PairOptions = {}): Pair {
  const list = (net: number) => Array.from({ length: 30 }, (_, i) => `10.${net}.${i}.0/24`);
  const child = { esp_proposals: "aes128gcm16" };
  return new Pair({
    reliable,
    connectionA: {
      children: { net: { ...child, local_ts: list(1), remote_ts: list(2) } },
      ...options.connectionA,
    },
    connectionB: {
      children: { net: { ...child, local_ts: list(2), remote_ts: list(1) } },
      ...options.connectionB,
    },
    a: { limits: { max_fragment_size: 576 } },
    b: { limits: { max_fragment_size: 576 } },
  });
}

function fragmentsOf(pair: Pair, end: "a" | "b"): number {
  return pair[end].sent.filter(({ octets }) => octets[16] === SKF).length;
}

describe("IKE fragmentation (RFC 7383)", () => {
  it("cuts what does not fit a packet on UDP", () => {
    const pair = large(false);
    pair.connect();
    assert.ok(fragmentsOf(pair, "a") >= 3);
    assert.ok(fragmentsOf(pair, "b") >= 3);
    for (const { octets } of [...pair.a.sent, ...pair.b.sent]) assert.ok(octets.length <= 576 - 20 - 12);
    assert.equal(pair.a.lines()[2], "IKE_AUTH { IDi, N(INITIAL_CONTACT), IDr, AUTH, SA, TSi, TSr } -->");
    pair.assertSameChild();
  });

  it("is one message in the log, as long as all its fragments are", () => {
    const pair = large(false);
    pair.connect();
    const sizes = ({ sent }: Pair["a"]) =>
      sent.filter(({ octets }) => octets[16] === SKF).reduce((sum, { octets }) => sum + octets.length, 0);
    const logged = (end: Pair["a"], direction: string) =>
      end.of("message").filter((event) => event.direction === direction && event.line.includes("IKE_AUTH"))
        .map(({ length }) => length);
    for (const [from, to] of [[pair.a, pair.b], [pair.b, pair.a]] as const) {
      assert.deepEqual(logged(from, "sent"), [sizes(from)]);
      assert.deepEqual(logged(to, "received"), [sizes(from)]);
    }
  });

  it("is not done on a stream, though it is negotiated there (R-FRG-2, R-FRG-4)", () => {
    const pair = large(true);
    pair.connect();
    assert.match(pair.a.lines()[0]!, /IKEV2_FRAGMENTATION_SUPPORTED/);
    assert.equal(fragmentsOf(pair, "a") + fragmentsOf(pair, "b"), 0);
    pair.assertSameChild();
  });

  it("is not done where one end does not offer it (R-FRG-1)", () => {
    for (
      const options of [{ connectionA: { fragmentation: "no" } }, {
        connectionB: { fragmentation: "no" },
      }] as const
    ) {
      const pair = large(false, options);
      pair.connect();
      assert.equal(fragmentsOf(pair, "a") + fragmentsOf(pair, "b"), 0);
      pair.assertSameChild();
    }
  });

  it("is taken in any order, with fragments that come twice, and from a stream (R-FRG-3)", () => {
    for (const reliable of [false, true]) {
      const pair = new Pair({ reliable });
      pair.connect();
      const forger = new Forger(pair, "a");
      const payloads = [notifyPayload(40_960, new Uint8Array(900))];
      const fragments = forger.fragments(
        { exchangeType: EXCHANGE.informational, messageId: 2, payloads },
        400,
      );
      assert.equal(fragments.length, 3);
      pair.b.forget();
      for (const i of [2, 0, 2, 1]) forger.send(fragments[i]!);
      assert.deepEqual(pair.b.lines(), ["<-- INFORMATIONAL { N(40960) }", "INFORMATIONAL { } -->"]);
      assert.deepEqual(pair.b.of("message_dropped").map(({ reason }) => reason), ["fragment"]);
    }
  });

  it("is answered again when the first fragment comes again, and by no other (RFC 7383, section 2.6.1)", () => {
    const pair = large(false);
    pair.connect();
    const fragments = pair.a.sent.filter(({ octets }) => octets[16] === SKF).map(({ octets }) => octets);
    const answers = pair.b.sent.filter(({ octets }) => octets[16] === SKF).length;
    pair.b.forget();
    for (const octets of fragments) {
      pair.handle(pair.b, { kind: "message", path: pair.pathB, octets: octets.slice() });
    }
    assert.equal(pair.b.sent.length, answers);
  });

  it("repeats every fragment when one was lost", () => {
    const pair = large(false);
    let lost = false;
    pair.network = ({ octets }) => {
      if (octets[16] !== SKF || octets[33] !== 2 || lost) return octets;
      lost = true;
      return null;
    };
    pair.connect();
    assert.equal(pair.a.of("ike_sa_established").length, 0);
    pair.advance(4_000);
    pair.assertSameChild();
  });

  it("that never becomes whole is given up", () => {
    const pair = new Pair();
    pair.connect();
    const forger = new Forger(pair, "a");
    const payloads = [notifyPayload(40_960, new Uint8Array(900))];
    const fragments = forger.fragments({ exchangeType: EXCHANGE.informational, messageId: 2, payloads }, 400);
    forger.send(fragments[0]!);
    pair.advance(30_000);
    forger.send(fragments[1]!);
    forger.send(fragments[2]!);
    assert.equal(pair.b.talk().at(-1), "IKE_AUTH { IDr, AUTH, SA, TSi, TSr } -->");
  });
});
