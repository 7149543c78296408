/** Somebody on the path of datagrams who chooses: some messages never pass, some come late, some come in another order. Has no keys. */

import { parseIkeHeader } from "../../../lib/ike/codec/mod.ts";
import type { SimRandom } from "./_random.ts";

/** What is chosen: an exchange, requests or responses, of ESP or IKE. */
interface Rule {
  /** Exchange type; 0 stands for ESP. */
  readonly exchange: number;
  readonly response: boolean;
  /** Of as many that fit, one is touched. */
  readonly every: number;
  /** Milliseconds that it is held; null to keep it. */
  readonly hold: number | null;
  met: number;
}

const RESPONSE = 0x20;
const EXCHANGES = [34, 35, 36, 36, 36, 37, 37, 0];
/** More and less than the first retransmissions wait. */
const HOLDS = [null, null, 100, 1000, 5000, 15_000];

/** Chooses anew now and then. */
export class MiddleMan {
  readonly #random: SimRandom;
  #rules: Rule[] = [];

  constructor(random: SimRandom) {
    this.#random = random;
    this.choose();
  }

  /** Takes up other rules. */
  choose(): void {
    const random = this.#random;
    this.#rules = Array.from({ length: 1 + random.below(3) }, () => ({
      exchange: random.pick(EXCHANGES),
      response: random.chance(0.5),
      every: random.pick([1, 2, 2, 3]),
      hold: random.pick(HOLDS),
      met: 0,
    }));
  }

  /** Lets everything pass. */
  rest(): void {
    this.#rules = [];
  }

  /** What is done with a datagram: milliseconds until it goes on, or null to keep it. */
  handle(octets: Uint8Array): number | null {
    const isIke = octets.length > 32 && octets.subarray(0, 4).every((octet) => octet === 0);
    const header = isIke ? parseIkeHeader(octets.subarray(4)) : undefined;
    const exchange = header?.exchangeType ?? 0;
    const response = header !== undefined && (header.flags & RESPONSE) !== 0;
    for (const rule of this.#rules) {
      if (rule.exchange !== exchange || (isIke && rule.response !== response)) continue;
      if (++rule.met % rule.every === 0) return rule.hold;
    }
    return 0;
  }
}
