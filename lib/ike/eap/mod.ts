/**
 * EAP (RFC 3748) without sockets or clocks: the peer's side and the server's side of a conversation, and the methods it is
 * made of. IKE carries the packets (RFC 7296, section 2.16).
 *
 * @example A user authenticates
 * ```ts
 * import { EapPeer, EapServer, mschapv2Peer, mschapv2Server } from "iketcp/ike/eap";
 * import { deepStrictEqual, strictEqual } from "node:assert";
 *
 * const random = (octets: Uint8Array) => void globalThis.crypto.getRandomValues(octets as Uint8Array<ArrayBuffer>);
 * const passwordOf = (name: string) => name === "carol" ? "Ar3etTnp" : null;
 * const server = new EapServer({ methods: [mschapv2Server], passwordOf, random });
 * const peer = new EapPeer({ identity: "carol", password: "Ar3etTnp", methods: [mschapv2Peer], random });
 *
 * let asked = server.begin();
 * while (asked.kind === "reply") {
 *   const answered = peer.handle(asked.packet);
 *   if (answered.kind !== "reply") throw new Error("it went wrong");
 *   asked = server.handle(answered.packet);
 * }
 * if (asked.kind !== "success") throw new Error("it went wrong");
 * const ended = peer.handle(asked.packet!); // EAP-Success
 * strictEqual(ended.kind, "success");
 * deepStrictEqual(ended.kind === "success" && ended.msk, asked.msk);
 * ```
 *
 * @module
 */

export * from "./methods.ts";
export * from "./methods/gtc.ts";
export * from "./methods/md5.ts";
export * from "./methods/mschapv2.ts";
export * from "./methods/tls.ts";
export * from "./packet.ts";
export * from "./peer.ts";
export * from "./server.ts";
export * from "./tls_credentials.ts";
export * from "./types.ts";
