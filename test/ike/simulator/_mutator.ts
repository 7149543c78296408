/**
 * A peer with keys whose own messages come out wrong: payloads are missing, doubled, of another type, cut, or have other octets. What its
 * engine meant to say is lost by that, so that it may lose SAs, and nothing else.
 */

import {
  emitIkeMessage,
  type IkeHeader,
  type IkeMessage,
  parseIkeHeader,
  parseIkeMessage,
  type Payload,
  type UnknownPayload,
} from "../../../lib/ike/codec/mod.ts";
import { toHex } from "../../../lib/bytes/mod.ts";
import type { SimRandom } from "./_random.ts";
import type { Wiretap } from "./_wiretap.ts";

const IKE_SA_INIT = 34;
const INITIATOR = 0x08;
const HEADER = 28;
const GENERIC_HEADER = 4;
const TYPES = [33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 47, 48, 200];
/** TSi and TSr. */
const TRAFFIC: readonly number[] = [44, 45];
/** Share of messages that come out wrong. */
const SHARE = 0.02;

/** Changes messages. */
export class Mutator {
  readonly #wiretap: Wiretap;
  readonly #random: SimRandom;

  constructor(wiretap: Wiretap, random: SimRandom) {
    this.#wiretap = wiretap;
    this.#random = random;
  }

  /** An IKE message without its marker, as it was meant; gives what goes out in its place. */
  handle(octets: Uint8Array): Uint8Array {
    if (!this.#random.chance(SHARE)) return octets;
    const header = parseIkeHeader(octets);
    if (header.exchangeType === IKE_SA_INIT) return this.#change(octets, parseIkeMessage(octets).payloads);
    const who = (header.flags & INITIATOR) !== 0 ? "initiator" : "responder";
    const sa = this.#wiretap.sas.get(`${toHex(header.spiI)} ${toHex(header.spiR)}`);
    if (sa === undefined || octets[16] !== 46) return octets;
    const outer = parseIkeMessage(octets);
    const payloads = sa[who === "initiator" ? "responder" : "initiator"].open(octets.slice(), outer);
    if (payloads === "not_authentic") return octets;
    const message = messageOf(header, outer, this.#mutate(payloads.map(raw)));
    return sa[who].seal(message);
  }

  #change(octets: Uint8Array, payloads: readonly Payload[]): Uint8Array {
    const header = parseIkeHeader(octets);
    return emitIkeMessage(messageOf(header, parseIkeMessage(octets), this.#mutate(payloads.map(raw))));
  }

  #mutate(payloads: UnknownPayload[]): UnknownPayload[] {
    const random = this.#random;
    for (let times = 1 + random.below(2); times > 0; times--) {
      const at = random.below(payloads.length + 1);
      const payload = payloads[at];
      if (payload === undefined) {
        payloads.push({ kind: "unknown", type: random.pick(TYPES), critical: false, data: this.#octets(40) });
        continue;
      }
      const { data } = payload;
      switch (random.below(6)) {
        case 0:
          payloads.splice(at, 1);
          break;
        case 1:
          payloads.splice(random.below(payloads.length), 0, payload);
          break;
        case 2:
          payloads[at] = { ...payload, type: random.pick(TYPES) };
          break;
        case 3:
          payloads[at] = { ...payload, data: data.slice(0, random.below(data.length + 1)) };
          break;
        case 4:
          payloads[at] = { ...payload, data: new Uint8Array([...data, ...this.#octets(20)]) };
          break;
        default:
          // Ends that do not agree on their traffic would refuse each other's packets, and rightly so.
          if (!TRAFFIC.includes(payload.type)) payloads[at] = { ...payload, data: this.#damage(data) };
      }
    }
    return payloads;
  }

  #damage(octets: Uint8Array): Uint8Array {
    const copy = octets.slice();
    for (let i = this.#random.below(4); i >= 0 && copy.length > 0; i--) {
      copy[this.#random.below(copy.length)] = this.#random.pick([
        0,
        1,
        127,
        128,
        255,
        this.#random.below(256),
      ]);
    }
    return copy;
  }

  #octets(most: number): Uint8Array {
    const octets = new Uint8Array(this.#random.below(most + 1));
    this.#random.fill(octets);
    return octets;
  }
}

/** A payload as type and octets. */
function raw(payload: Payload): UnknownPayload {
  const alone = emitIkeMessage({
    spiI: new Uint8Array(8),
    spiR: new Uint8Array(8),
    exchangeType: 37,
    initiator: true,
    response: false,
    messageId: 0,
    payloads: [payload],
  });
  return {
    kind: "unknown",
    type: alone[16]!,
    critical: payload.critical === true,
    data: alone.slice(HEADER + GENERIC_HEADER),
  };
}

function messageOf(
  { spiI, spiR, exchangeType, messageId }: IkeHeader,
  { initiator, response }: IkeMessage,
  payloads: readonly Payload[],
): IkeMessage {
  return { spiI, spiR, exchangeType, initiator, response, messageId, payloads };
}
