/** The functions of MS-CHAP-V2 (RFC 2759, section 8) and the keys that come of it (RFC 3079, section 3). */

import { sha1 } from "@noble/hashes/legacy.js";
import { concat, toHex } from "../../bytes/mod.ts";
import { desEncryptBlock } from "./des.ts";
import { md4 } from "./md4.ts";

/** What both sides know of one exchange, besides the password. */
export interface Mschapv2Exchange {
  /** 16 octets of the server. */
  readonly authenticatorChallenge: Uint8Array;
  /** 16 octets of the peer. */
  readonly peerChallenge: Uint8Array;
  /** The user's name as the peer sent it; a Windows domain in front is not hashed. */
  readonly name: Uint8Array;
}

/** NtPasswordHash (section 8.3): MD4 of the password in UTF-16, lower octet first. */
export function ntPasswordHash(password: string): Uint8Array<ArrayBuffer> {
  const text = new Uint8Array(2 * password.length);
  for (let i = 0; i < password.length; i++) {
    text[2 * i] = password.charCodeAt(i) & 0xff;
    text[2 * i + 1] = password.charCodeAt(i) >>> 8;
  }
  const hash = md4(text);
  text.fill(0);
  return hash;
}

/** GenerateNTResponse (section 8.1): 24 octets. */
export function ntResponse(exchange: Mschapv2Exchange, passwordHash: Uint8Array): Uint8Array<ArrayBuffer> {
  const challenge = challengeHash(exchange);
  const key = new Uint8Array(21);
  key.set(passwordHash);
  const blocks = [0, 7, 14].map((at) => desEncryptBlock(key.subarray(at, at + 7), challenge));
  key.fill(0);
  return concat(blocks);
}

/** GenerateAuthenticatorResponse (section 8.7): `S=` and 40 digits. */
export function authenticatorResponse(
  exchange: Mschapv2Exchange,
  passwordHash: Uint8Array,
  response: Uint8Array,
): string {
  const digest = sha1(concat([md4(passwordHash), response, SERVER_TO_CLIENT]));
  return `S=${toHex(sha1(concat([digest, challengeHash(exchange), ONE_MORE_ITERATION]))).toUpperCase()}`;
}

/**
 * The MSK: what the server receives with and what it sends with, then zeros up to 64 octets, as EAP wants it and as strongSwan
 * and Windows have it.
 */
export function mschapv2Msk(passwordHash: Uint8Array, response: Uint8Array): Uint8Array<ArrayBuffer> {
  // GetMasterKey and GetAsymmetricStartKey (RFC 3079, section 3.4)
  const master = sha1(concat([md4(passwordHash), response, MASTER_KEY])).subarray(0, 16);
  const startKey = (magic: Uint8Array) =>
    sha1(concat([master, new Uint8Array(40), magic, new Uint8Array(40).fill(0xf2)])).subarray(0, 16);
  const msk = new Uint8Array(64);
  msk.set(startKey(CLIENT_SENDS));
  msk.set(startKey(CLIENT_RECEIVES), 16);
  return msk;
}

/** ChallengeHash (section 8.2): 8 octets. */
function challengeHash({ peerChallenge, authenticatorChallenge, name }: Mschapv2Exchange): Uint8Array {
  const backslash = name.lastIndexOf(0x5c);
  return sha1(concat([peerChallenge, authenticatorChallenge, name.subarray(backslash + 1)])).subarray(0, 8);
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

const SERVER_TO_CLIENT = ascii("Magic server to client signing constant");
const ONE_MORE_ITERATION = ascii("Pad to make it do more than one iteration");
const MASTER_KEY = ascii("This is the MPPE Master Key");
const CLIENT_SENDS = ascii(
  "On the client side, this is the send key; on the server side, it is the receive key.",
);
const CLIENT_RECEIVES = ascii(
  "On the client side, this is the receive key; on the server side, it is the send key.",
);
