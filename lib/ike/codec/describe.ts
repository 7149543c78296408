/** IKE messages for people: what can be told of one without keys, as fields and in the notation of RFC 7296. */

import { toHex } from "../../bytes/hex.ts";
import { exchangeName } from "./exchange_types.ts";
import { IKE_FLAGS, type IkeHeader, parseIkeHeader } from "./header.ts";
import { describePayload, walkPayloads } from "./payload_chain.ts";

/** The fields of an IKE message that can be read without keys. */
export interface IkeDescription {
  /** The initiator's SPI in hexadecimal. */
  spiI: string;
  /** The responder's SPI in hexadecimal. */
  spiR: string;
  /** `2.0`, or `1.0` for IKEv1. */
  version: string;
  /** Name of the exchange, or `exchange 99`. */
  exchange: string;
  /** Names of the flags that are set; bits without a name as `0x01`. */
  flags: string[];
  /** Message ID. */
  messageId: number;
  /** Payloads in the notation of RFC 7296, as far as they could be read. */
  payloads: string[];
}

/** The fields of a header; `payloads` is empty, to be filled from `walkPayloads`. */
export function describeIkeHeader(header: IkeHeader): IkeDescription {
  const { majorVersion, minorVersion } = header;
  return {
    spiI: toHex(header.spiI),
    spiR: toHex(header.spiR),
    version: `${majorVersion}.${minorVersion}`,
    exchange: exchangeName(header.exchangeType, majorVersion),
    flags: flagNames(header.flags, majorVersion === 1 ? IKEV1_FLAGS : IKE_FLAGS),
    messageId: header.messageId,
    payloads: [],
  };
}

/** A description on one line: `IKE_SA_INIT request 0 { SA, KE, Nonce }`. */
export function formatIkeDescription(description: IkeDescription): string {
  const { version, exchange, flags, messageId, payloads } = description;
  const body = payloads.length === 0 ? "{ }" : `{ ${payloads.join(", ")} }`;
  if (version.startsWith("1.")) {
    const encrypted = flags.includes("encryption") ? "{ encrypted }" : body;
    return `IKEv1 ${exchange} ${messageId.toString(16).padStart(8, "0")} ${encrypted}`;
  }
  const other = version === "2.0" ? "" : `IKEv${version} `;
  return `${other}${exchange} ${flags.includes("response") ? "response" : "request"} ${messageId} ${body}`;
}

/**
 * A message (behind the non-ESP marker, where there is one) on one line; throws an `IkeError` where it cannot be read.
 *
 * @example
 * ```ts
 * import { describeIkeMessage } from "iketcp/ike/codec";
 * import { strictEqual } from "node:assert";
 *
 * const message = new Uint8Array(32);
 * message.set([46, 0x20, 35, 0x08, 0, 0, 0, 1, 0, 0, 0, 32, 35, 0, 0, 4], 16);
 * strictEqual(describeIkeMessage(message), "IKE_AUTH request 1 { SK }");
 * ```
 */
export function describeIkeMessage(message: Uint8Array): string {
  const header = parseIkeHeader(message);
  const description = describeIkeHeader(header);
  for (const payload of walkPayloads(message, header)) {
    description.payloads.push(describePayload(payload, header.majorVersion));
  }
  return formatIkeDescription(description);
}

/** The flags of IKEv1 (RFC 2408, section 3.1). */
const IKEV1_FLAGS: Readonly<Record<string, number>> = {
  encryption: 0x01,
  commit: 0x02,
  authentication: 0x04,
};

function flagNames(flags: number, known: Readonly<Record<string, number>>): string[] {
  const names: string[] = [];
  for (const [name, bit] of Object.entries(known)) {
    if ((flags & bit) !== 0) names.push(name);
    flags &= ~bit;
  }
  for (let bit = 1; bit <= 0x80; bit <<= 1) {
    if ((flags & bit) !== 0) names.push(`0x${bit.toString(16).padStart(2, "0")}`);
  }
  return names;
}
