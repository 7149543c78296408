/**
 * What lies between tasks and the wire of one IKE SA: messages in the clear before keys are agreed, SK and SKF afterwards
 * (RFC 7296, section 3.14; RFC 7383). Only what is authentic comes out of it once there are keys.
 */

import { readUint32 } from "../bytes/mod.ts";
import { IkeError } from "../errors.ts";
import {
  emitIkeMessage,
  EXCHANGE,
  IKE_FLAGS,
  type IkeHeader,
  type IkeMessage,
  parseIkeMessage,
  parsePayloads,
  type Payload,
  type SkfPayload,
} from "./codec/mod.ts";
import type { DropReason } from "./events.ts";
import { FragmentReassembly } from "./fragments.ts";
import type { IkeSa } from "./ike_sa.ts";
import { Incoming, type Outgoing } from "./messages.ts";
import type { IkePath } from "./path.ts";
import type { IkeProtection } from "./protection.ts";

/** What became of the octets of a message. */
export type Opened =
  /** A message. */
  | {
    readonly kind: "message";
    readonly message: Incoming;
    readonly view: IkeMessage;
    /** What a repetition is recognised by: the end of its ICV; of a fragmented message that of the first fragment. */
    readonly mark: number;
  }
  /** An authentic message that cannot be read. */
  | { readonly kind: "malformed"; readonly error: IkeError; readonly mark: number }
  /** A fragment; others are missing. */
  | { readonly kind: "incomplete" }
  /** Nothing that could be trusted. */
  | { readonly kind: "dropped"; readonly reason: DropReason; readonly text: string };

/** Octets around an IKE message in a UDP datagram: UDP header and non-ESP marker. */
const DATAGRAM_OVERHEAD = 8 + 4;
/** Octets of an IP header by those of an address. */
const IP_HEADER: Readonly<Record<number, number>> = { 4: 20, 16: 40 };

/** Fragments of one message. */
interface Reassembly {
  readonly messageId: number;
  /** Octets of the fragments so far, as they came. */
  length: number;
  /** Of the first fragment. */
  mark: number;
  readonly fragments: FragmentReassembly;
}

/** One IKE SA's way from payloads to octets and back. */
export class Channel {
  readonly #sa: IkeSa;
  #protection: IkeProtection | null = null;
  /** Fragments of requests and of responses are of different messages, whatever their numbers. */
  #reassembly: { request?: Reassembly | undefined; response?: Reassembly | undefined } = {};

  /** Takes the SA. */
  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  /** Whether there are keys. */
  get isProtected(): boolean {
    return this.#protection !== null;
  }

  /** Whether fragments wait for others. */
  get hasFragments(): boolean {
    return this.#reassembly.request !== undefined || this.#reassembly.response !== undefined;
  }

  /** From now on, everything but IKE_SA_INIT is protected. */
  protect(protection: IkeProtection): void {
    this.#protection = protection;
  }

