/**
 * Fragments of an IKE message become one again (RFC 7383, section 2.6). Only authentic fragments come here, but until
 * IKE_AUTH is done their sender may be anybody: so their number and their octets are bounded.
 */

import { DEFAULT_IKE_CODEC_LIMITS, type IkeCodecLimits } from "./codec/mod.ts";
import type { OpenedFragment } from "./protection.ts";

/** A message whose fragments are all there. */
export interface ReassembledMessage {
  /** Type of its first payload. */
  readonly nextPayload: number;
  /** Its payloads, to be read by `parsePayloads`. */
  readonly content: Uint8Array<ArrayBuffer>;
}

/**
 * Why a fragment was dropped: it is there already, belongs to an older way of cutting the message, or there would be too
 * many fragments or octets.
 */
export type FragmentRefusal = "duplicate" | "stale_total" | "too_many" | "too_large";

/**
 * The fragments of one message: of one message ID, from one side. Forget it with the exchange.
 *
 * @example
 * ```ts
 * import { FragmentReassembly } from "iketcp/ike";
 * import { deepStrictEqual, strictEqual } from "node:assert";
 *
 * const reassembly = new FragmentReassembly();
 * strictEqual(reassembly.add({ number: 2, total: 2, nextPayload: 0, data: new Uint8Array([8]) }), "incomplete");
 * deepStrictEqual(reassembly.add({ number: 1, total: 2, nextPayload: 43, data: new Uint8Array([0, 0, 0]) }), {
 *   nextPayload: 43,
 *   content: new Uint8Array([0, 0, 0, 8]),
 * });
 * ```
 */
export class FragmentReassembly {
  readonly #limits: IkeCodecLimits;
  #fragments: Map<number, OpenedFragment> = new Map();
  #total = 0;
  #size = 0;

  /** Begins with nothing. */
  constructor(limits: IkeCodecLimits = DEFAULT_IKE_CODEC_LIMITS) {
    this.#limits = limits;
  }

  /** Fragments that are there. */
  get count(): number {
    return this.#fragments.size;
  }

  /**
   * Why a fragment is not worth decrypting, by what its payload says in the clear; undefined when it is. Octets cannot be
   * known before.
   */
  refusal(
    { number, total }: { readonly number: number; readonly total: number },
  ): FragmentRefusal | undefined {
    if (total > this.#limits.fragments || number < 1 || number > total) return "too_many";
    // "If the Total Fragments field is smaller than in those received before, the fragment MUST be discarded."
    if (total < this.#total) return "stale_total";
    return total === this.#total && this.#fragments.has(number) ? "duplicate" : undefined;
  }

  /**
   * Takes an authentic fragment. When the last one that was missing has come, gives the message and begins anew; the
   * content of fragments is copied, so that nothing of the messages that brought it is kept alive.
   */
  add(fragment: OpenedFragment): ReassembledMessage | "incomplete" | FragmentRefusal {
    const refusal = this.refusal(fragment);
    if (refusal !== undefined) return refusal;
    // A larger total: the peer cuts smaller pieces now, after what it learnt of the path. Those from before are of no use.
    if (fragment.total > this.#total) this.#restart(fragment.total);
    if (this.#size + fragment.data.length > this.#limits.message_size) return "too_large";
    this.#fragments.set(fragment.number, { ...fragment, data: fragment.data.slice() });
    this.#size += fragment.data.length;
    return this.#fragments.size === this.#total ? this.#join() : "incomplete";
  }

  /** Forgets all fragments. */
  clear(): void {
    this.#restart(0);
  }

  #restart(total: number): void {
    this.#fragments = new Map();
    this.#total = total;
    this.#size = 0;
  }

  #join(): ReassembledMessage {
    const content = new Uint8Array(this.#size);
    let offset = 0;
    for (let number = 1; number <= this.#total; number++) {
      const { data } = this.#fragments.get(number)!;
      content.set(data, offset);
      offset += data.length;
    }
    const { nextPayload } = this.#fragments.get(1)!;
    this.clear();
    return { nextPayload, content };
  }
}
