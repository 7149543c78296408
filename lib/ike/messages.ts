/** Messages as tasks see them: payloads to look through, and payloads to be sent. What protects them is behind and before this. */

import { NOTIFY, type NotifyPayload, notifyPayload, type Payload } from "./codec/mod.ts";
import type { IkePath } from "./path.ts";

/** Notify types below this one are errors (RFC 7296, section 3.10.1). */
const FIRST_STATUS_TYPE = 16384;

/** Error notifies that say that the whole exchange failed, and its SA with it (RFC 7296, section 2.21.2). */
export const FATAL_NOTIFIES: ReadonlySet<number> = new Set([
  NOTIFY.unsupportedCriticalPayload!,
  NOTIFY.invalidSyntax!,
  NOTIFY.authenticationFailed!,
]);

/** A message that came: authentic, unless it is of IKE_SA_INIT. */
export class Incoming {
  /** The exchange it belongs to. */
  readonly exchangeType: number;
  /** Its Message ID. */
  readonly messageId: number;
  /** SPIs of its header. */
  readonly spiI: Uint8Array;
  readonly spiR: Uint8Array;
  /** Its payloads; of a protected message those inside SK. */
  readonly payloads: readonly Payload[];
  /** The message as it came; of a fragmented one the last fragment. */
  readonly octets: Uint8Array;
  /** Octets on the wire: of a fragmented message those of all its fragments. */
  readonly length: number;
  /** Where it came from. */
  readonly path: IkePath;

  /** Takes the parts. */
  constructor(
    fields:
      & Pick<Incoming, "exchangeType" | "messageId" | "spiI" | "spiR" | "payloads" | "octets" | "path">
      & { readonly length?: number },
  ) {
    this.exchangeType = fields.exchangeType;
    this.messageId = fields.messageId;
    this.spiI = fields.spiI;
    this.spiR = fields.spiR;
    this.payloads = fields.payloads;
    this.octets = fields.octets;
    this.length = fields.length ?? fields.octets.length;
    this.path = fields.path;
  }

  /** The first payload of a kind. */
  first<Kind extends Payload["kind"]>(kind: Kind): Extract<Payload, { kind: Kind }> | undefined {
    return this.payloads.find((payload) => payload.kind === kind) as
      | Extract<Payload, { kind: Kind }>
      | undefined;
  }

  /** Every payload of a kind. */
  all<Kind extends Payload["kind"]>(kind: Kind): Extract<Payload, { kind: Kind }>[] {
    return this.payloads.filter((payload) => payload.kind === kind) as Extract<Payload, { kind: Kind }>[];
  }

  /** The first notify of a type. */
  notify(type: number): NotifyPayload | undefined {
    for (const payload of this.payloads) if (payload.kind === "N" && payload.type === type) return payload;
    return undefined;
  }

  /** The first notify that reports an error; unknown ones count too (RFC 7296, section 3.10.1). */
  error(): NotifyPayload | undefined {
    for (const payload of this.payloads) {
      if (payload.kind === "N" && payload.type < FIRST_STATUS_TYPE) return payload;
    }
    return undefined;
  }
}

/** A message that is being made. */
export class Outgoing {
  /** The exchange it belongs to. */
  readonly exchangeType: number;
  /** Its payloads so far. */
  readonly payloads: Payload[] = [];

  /** Begins a message. */
  constructor(exchangeType: number) {
    this.exchangeType = exchangeType;
  }

  /** Adds payloads at the end. */
  add(...payloads: readonly Payload[]): void {
    this.payloads.push(...payloads);
  }

  /** Adds a notify that is about no SA in particular. */
  notify(type: number, data?: Uint8Array): void {
    this.add(notifyPayload(type, data));
  }
}