  /** A message as octets: one message, or its fragments where the path needs and the peer knows them. */
  seal(
    message: Outgoing,
    options: { messageId: number; response: boolean; path?: IkePath },
  ): Uint8Array<ArrayBuffer>[] {
    const { messageId, response, path = this.#sa.path } = options;
    const whole: IkeMessage = {
      spiI: this.#sa.spiI,
      spiR: this.#sa.spiR,
      exchangeType: message.exchangeType,
      initiator: this.#sa.role === "initiator",
      response,
      messageId,
      payloads: message.payloads,
    };
    if (message.exchangeType === EXCHANGE.ikeSaInit) return [emitIkeMessage(whole)];
    if (this.#protection === null) throw new Error("Cannot seal a message: expected keys, got none yet");
    // RFC 9329, section 7.5: no fragments on a stream, even if negotiated.
    if (path.reliable || !this.#sa.peer.fragmentation) return [this.#protection.seal(whole)];
    const size = this.#sa.services.limits.max_fragment_size - IP_HEADER[path.local.address.length]! -
      DATAGRAM_OVERHEAD;
    return this.#protection.sealFragments(whole, size);
  }

  /** Octets as a message; nothing of the SA changes, but for fragments that are kept. */
  open(octets: Uint8Array, header: IkeHeader, path: IkePath): Opened {
    let outer: IkeMessage;
    try {
      outer = parseIkeMessage(octets, { header });
    } catch (error) {
      // The outside of a message is not authentic by itself: whatever is wrong there is no reason to do anything.
      return { kind: "dropped", reason: "malformed", text: asIkeError(error).message };
    }
    if (outer.exchangeType === EXCHANGE.ikeSaInit) return this.#message(outer, outer.payloads, octets, path);
    const sealed = outer.payloads.at(-1);
    if (this.#protection === null || (sealed?.kind !== "SK" && sealed?.kind !== "SKF")) {
      return { kind: "dropped", reason: "unprotected", text: "expected an SK payload, got none" };
    }
    try {
      if (sealed.kind === "SKF") return this.#openFragment(octets, outer, header, path);
      const payloads = this.#protection.open(octets, outer);
      return payloads === "not_authentic" ? NOT_AUTHENTIC : this.#message(outer, payloads, octets, path);
    } catch (error) {
      return { kind: "malformed", error: asIkeError(error), mark: markOf(octets) };
    }
  }

  /** Whether octets are a request that came before: its ICV, and authentic; of a fragmented one the first (RFC 7383, section 2.6.1). */
  isRepetition(octets: Uint8Array, mark: number): boolean {
    if (markOf(octets) !== mark) return false;
    try {
      const outer = parseIkeMessage(octets);
      const sealed = outer.payloads.at(-1);
      if (sealed?.kind === "SK") return this.#protection?.open(octets, outer) !== "not_authentic";
      if (sealed?.kind !== "SKF" || sealed.number !== 1) return false;
      return this.#protection?.openFragment(octets, outer) !== "not_authentic";
    } catch {
      return false;
    }
  }

  /** Fragments of a message that never became whole are given up (RFC 7383, section 2.6). */
  dropFragments(): void {
    this.#reassembly = {};
  }

  /** Wipes the keys. */
  dispose(): void {
    this.#protection?.dispose();
    this.#protection = null;
    this.dropFragments();
  }

  #openFragment(octets: Uint8Array, outer: IkeMessage, header: IkeHeader, path: IkePath): Opened {
    const direction = (header.flags & IKE_FLAGS.response) !== 0 ? "response" : "request";
    const begun = this.#reassembly[direction];
    const reassembly = begun?.messageId === outer.messageId
      ? begun
      : { messageId: outer.messageId, length: 0, mark: 0, fragments: new FragmentReassembly() };
    const skf = outer.payloads.at(-1) as SkfPayload;
    const refusal = reassembly.fragments.refusal(skf);
    if (refusal !== undefined) return { kind: "dropped", reason: "fragment", text: refusal };
    const fragment = this.#protection!.openFragment(octets, outer);
    if (fragment === "not_authentic") return NOT_AUTHENTIC;
    // Fragments of another message, and the peer's: what there was of the last one is of no use any more.
    this.#reassembly[direction] = reassembly;
    if (reassembly.fragments.count === 0) reassembly.length = 0;
    if (fragment.number === 1) reassembly.mark = markOf(octets);
    const whole = reassembly.fragments.add(fragment);
    if (typeof whole === "object" || whole === "incomplete") reassembly.length += octets.length;
    if (whole === "incomplete") {
      this.#sa.noteFragment();
      return { kind: "incomplete" };
    }
    if (typeof whole === "string") return { kind: "dropped", reason: "fragment", text: whole };
    this.#reassembly[direction] = undefined;
    const { length, mark } = reassembly;
    try {
      const payloads = parsePayloads(whole.nextPayload, whole.content);
      return this.#message(outer, payloads, octets, path, { length, mark });
    } catch (error) {
      return { kind: "malformed", error: asIkeError(error), mark };
    }
  }

  #message(
    outer: IkeMessage,
    payloads: readonly Payload[],
    octets: Uint8Array,
    path: IkePath,
    { length, mark } = { length: octets.length, mark: markOf(octets) },
  ): Opened {
    const { exchangeType, messageId, spiI, spiR } = outer;
    const message = new Incoming({ exchangeType, messageId, spiI, spiR, payloads, octets, path, length });
    return { kind: "message", message, view: { ...outer, payloads }, mark };
  }
}

/** The last octets of a protected message, which are of its ICV. */
function markOf(octets: Uint8Array): number {
  return readUint32(octets, octets.length - 4);
}

const NOT_AUTHENTIC: Opened = {
  kind: "dropped",
  reason: "not_authentic",
  text: "the integrity check value is wrong",
};

/** An error of the codec; any other is a mistake of this program and thrown on. */
function asIkeError(error: unknown): IkeError {
  if (error instanceof IkeError) return error;
  throw error;
}
