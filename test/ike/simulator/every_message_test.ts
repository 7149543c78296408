/**
 * A peer with keys sends each message that the protocol knows, as a request and as a response, to each end in each state. Whatever it
 * is, the engine must neither throw nor answer twice, what is told must be a story that can be (`_ledger.ts`), and once
 * nobody answers any more nothing may be left.
 */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { parseIdentity } from "../../../lib/ike/auth/mod.ts";
import { NOTIFY, parseIkeHeader, type Payload } from "../../../lib/ike/codec/mod.ts";
import type { IkeSaState } from "../../../lib/ike/state.ts";
import { runtimeCrypto } from "../../../lib/runtime/mod.ts";
import { Forger } from "../_forger.ts";
import { type End, Pair, sharedSecret } from "../_pair.ts";
import { Ledger } from "./_ledger.ts";

const crypto = runtimeCrypto();
const RESPONSE = 0x20;
const NO_OCTETS = new Uint8Array(0);
const [IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL] = [34, 35, 36, 37];

/** Something that was told to the network and not delivered keeps an engine in the middle of an exchange. */
function hold(pair: Pair, input: Parameters<Pair["handle"]>[1]): void {
  pair.handle(pair.a, input);
  pair.inFlight.length = 0;
}

function established(): Pair {
  const pair = new Pair({ crypto });
  pair.connect();
  return pair;
}

/** Each state, by how `a` and `b` come to it: both are sent every message. */
const STATES: Readonly<Record<string, () => Pair>> = {
  "before IKE_AUTH": () => {
    const pair = new Pair({ crypto });
    pair.handle(pair.a, { kind: "initiate", connection: "ab", path: pair.pathA });
    pair.deliver();
    pair.deliver();
    pair.inFlight.length = 0;
    return pair;
  },
  "in the middle of EAP": () => {
    const credentials = sharedSecret();
    credentials.addEapUser({ identity: parseIdentity("carol"), password: "a password" });
    const pair = new Pair({
      crypto,
      connectionA: { local: { auth: "eap-md5", id: "a@example", eap_id: "carol" } },
      connectionB: { remote: { auth: "eap-md5", id: "a@example", eap_id: "%any" } },
      a: { credentials },
      b: { credentials },
    });
    pair.handle(pair.a, { kind: "initiate", connection: "ab", path: pair.pathA });
    for (let i = 0; i < 5; i++) pair.deliver();
    pair.inFlight.length = 0;
    return pair;
  },
  "established": established,
  "with a liveness check under way": () => {
    const pair = established();
    hold(pair, { kind: "check_liveness", ikeSa: 1 });
    return pair;
  },
  "with another child SA under way": () => {
    const pair = established();
    hold(pair, { kind: "initiate_child", ikeSa: 1, child: "net" });
    return pair;
  },
  "with a rekey of the child SA under way": () => {
    const pair = established();
    hold(pair, { kind: "rekey_child", ikeSa: 1, child: pair.a.lastChild().childSa.child });
    return pair;
  },
  "with a rekey of the IKE SA under way": () => {
    const pair = established();
    hold(pair, { kind: "rekey_ike", ikeSa: 1 });
    return pair;
  },
  "rekeyed by `a`, and not deleted yet": () => {
    const pair = established();
    pair.handle(pair.a, { kind: "rekey_ike", ikeSa: 1 });
    pair.deliver();
    pair.deliver();
    pair.inFlight.length = 0;
    return pair;
  },
  "with rekeys of the IKE SA by both under way, that of `b` answered": () => {
    const pair = established();
    for (const end of [pair.a, pair.b]) pair.handle(end, { kind: "rekey_ike", ikeSa: 1 });
    pair.inFlight.shift(); // that of `a`
    pair.deliver();
    pair.inFlight.length = 0;
    return pair;
  },
  "with rekeys of the child SA by both under way, that of `b` answered": () => {
    const pair = established();
    for (const end of [pair.a, pair.b]) {
      pair.handle(end, { kind: "rekey_child", ikeSa: 1, child: end.lastChild().childSa.child });
    }
    pair.inFlight.shift();
    pair.deliver();
    pair.inFlight.length = 0;
    return pair;
  },
  "with a child SA that `a` has replaced, and not deleted yet": () => {
    const pair = established();
    pair.handle(pair.a, { kind: "rekey_child", ikeSa: 1, child: pair.a.lastChild().childSa.child });
    pair.deliver();
    pair.deliver();
    pair.inFlight.length = 0;
    return pair;
  },
  "with another IKE SA in IKE_AUTH that is to take its place": () => {
    const pair = established();
    pair.handle(pair.a, { kind: "reauthenticate", ikeSa: 1 });
    pair.deliver();
    pair.deliver();
    pair.inFlight.length = 0;
    return pair;
  },
  "with another IKE SA established that is to take its place": () => {
    const pair = established();
    pair.handle(pair.a, { kind: "initiate_child", ikeSa: 1, child: "net" });
    pair.settle();
    pair.handle(pair.a, { kind: "reauthenticate", ikeSa: 1 });
    for (let i = 0; i < 4; i++) pair.deliver();
    pair.inFlight.length = 0; // of the second child SA
    return pair;
  },
  "with the child SA being deleted": () => {
    const pair = established();
    hold(pair, { kind: "delete_child", ikeSa: 1, child: pair.a.lastChild().childSa.child });
    return pair;
  },
  "being deleted": () => {
    const pair = established();
    hold(pair, { kind: "delete_ike", ikeSa: 1 });
    return pair;
  },
  "closed": () => {
    const pair = established();
    pair.handle(pair.a, { kind: "delete_ike", ikeSa: 1 });
    pair.settle();
    return pair;
  },
};

