/**
 * Each message of IKEv2 in each state of an IKE SA, from somebody without its keys: in the clear, sealed under another key, and as a
 * fragment. Nothing may come of it but drops, and everything goes on afterwards. States are those of `lib/ike/state.ts`, with what may be
 * under way in them. A peer that has the keys is in `simulator/every_message_test.ts`.
 */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { EXCHANGE, NOTIFY, notifyPayload, type Payload } from "../../lib/ike/codec/mod.ts";
import { runtimeCrypto } from "../../lib/runtime/mod.ts";
import { hold } from "./_established.ts";
import { Forger } from "./_forger.ts";
import { type End, Pair } from "./_pair.ts";
import {
  childOffer,
  DELETE_IKE,
  deleteChildren,
  IKE_SPI,
  ikeOffer,
  keyExchange,
  nonce,
  rekeySa,
  traffic,
} from "./_payloads.ts";

const crypto = runtimeCrypto();

/** A state, with what was under way kept off the wire. */
interface Situation {
  readonly pair: Pair;
  /** Whose state it is. */
  readonly end: End;
  /** The Message ID of the peer's next request. */
  readonly request: number;
  /** The Message ID of the request that the end waits for an answer to. */
  readonly response: number;
  /** Lets everything go on that was kept back. */
  resume(): void;
}

function connecting(lost: (octets: Uint8Array, from: "a" | "b") => boolean): Pair {
  const pair = new Pair({ crypto });
  pair.network = ({ octets, from }) => lost(octets, from) ? null : octets;
  pair.connect();
  return pair;
}

/** What was lost is sent again by itself. */
function retransmitting(pair: Pair): () => void {
  return () => {
    pair.network = ({ octets }) => octets;
    pair.advance(4_000);
  };
}

function established(): Pair {
  const pair = new Pair({ crypto });
  pair.connect();
  return pair;
}

/** What one end wants is asked for, and does not arrive for now. */
function asking(name: "a" | "b", ...wish: Parameters<Pair["handle"]>[1][]): Situation {
  const pair = established();
  const end = pair[name];
  for (const one of wish) pair.handle(end, one);
  const held = hold(pair, end);
  const [request, response] = name === "a" ? [0, 2] : [2, 0];
  return {
    pair,
    end,
    request,
    response,
    resume: () => {
      pair.inFlight.push(...held);
      pair.settle();
    },
  };
}

/** `a` has replaced the IKE SA, and its D of the old one does not arrive for now. */
function replaced(name: "a" | "b"): Situation {
  const pair = established();
  pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
  pair.deliver();
  pair.deliver();
  const held = hold(pair, pair.a);
  const [request, response] = name === "a" ? [0, 3] : [3, 0];
  return {
    pair,
    end: pair[name],
    request,
    response,
    resume: () => {
      pair.inFlight.push(...held);
      pair.settle();
    },
  };
}

const STATES: Readonly<Record<string, () => Situation>> = {
  "connecting, IKE_SA_INIT unanswered": () => {
    const pair = connecting((octets, from) => from === "b" && octets[18] === EXCHANGE.ikeSaInit);
    return { pair, end: pair.a, request: 0, response: 0, resume: retransmitting(pair) };
  },
  "connecting, IKE_AUTH unanswered": () => {
    const pair = connecting((octets) => octets[18] === EXCHANGE.ikeAuth);
    return { pair, end: pair.a, request: 0, response: 1, resume: retransmitting(pair) };
  },
  "connecting, half open": () => {
    const pair = connecting((octets) => octets[18] === EXCHANGE.ikeAuth);
    return { pair, end: pair.b, request: 1, response: 0, resume: retransmitting(pair) };
  },
  "established, as initiator": () => asking("a", { kind: "check_liveness", ikeSa: 1 }),
  "established, as responder": () => asking("b", { kind: "check_liveness", ikeSa: 1 }),
  "established, and a child SA is made": () =>
    asking("a", { kind: "initiate_child", ikeSa: 1, child: "net" }),
  "established, and a child SA is rekeyed": () => asking("a", { kind: "rekey_child", ikeSa: 1, child: 1 }),
  "established, and a child SA is deleted": () => asking("b", { kind: "delete_child", ikeSa: 1, child: 1 }),
  "established, and the IKE SA is rekeyed": () => asking("b", { kind: "rekey_ike", ikeSa: 1 }),
  "rekeyed": () => replaced("b"),
  "deleting, as what was replaced": () => replaced("a"),
  "deleting, as initiator": () => asking("a", { kind: "delete_ike", ikeSa: 1 }),
  "deleting, as responder": () => asking("b", { kind: "delete_ike", ikeSa: 1 }),
  "closed": () => {
    const pair = established();
    pair.handle(pair.a, { kind: "delete_ike", ikeSa: 1 });
    pair.settle();
    return { pair, end: pair.b, request: 3, response: 0, resume: () => {} };
  },
};

