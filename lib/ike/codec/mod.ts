/**
 * IKE messages as octets and as values (RFC 7296, section 3; RFC 7383): every payload with its reader and writer, names, the
 * rules of the exchanges, and what can be told of any message, IKEv1 included, without keys. What is sealed in SK stays
 * sealed here.
 *
 * @example A message from octets to payloads and back
 * ```ts
 * import { describeMessage, emitIkeMessage, parseIkeMessage } from "iketcp/ike/codec";
 * import { deepStrictEqual, strictEqual } from "node:assert";
 *
 * const octets = new Uint8Array(32);
 * octets.set([43, 0x20, 37, 0x08], 16); // V, version 2.0, INFORMATIONAL, initiator
 * octets.set([32], 27);
 * octets.set([0, 0, 0, 4], 28);
 * const message = parseIkeMessage(octets);
 * strictEqual(describeMessage(message), "INFORMATIONAL request 0 { V }");
 * deepStrictEqual(emitIkeMessage(message), octets);
 * ```
 *
 * @module
 */
export { ByteWriter } from "../../bytes/mod.ts";
export * from "./describe.ts";
export * from "./exchange_rules.ts";
export * from "./exchange_types.ts";
export * from "./header.ts";
export * from "./limits.ts";
export * from "./message.ts";
export * from "./notify_types.ts";
export * from "./payload_chain.ts";
export * from "./payload_codec.ts";
export * from "./payload_reader.ts";
export * from "./payload_types.ts";
export * from "./payloads/auth.ts";
export * from "./payloads/cert.ts";
export * from "./payloads/certreq.ts";
export * from "./payloads/cp.ts";
export * from "./payloads/delete.ts";
export * from "./payloads/eap.ts";
export * from "./payloads/id.ts";
export * from "./payloads/ke.ts";
export * from "./payloads/nonce.ts";
export * from "./payloads/notify.ts";
export * from "./payloads/sa.ts";
export * from "./payloads/sk.ts";
export * from "./payloads/skf.ts";
export * from "./payloads/ts.ts";
export * from "./payloads/unknown.ts";
export * from "./payloads/vendor_id.ts";
export * from "./registry.ts";
