/** Reads along with the keys of the engines: what must never happen twice under one key does not. */

import { toHex } from "../../../lib/bytes/mod.ts";
import { CryptoProviders, nobleProvider } from "../../../lib/crypto/mod.ts";
import { parseIkeHeader, parseIkeMessage, type Payload } from "../../../lib/ike/codec/mod.ts";
import { type IkeKeysLogged, IkeProtection, type KeyLogEntry } from "../../../lib/ike/mod.ts";
import { BoundedMap } from "./_bounded_map.ts";

const crypto = new CryptoProviders([nobleProvider()]);
const IKE_SA_INIT = 34;
const RESPONSE = 0x20;
const INITIATOR = 0x08;
/** Messages that are remembered where nothing else is said: more than a run of minutes has. */
const MESSAGES = 20_000;
/** Of so many messages at least, one is the first of an SA. */
const MESSAGES_PER_SA = 20;

/** One IKE SA with both ends' keys, and how far requests have come. */
export interface TappedSa {
  readonly spiI: Uint8Array;
  readonly spiR: Uint8Array;
  /** Speaks as the initiator, and as the responder. */
  readonly initiator: IkeProtection;
  readonly responder: IkeProtection;
  /** The next Message ID of either end's requests. */
  readonly next: { initiator: number; responder: number };
}

/** Everything that is sent. */
export class Wiretap {
  readonly sas: Map<string, TappedSa>;
  /** The same SA under the keys of each end, where somebody made them differ. */
  readonly #keys: Map<string, readonly { readonly key: string; readonly sa: TappedSa }[]>;
  readonly #messages: Map<string, string>;
  readonly #ivs: Map<string, string>;
  readonly #nonces: Map<string, string>;
  readonly #fail: (text: string) => void;

  /** Takes whom to tell of faults, and how many messages are remembered. */
  constructor(fail: (text: string) => void, memory: number = MESSAGES) {
    this.#fail = fail;
    this.sas = new BoundedMap(memory / MESSAGES_PER_SA);
    this.#keys = new BoundedMap(memory / MESSAGES_PER_SA);
    this.#messages = new BoundedMap(memory);
    this.#ivs = new BoundedMap(memory);
    this.#nonces = new BoundedMap(memory);
  }

  /** Takes what engines log; each SA is logged by both ends. */
  addKeys(entry: KeyLogEntry): void {
    if (entry.type !== "ike_keys") return;
    const name = `${toHex(entry.spiI)} ${toHex(entry.spiR)}`;
    const known = this.#keys.get(name) ?? [];
    // Where somebody has meddled with IKE_SA_INIT, the ends have other keys, and AUTH will tell.
    const key = toHex(entry.skEi);
    if (known.some((one) => one.key === key)) return;
    const sa = tap(entry);
    this.#keys.set(name, [...known, { key, sa }]);
    if (known.length === 0) this.sas.set(name, sa);
  }

  /** A message goes out. */
  check(octets: Uint8Array): void {
    const header = parseIkeHeader(octets);
    const { spiI, spiR, exchangeType, flags, messageId, nextPayload } = header;
    const who = (flags & INITIATOR) !== 0 ? "initiator" : "responder";
    if (exchangeType === IKE_SA_INIT) {
      const { payloads } = parseIkeMessage(octets);
      return this.#checkNonce(payloads, `${toHex(spiI)} ${who}`);
    }
    const name = `${toHex(spiI)} ${toHex(spiR)}`;
    const sa = this.sas.get(name);
    const protectedPayload = nextPayload === 46 || nextPayload === 53;
    if (sa === undefined || !protectedPayload) return; // an answer to a stranger
    const isResponse = (flags & RESPONSE) !== 0;
    if (!isResponse) sa.next[who] = Math.max(sa.next[who], messageId + 1);
    const fragment = nextPayload === 53 ? toHex(octets.subarray(32, 36)) : "";
    const id = `${name} ${who} ${isResponse ? "response" : "request"} ${messageId} ${fragment}`;
    const text = toHex(octets);
    const before = this.#messages.get(id);
    if (before === text) return;
    if (before !== undefined) return this.#fail(`Message ID ${id} is used for two messages`);
    this.#messages.set(id, text);
    const at = nextPayload === 53 ? 36 : 32;
    const iv = `${name} ${who} ${toHex(octets.subarray(at, at + 8))}`;
    if (this.#ivs.has(iv)) this.#fail(`An IV is used twice: ${iv}`);
    this.#ivs.set(iv, id);
    if (nextPayload === 46) {
      const payloads = this.#open(name, who, octets);
      if (payloads === undefined) return this.#fail(`Message ${id} is not what its keys would make`);
      this.#checkNonce(payloads, id);
    }
  }

  #open(name: string, from: "initiator" | "responder", octets: Uint8Array): readonly Payload[] | undefined {
    for (const { sa } of this.#keys.get(name)!) {
      const reader = from === "initiator" ? sa.responder : sa.initiator;
      const payloads = reader.open(octets.slice(), parseIkeMessage(octets));
      if (payloads !== "not_authentic") return payloads;
    }
    return undefined;
  }

  #checkNonce(payloads: readonly Payload[], where: string): void {
    for (const payload of payloads) {
      if (payload.kind !== "Nonce") continue;
      const nonce = toHex(payload.data);
      const before = this.#nonces.get(nonce);
      if (before !== undefined && before !== where) {
        this.#fail(`A nonce of ${before} is used again in ${where}`);
      }
      this.#nonces.set(nonce, where);
    }
  }
}

function tap({ spiI, spiR, encryption, integrity, skEi, skEr, skAi, skAr }: IkeKeysLogged): TappedSa {
  const cipher = (encryptionKey: Uint8Array, integrityKey: Uint8Array) => ({
    encryption,
    encryptionKey: encryptionKey.slice(),
    integrity,
    integrityKey: integrityKey.slice(),
  });
  const [i, r] = [cipher(skEi, skAi), cipher(skEr, skAr)];
  const speak = (ours: typeof i, theirs: typeof i) =>
    new IkeProtection({ sealer: crypto.createSealer(ours), opener: crypto.createOpener(theirs) });
  return {
    spiI: spiI.slice(),
    spiR: spiR.slice(),
    initiator: speak(i, r),
    responder: speak(r, i),
    next: { initiator: 0, responder: 0 },
  };
}