const ID: Payload = {
  kind: "IDi",
  type: 3,
  data: new TextEncoder().encode("a@example"),
  body: new Uint8Array(0),
};
const AUTH: Payload = { kind: "AUTH", method: 2, data: new Uint8Array(32) };
const EAP: Payload = { kind: "EAP", data: Uint8Array.of(3, 1, 0, 4) };

/** An SPI that the peer of an end receives on; of nobody where there is no child SA. */
function spiOfPeer(end: End): Uint8Array {
  const octets = new Uint8Array(4);
  const spi = end.of("child_sa_installed")[0]?.childSa.outbound.spi ?? 0x01020304;
  new DataView(octets.buffer).setUint32(0, spi);
  return octets;
}

/** Every message of RFC 7296, and some that are none. */
function messages(end: End): readonly (readonly [exchangeType: number, payloads: readonly Payload[]])[] {
  const from = end.name === "a" ? "b" : "a";
  const spi = spiOfPeer(end);
  const { ikeSaInit, ikeAuth, createChildSa, informational } = EXCHANGE;
  return [
    [ikeSaInit!, [ikeOffer(), keyExchange(), nonce()]],
    [ikeSaInit!, [notifyPayload(NOTIFY.cookie, new Uint8Array(16))]],
    [ikeAuth!, [ID, AUTH, childOffer(1), ...traffic(from)]],
    [ikeAuth!, [{ ...ID, kind: "IDr" } as Payload, AUTH, childOffer(1), ...traffic(from)]],
    [ikeAuth!, [EAP]],
    [ikeAuth!, [AUTH]],
    [ikeAuth!, [notifyPayload(NOTIFY.authenticationFailed)]],
    [createChildSa!, [childOffer(1), nonce(), ...traffic(from)]],
    [createChildSa!, [rekeySa(spi), childOffer(1), nonce(), ...traffic(from)]],
    [createChildSa!, [ikeOffer(IKE_SPI), nonce(), keyExchange()]],
    [createChildSa!, [notifyPayload(NOTIFY.temporaryFailure)]],
    [createChildSa!, [notifyPayload(NOTIFY.childSaNotFound, undefined, { protocol: 3, spi })]],
    [createChildSa!, []],
    [informational!, []],
    [informational!, [DELETE_IKE]],
    [informational!, [deleteChildren(spi)]],
    [informational!, [notifyPayload(NOTIFY.authenticationFailed)]],
    [informational!, [notifyPayload(NOTIFY.invalidSyntax)]],
    [43, [keyExchange()]], // IKE_INTERMEDIATE, which was not agreed on
    [99, []],
  ];
}

/** Message IDs: the one that is right, the ones beside it, the last one. */
const ids = (right: number) => [right, right + 1, Math.max(0, right - 1), 0xffffffff];

/** What tells of a change; lines about messages, drops and signs of life do not. */
function changes(end: End): string[] {
  return end.events.map(({ type }) => type).filter((type) =>
    type !== "message" && type !== "message_dropped"
  );
}

for (const [state, make] of Object.entries(STATES)) {
  describe(`An IKE SA that is ${state}`, () => {
    const isInit = state.includes("IKE_SA_INIT");

    it("is changed by no message in the clear, nor by one under another key", () => {
      const { pair, end, request, response, resume } = make();
      const forger = new Forger(pair, end.name === "a" ? "b" : "a");
      const before = end.engine.counters;
      const told = changes(end).length;
      for (const [exchangeType, payloads] of messages(end)) {
        for (const isResponse of [false, true]) {
          // An answer to IKE_SA_INIT is never authentic: it counts until IKE_AUTH has covered it.
          if (isInit && exchangeType === EXCHANGE.ikeSaInit && isResponse) continue;
          for (const messageId of ids(isResponse ? response : request)) {
            const forgery = { exchangeType, messageId, payloads, response: isResponse };
            forger.send(forger.plain(forgery));
            const sealed = forger.seal(forgery);
            sealed[sealed.length - 1]! ^= 1;
            forger.send(sealed);
            const [first] = forger.fragments({ ...forgery, payloads: [nonce(1, 256), nonce(2, 256)] }, 300);
            first![first!.length - 1]! ^= 1;
            forger.send(first!);
            pair.inFlight.length = 0; // complaints are for nobody
          }
        }
      }
      assert.deepEqual(end.engine.counters, before);
      assert.equal(changes(end).length, told, end.story());
      resume();
      assert.equal(end.of("ike_sa_failed").length, 0, end.story());
      assert.equal(end.of("ike_sa_established").length >= 1, true, end.story());
      const last = end.of("ike_sa_established").at(-1)!.ikeSa;
      pair.handle(end, { kind: "delete_ike", ikeSa: last });
      pair.settle();
      pair.assertClean();
    });
  });
}
