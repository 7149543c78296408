/** IKE messages of a capture, opened with keys that are at hand: SK, and SKF until all fragments are there. */

import { toHex } from "../bytes/hex.ts";
import type { CryptoProviders } from "../crypto/mod.ts";
import { IkeError } from "../errors.ts";
import { IKE_FLAGS, parseIkeHeader } from "../ike/codec/header.ts";
import { type IkeMessage, parseIkeMessage } from "../ike/codec/message.ts";
import { describePayload, walkChain } from "../ike/codec/payload_chain.ts";
import { FragmentReassembly } from "../ike/fragments.ts";
import { IkeProtection } from "../ike/protection.ts";
import type { IkeSaKeys } from "./key_log.ts";

/** What keys make of an IKE message. */
export type OpenedIke =
  | {
    readonly decrypted: true;
    /** Payloads inside, in the notation of RFC 7296; absent while fragments are missing. */
    readonly inner?: readonly string[];
    /** What is wrong with the payloads inside. */
    readonly error?: IkeError;
  }
  /** There are keys for its SPIs, and with none of them is it authentic. */
  | { readonly decrypted: false; readonly inner?: undefined; readonly error?: undefined };

/** Messages whose fragments are waited for at a time; the oldest gives way. */
const MAX_FRAGMENTED_MESSAGES = 64;

/** Holds the IKE SAs of key tables. */
export class IkeDecryptor {
  readonly #crypto: CryptoProviders;
  /** By both SPIs; several where a table has several rows for them. */
  readonly #sas: Map<string, IkeSa[]> = new Map();
  readonly #fragments: Map<string, FragmentReassembly> = new Map();

  /** Takes keys; ciphers are made when they are first needed. */
  constructor(crypto: CryptoProviders, keys: readonly IkeSaKeys[]) {
    this.#crypto = crypto;
    for (const row of keys) {
      const spis = toHex(row.spiI) + toHex(row.spiR);
      this.#sas.set(spis, [...this.#sas.get(spis) ?? [], { keys: row, protections: {} }]);
    }
  }

  /** Opens a message (without marker), which stays as it is; undefined when it is not sealed, or there are no keys for it. */
  open(octets: Uint8Array): OpenedIke | undefined {
    const header = parseIkeHeader(octets);
    const sas = this.#sas.get(toHex(octets.subarray(0, SPIS_SIZE)));
    if (sas === undefined || header.majorVersion !== 2) return undefined;
    let message: IkeMessage;
    try {
      message = parseIkeMessage(octets);
    } catch (error) {
      // The row of the message tells what is wrong with it.
      if (error instanceof IkeError) return undefined;
      throw error;
    }
    const sealed = message.payloads.at(-1);
    if (sealed?.kind !== "SK" && sealed?.kind !== "SKF") return undefined;
    const direction = (header.flags & IKE_FLAGS["initiator"]!) !== 0 ? "initiator" : "responder";
    const protections = sas.map((sa) => this.#protectionOf(sa, direction)).filter((made) => made !== null);
    if (protections.length === 0) return undefined;
    for (const protection of protections) {
      const opened = this.#openWith(protection, octets, message);
      if (opened !== null) return opened;
    }
    return { decrypted: false };
  }

  /** Wipes keys as far as the runtime allows. */
  dispose(): void {
    for (const { protections } of [...this.#sas.values()].flat()) {
      for (const protection of Object.values(protections)) protection?.dispose();
    }
    this.#sas.clear();
    this.#fragments.clear();
  }

  #openWith(protection: IkeProtection, octets: Uint8Array, message: IkeMessage): OpenedIke | null {
    const sealed = message.payloads.at(-1)!;
    try {
      if (sealed.kind === "SK") {
        const content = protection.openContent(octets, message);
        return content === "not_authentic" ? null : describe(sealed.nextPayload, content);
      }
      const fragment = protection.openFragment(octets, message);
      if (fragment === "not_authentic") return null;
      const whole = this.#reassemblyOf(message).add(fragment);
      return typeof whole === "string" ? { decrypted: true } : describe(whole.nextPayload, whole.content);
    } catch (error) {
      if (error instanceof IkeError) return { decrypted: true, error };
      throw error;
    }
  }

  /** Fragments of one message: of one SA, one side, one exchange and one Message ID. */
  #reassemblyOf({ spiI, spiR, initiator, response, messageId }: IkeMessage): FragmentReassembly {
    const key = [toHex(spiI), toHex(spiR), initiator, response, messageId].join(" ");
    const reassembly = this.#fragments.get(key) ?? new FragmentReassembly();
    this.#fragments.delete(key);
    this.#fragments.set(key, reassembly);
    if (this.#fragments.size > MAX_FRAGMENTED_MESSAGES) {
      this.#fragments.delete(this.#fragments.keys().next().value!);
    }
    return reassembly;
  }

  /** What opens messages of one side; null where its keys are not known. */
  #protectionOf(sa: IkeSa, direction: Direction): IkeProtection | null {
    let protection = sa.protections[direction];
    if (protection === undefined) {
      const { encryption, integrity, skEi, skEr, skAi, skAr } = sa.keys;
      const [encryptionKey, integrityKey] = direction === "initiator" ? [skEi, skAi] : [skEr, skAr];
      const spec = { encryption, encryptionKey, integrity, integrityKey };
      protection = encryptionKey.length === 0 || (integrity !== null && integrityKey.length === 0)
        ? null
        : new IkeProtection({
          sealer: this.#crypto.createSealer(spec),
          opener: this.#crypto.createOpener(spec),
          // Nothing is sealed here.
          random: () => {},
        });
      sa.protections[direction] = protection;
    }
    return protection;
  }
}

type Direction = "initiator" | "responder";

interface IkeSa {
  readonly keys: IkeSaKeys;
  readonly protections: Partial<Record<Direction, IkeProtection | null>>;
}

/** Both SPIs begin an IKE header. */
const SPIS_SIZE = 16;

/** The names of payloads, as far as they can be read. */
function describe(firstType: number, content: Uint8Array): OpenedIke {
  const inner: string[] = [];
  try {
    for (const payload of walkChain(content, { firstType })) inner.push(describePayload(payload));
    return { decrypted: true, inner };
  } catch (error) {
    if (error instanceof IkeError) return { decrypted: true, inner, error };
    throw error;
  }
}