type Message = readonly [exchangeType: number, payloads: (spi: Uint8Array) => readonly Payload[]];

const transforms = (...list: readonly (readonly [number, number, number?])[]) =>
  list.map(([type, id, keyLength]) => keyLength === undefined ? { type, id } : { type, id, keyLength });
const ESP: Payload = {
  kind: "SA",
  proposals: [{
    number: 1,
    protocol: 3,
    spi: Uint8Array.of(1, 2, 3, 4),
    transforms: transforms([1, 20, 128], [5, 0]),
  }],
};
const IKE: Payload = {
  kind: "SA",
  proposals: [{
    number: 1,
    protocol: 1,
    spi: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    transforms: transforms([1, 20, 128], [2, 5], [4, 31]),
  }],
};
const NONCE: Payload = { kind: "Nonce", data: new Uint8Array(32).fill(7) };
const KE: Payload = { kind: "KE", group: 31, data: new Uint8Array(32).fill(9) };
const selectors = (...address: number[]) => [{
  type: 7 as const,
  protocol: 0,
  startPort: 0,
  endPort: 0xffff,
  startAddress: Uint8Array.from(address),
  endAddress: Uint8Array.from([address[0]!, address[1]!, 255, 255]),
}];
const TS: Payload[] = [
  { kind: "TSi", selectors: selectors(10, 1, 0, 0) },
  { kind: "TSr", selectors: selectors(10, 2, 0, 0) },
];
const notify = (type: number, protocol = 0, spi: Uint8Array = NO_OCTETS): Payload => ({
  kind: "N",
  type,
  protocol,
  spi,
  data: NO_OCTETS,
});

/** Messages as RFC 7296 has them, each with what it may be about: the SPI of the child SA that there is. */
const MESSAGES: Readonly<Record<string, Message>> = {
  "IKE_SA_INIT { SA, KE, Nonce }": [IKE_SA_INIT, () => [IKE, KE, NONCE]],
  "IKE_AUTH { AUTH }": [IKE_AUTH, () => [{ kind: "AUTH", method: 2, data: new Uint8Array(32) }]],
  "IKE_AUTH { ID, AUTH, SA, TSi, TSr }": [IKE_AUTH, () => [
    { kind: "IDi", type: 2, data: new TextEncoder().encode("a@example"), body: NO_OCTETS },
    { kind: "AUTH", method: 2, data: new Uint8Array(32) },
    ESP,
    ...TS,
  ]],
  "IKE_AUTH { EAP }": [IKE_AUTH, () => [{ kind: "EAP", data: Uint8Array.of(3, 1, 0, 4) }]],
  "CREATE_CHILD_SA { SA, Nonce, TSi, TSr }": [CREATE_CHILD_SA, () => [ESP, NONCE, ...TS]],
  "CREATE_CHILD_SA { N(REKEY_SA), SA, Nonce, TSi, TSr }": [
    CREATE_CHILD_SA,
    (spi) => [notify(16393, 3, spi), ESP, NONCE, ...TS],
  ],
  "CREATE_CHILD_SA { SA, Nonce, KE }": [CREATE_CHILD_SA, () => [IKE, NONCE, KE]],
  "CREATE_CHILD_SA { N(TEMPORARY_FAILURE) }": [CREATE_CHILD_SA, () => [notify(43)]],
  "CREATE_CHILD_SA { N(CHILD_SA_NOT_FOUND) }": [CREATE_CHILD_SA, (spi) => [notify(44, 3, spi)]],
  "CREATE_CHILD_SA { N(NO_PROPOSAL_CHOSEN) }": [CREATE_CHILD_SA, () => [notify(14)]],
  "INFORMATIONAL { }": [INFORMATIONAL, () => []],
  "INFORMATIONAL { D of the child SA }": [INFORMATIONAL, (spi) => [{ kind: "D", protocol: 3, spis: [spi] }]],
  "INFORMATIONAL { D of the IKE SA }": [INFORMATIONAL, () => [{ kind: "D", protocol: 1, spis: [] }]],
  "INFORMATIONAL { N(AUTHENTICATION_FAILED) }": [INFORMATIONAL, () => [notify(24)]],
  "INFORMATIONAL { N(INVALID_SYNTAX) }": [INFORMATIONAL, () => [notify(7)]],
  "INFORMATIONAL { N(INVALID_SPI) }": [INFORMATIONAL, (spi) => [{ ...notify(11), data: spi }]],
  "INFORMATIONAL { N(SET_WINDOW_SIZE) }": [
    INFORMATIONAL,
    () => [{ ...notify(NOTIFY.setWindowSize!), data: Uint8Array.of(0, 0, 0, 9) }],
  ],
  "INFORMATIONAL { N(AUTH_LIFETIME) }": [
    INFORMATIONAL,
    () => [{ ...notify(NOTIFY.authLifetime!), data: new Uint8Array(4) }],
  ],
  "INFORMATIONAL { CP }": [INFORMATIONAL, () => [{
    kind: "CP",
    type: 1,
    attributes: [{ type: 1, value: NO_OCTETS }],
  }]],
};

