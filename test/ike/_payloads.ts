/** Payloads that fit the connections of a `Pair`, for messages that no engine would send. */

import { NOTIFY, notifyPayload, type Payload, PROTOCOL, type Transform } from "../../lib/ike/codec/mod.ts";

const AES_128_GCM: Transform = { type: 1, id: 20, keyLength: 128 };
const PRF_SHA256: Transform = { type: 2, id: 5 };
const NO_ESN: Transform = { type: 5, id: 0 };

/** Curve25519, whose transform has that number. */
export const X25519 = 31;

/** A transform of a key exchange. */
export function group(id: number): Transform {
  return { type: 4, id };
}

/** One proposal of any protocol. */
export function proposal(protocol: number, spi: Uint8Array, transforms: readonly Transform[]): Payload {
  return { kind: "SA", proposals: [{ number: 1, protocol, spi, transforms: [...transforms] }] };
}

/** SA for a child SA; with groups, a key exchange of its own. */
export function childOffer(spi: number, ...groups: number[]): Payload {
  const octets = Uint8Array.of(spi >>> 24, spi >>> 16, spi >>> 8, spi);
  return proposal(PROTOCOL.esp!, octets, [AES_128_GCM, NO_ESN, ...groups.map(group)]);
}

/** SA for an IKE SA: without SPI for IKE_SA_INIT, with one for a rekey. */
export function ikeOffer(spi: Uint8Array = new Uint8Array(0), ...groups: number[]): Payload {
  const wanted = groups.length === 0 ? [X25519] : groups;
  return proposal(PROTOCOL.ike!, spi, [AES_128_GCM, PRF_SHA256, ...wanted.map(group)]);
}

/** An SPI of an IKE SA. */
export const IKE_SPI: Uint8Array = new Uint8Array(8).fill(0x77);

/** A nonce of one octet over and over. */
export function nonce(octet: number = 0x11, size: number = 32): Payload {
  return { kind: "Nonce", data: new Uint8Array(size).fill(octet) };
}

/** A public value: by default the base point of Curve25519, which is one. */
export function keyExchange(id: number = X25519, data: Uint8Array = basePoint()): Payload {
  return { kind: "KE", group: id, data };
}

function basePoint(): Uint8Array {
  const point = new Uint8Array(32);
  point[0] = 9;
  return point;
}

/** Selectors of `10.net.0.0/16`. */
export function selectors(kind: "TSi" | "TSr", net: number): Payload {
  const startAddress = Uint8Array.of(10, net, 0, 0);
  const endAddress = Uint8Array.of(10, net, 255, 255);
  return {
    kind,
    selectors: [{ type: 7, protocol: 0, startPort: 0, endPort: 65_535, startAddress, endAddress }],
  };
}

/** TSi and TSr as `a` asks for them, or `b`. */
export function traffic(from: "a" | "b"): Payload[] {
  return from === "a"
    ? [selectors("TSi", 1), selectors("TSr", 2)]
    : [selectors("TSi", 2), selectors("TSr", 1)];
}

/** N(REKEY_SA). */
export function rekeySa(spi: Uint8Array, protocol: number = PROTOCOL.esp!): Payload {
  return notifyPayload(NOTIFY.rekeySa, undefined, { protocol, spi });
}

/** D of child SAs. */
export function deleteChildren(...spis: Uint8Array[]): Payload {
  return { kind: "D", protocol: PROTOCOL.esp!, spis };
}

/** D of the IKE SA. */
export const DELETE_IKE: Payload = { kind: "D", protocol: PROTOCOL.ike!, spis: [] };
