/**
 * A peer that has the keys and sends as much as it can: whatever it is, what this end holds for it stays below the limits, and is gone with
 * the IKE SA. What strangers can flood is in `attacks_test.ts`.
 */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { EXCHANGE, NOTIFY, notifyPayload, type Payload, PROTOCOL } from "../../lib/ike/codec/mod.ts";
import type { IkeCounters } from "../../lib/ike/mod.ts";
import { runtimeCrypto } from "../../lib/runtime/mod.ts";
import { assertNothingLeft, established } from "./_established.ts";
import { Forger, type Forgery } from "./_forger.ts";
import { childOffer, deleteChildren, ikeOffer, keyExchange, nonce, rekeySa, traffic } from "./_payloads.ts";

const CREATE = EXCHANGE.createChildSa!;
const INFORMATIONAL = EXCHANGE.informational!;
const crypto = runtimeCrypto();
const COUNT = 300;
/** Small limits, so that a flood is one soon. */
const LIMITS = { max_children: 20, max_replaced_ike_sas: 2, max_queued_tasks: 4 };
/** Child SAs, and again those that were replaced; each has two timers, one that packets come late on has one, and the IKE SA has six. */
const MOST: Partial<IkeCounters> = {
  ikeSas: 1,
  childSpis: 2 * LIMITS.max_children,
  lateSpis: LIMITS.max_children,
  paths: 1,
  timers: 5 * LIMITS.max_children + 6,
  leases: 0,
  needs: 0,
};

type Flood = Pick<Forgery, "exchangeType" | "payloads">;

const octets = (spi: number) => Uint8Array.of(spi >>> 24, spi >>> 16, spi >>> 8, spi);

/** The `i`th request of each flood. */
const FLOODS: Readonly<Record<string, (i: number) => Flood>> = {
  "new child SAs": (i) => ({
    exchangeType: CREATE,
    payloads: [childOffer(1000 + i), nonce(i & 255), ...traffic("a")],
  }),
  "child SAs that come and go": (i) => ({
    exchangeType: i % 2 === 0 ? CREATE : INFORMATIONAL,
    payloads: i % 2 === 0
      ? [childOffer(1000 + i), nonce(i & 255), ...traffic("a")]
      : [deleteChildren(octets(999 + i))],
  }),
  "child SAs that are replaced again and again, and of which few are deleted": (i) => ({
    exchangeType: i % 3 === 2 ? INFORMATIONAL : CREATE,
    payloads: i === 0
      ? [childOffer(1000), nonce(), ...traffic("a")]
      : i % 3 === 2
      ? [deleteChildren(octets(1000 + i - 2))]
      : [
        rekeySa(octets(i % 3 === 1 ? 1000 + i - 1 : 1000 + i - 2)),
        childOffer(1000 + i),
        nonce(i & 255),
        ...traffic("a"),
      ],
  }),
  "rekeys of child SAs that are none": (i) => ({
    exchangeType: CREATE,
    payloads: [rekeySa(octets(5000 + i)), childOffer(1000 + i), nonce(i & 255), ...traffic("a")],
  }),
  "deletions of child SAs that are none": (i) => ({
    exchangeType: INFORMATIONAL,
    payloads: [deleteChildren(...Array.from({ length: 256 }, (_, j) => octets(5000 + 256 * i + j)))],
  }),
  "offers of 64 proposals of which none can be chosen": (i) => ({
    exchangeType: CREATE,
    payloads: [manyProposals(i % 2 === 0 ? PROTOCOL.esp! : PROTOCOL.ike!), nonce(i & 255), ...traffic("a")],
  }),
  "rekeys of the IKE SA with a group that nobody wants": (i) => ({
    exchangeType: CREATE,
    payloads: [ikeOffer(new Uint8Array(8).fill(1 + i & 255), 1025), nonce(i & 255), keyExchange(1025)],
  }),
  "notifies that nobody knows": (i) => ({
    exchangeType: INFORMATIONAL,
    payloads: Array.from({ length: 100 }, (_, j) => notifyPayload(40_960 + 100 * i % 20_000 + j, octets(i))),
  }),
  "INVALID_SPI": (i) => ({
    exchangeType: INFORMATIONAL,
    payloads: [notifyPayload(NOTIFY.invalidSpi, octets(5000 + i))],
  }),
  "windows of all sizes": (i) => ({
    exchangeType: INFORMATIONAL,
    payloads: [notifyPayload(NOTIFY.setWindowSize, octets(i % 2 === 0 ? 0xffffffff : i))],
  }),
  "requests for an address": () => ({
    exchangeType: INFORMATIONAL,
    payloads: [{ kind: "CP", type: 1, attributes: [{ type: 1, value: new Uint8Array(0) }] }],
  }),
};

function manyProposals(protocol: number): Payload {
  const spi = new Uint8Array(protocol === PROTOCOL.ike ? 8 : 4).fill(7);
  const transforms = [128, 192, 256].map((keyLength) => ({ type: 1, id: 3, keyLength }));
  return {
    kind: "SA",
    proposals: Array.from({ length: 64 }, (_, i) => ({ number: 1 + i, protocol, spi, transforms })),
  };
}

describe("A peer with keys that floods", () => {
  for (const [name, make] of Object.entries(FLOODS)) {
    it(`${name}: holds nothing beyond the limits, and nothing in the end`, () => {
      const pair = established({ crypto, b: { limits: LIMITS } });
      const forger = new Forger(pair, "a");
      for (let i = 0; i < COUNT; i++) {
        forger.send(forger.seal({ ...make(i), messageId: 2 + i }));
        pair.inFlight.length = 0;
        const { counters } = pair.b.engine;
        for (const [what, most] of Object.entries(MOST)) {
          const held = counters[what as keyof IkeCounters];
          assert.ok(held <= most, `after ${i} messages: ${held} ${what}\n${pair.b.story().slice(-2000)}`);
        }
      }
      assert.equal(pair.b.of("message").length, 2 * COUNT, "not all was answered");
      pair.handle(pair.b, { kind: "delete_ike", ikeSa: 1 });
      pair.network = () => null;
      pair.advance(2_000_000);
      assertNothingLeft(pair.b);
    });
  }
});