/** The next Message ID of an end's requests on an IKE SA. */
function nextRequest(end: End, spiI: Uint8Array): number {
  const ids = end.sent.map(({ octets }) => parseIkeHeader(octets))
    .filter((header) => (header.flags & RESPONSE) === 0 && header.spiI.every((octet, i) => octet === spiI[i]))
    .map(({ messageId }) => messageId);
  return Math.max(-1, ...ids) + 1;
}

function spiOf(end: End): Uint8Array {
  const octets = new Uint8Array(4);
  const [installed] = end.of("child_sa_installed");
  new DataView(octets.buffer).setUint32(0, installed?.childSa.inbound.spi ?? 0x01020304);
  return octets;
}

/** Sends one message in one state, and sees the end of it. */
function check(
  begin: () => Pair,
  speaker: "a" | "b",
  response: boolean,
  nth: number,
  [exchangeType, payloads]: Message,
): void {
  const pair = begin();
  const [from, to] = speaker === "a" ? [pair.a, pair.b] : [pair.b, pair.a];
  if (nth >= pair[speaker].keys.filter(({ type }) => type === "ike_keys").length) return;
  const forger = new Forger(pair, speaker, nth);
  const [spiI] = forger.spis;
  const messageId = response ? Math.max(0, nextRequest(to, spiI) - 1) : nextRequest(from, spiI);
  const message = { exchangeType, messageId, response, payloads: payloads(spiOf(from)) };
  const octets = exchangeType === IKE_SA_INIT ? forger.plain(message) : forger.seal(message);
  const before = to.sent.length;
  forger.send(octets);
  const answers = to.sent.slice(before).filter(({ octets }) =>
    (parseIkeHeader(octets).flags & RESPONSE) !== 0
  );
  assert.ok(answers.length <= (response ? 0 : 1), `${answers.length} answers`);
  // The same octets again are answered from memory, or not at all.
  const told = to.events.length;
  forger.send(octets);
  assert.deepEqual(to.events.slice(told).filter((event) => Ledger.isChange(event)), []);
  // From now on nobody says anything any more, and both ends give up what they have.
  pair.network = () => null;
  for (const end of [pair.a, pair.b]) {
    for (const { ikeSa } of end.of("ike_sa_established")) pair.handle(end, { kind: "delete_ike", ikeSa });
  }
  pair.advance(2_000_000);
  pair.inFlight.length = 0;
  pair.assertClean();
  for (const end of [pair.a, pair.b]) {
    const faults: string[] = [];
    const ledger = new Ledger((text) => faults.push(text));
    for (const event of end.events) ledger.handle(event);
    assert.deepEqual([...faults, ledger.ikeSas.size, ledger.children.size], [0, 0], end.story());
  }
}

describe("Every message in every state, from a peer that has the keys", () => {
  for (const [state, begin] of Object.entries(STATES)) {
    it(`is taken for what it is: ${state}`, () => {
      for (const [name, message] of Object.entries(MESSAGES)) {
        for (const speaker of ["a", "b"] as const) {
          for (const [response, nth] of [[false, 0], [true, 0], [false, 1], [true, 1]] as const) {
            try {
              check(begin, speaker, response, nth, message);
            } catch (error) {
              const what = `${speaker} sends the ${
                response ? "response" : "request"
              } ${name} on IKE SA ${nth}`;
              throw new Error(`${what}: ${error instanceof Error ? error.message : error}`, { cause: error });
            }
          }
        }
      }
    });
  }

  it("is asked of every state that there is", () => {
    const states: Readonly<Record<IkeSaState, keyof typeof STATES | null>> = {
      created: null, // nobody knows its SPI
      connecting: "before IKE_AUTH",
      established: "established",
      rekeyed: "rekeyed by `a`, and not deleted yet",
      deleting: "being deleted",
      closed: "closed",
    };
    for (const name of Object.values(states)) assert.ok(name === null || name in STATES, String(name));
  });
});
