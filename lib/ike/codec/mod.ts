/**
 * IKE messages as octets (RFC 7296, section 3): the header and the chain of payloads, as far as they can be read without
 * keys.
 *
 * @example What an IKE message is about
 * ```ts
 * import { describeIkeMessage } from "iketcp/ike/codec";
 * import { strictEqual } from "node:assert";
 *
 * const message = new Uint8Array(32);
 * message.set([43, 0x20, 37, 0x08], 16); // V, version 2.0, INFORMATIONAL, initiator
 * message.set([32], 27);
 * message.set([0, 0, 0, 4], 28);
 * strictEqual(describeIkeMessage(message), "INFORMATIONAL request 0 { V }");
 * ```
 *
 * @module
 */
export * from "./describe.ts";
export * from "./exchange_types.ts";
export * from "./header.ts";
export * from "./notify_types.ts";
export * from "./payload_chain.ts";
export * from "./payload_types.ts";
