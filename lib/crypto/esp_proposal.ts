/**
 * ESP proposals as strongSwan's users write them: keywords with hyphens between, such as `aes256gcm16-x25519` or
 * `aes128-aes256-sha256-modp2048-esn`. Several keywords of one kind are alternatives.
 */

import { ConfigError } from "../errors.ts";
import { suggestKeywords } from "./keyword_suggestion.ts";
import {
  ENCRYPTION_TRANSFORMS,
  type EncryptionTransform,
  encryptionTransform,
  INTEGRITY_TRANSFORMS,
  type IntegrityTransform,
  integrityTransform,
} from "./transforms.ts";

/** Keywords of key exchange, and of the size of sequence numbers: known, and not this room's business. */
const OTHER_KEYWORDS = [
  /^modp(768|1024|1536|2048|3072|4096|6144|8192|1024s160|2048s224|2048s256|none)$/,
  /^(ecp(192|224|256|384|521)(bp)?|ecp512bp)$/,
  /^(x25519|curve25519|x448|curve448|none)$/,
  /^(ke[1-7]_)?(mlkem(512|768|1024)|none)$/,
  /^ke[1-7]_(modp\d+|ecp\d+(bp)?|x25519|curve25519|x448|curve448)$/,
  /^(no)?esn$/,
];

/** Keywords that a message may suggest. */
const CIPHER_KEYWORDS = [...ENCRYPTION_TRANSFORMS, ...INTEGRITY_TRANSFORMS].map(({ keyword }) => keyword);

/** The most characters of a proposal: every keyword of the table together has fewer. */
export const MAX_PROPOSAL_LENGTH: number = 1024;

/** An ESP proposal, as far as ciphers go. */
export interface EspProposal {
  /** Alternatives for encryption, in the order written. */
  readonly encryption: readonly EncryptionTransform[];
  /** Alternatives for integrity, in the order written; empty beside transforms that authenticate by themselves. */
  readonly integrity: readonly IntegrityTransform[];
  /** Keywords of key exchange and `esn`/`noesn`, as written. */
  readonly others: readonly string[];
}

/**
 * Reads the encryption and integrity keywords of an ESP proposal. An integrity keyword beside a cipher that authenticates
 * by itself is dropped, as strongSwan does; one proposal cannot hold ciphers of both kinds (RFC 7296, section 3.3).
 *
 * @example
 * ```ts
 * import { parseEspProposal } from "iketcp/crypto";
 * import { deepStrictEqual, throws } from "node:assert";
 *
 * const { encryption, others } = parseEspProposal("chacha20poly1305-x25519");
 * deepStrictEqual(encryption.map(({ id }) => id), [28]);
 * deepStrictEqual(others, ["x25519"]);
 * throws(() => parseEspProposal("aes256gcm61"), /did you mean "aes256gcm16"/);
 * ```
 */
export function parseEspProposal(text: string): EspProposal {
  const shown = JSON.stringify(text.slice(0, 80));
  const refuse = (why: string): never => {
    throw new ConfigError("ERR_CONFIG_PROPOSAL", `Cannot read the ESP proposal ${shown}: ${why}`);
  };
  if (text.length > MAX_PROPOSAL_LENGTH) {
    refuse(`expected at most ${MAX_PROPOSAL_LENGTH} characters, got ${text.length}`);
  }
  const encryption = new Set<EncryptionTransform>();
  const integrity = new Set<IntegrityTransform>();
  const others = new Set<string>();
  for (const keyword of text.trim().toLowerCase().split("-")) {
    const cipher = encryptionTransform(keyword);
    const mac = integrityTransform(keyword);
    if (cipher !== undefined) encryption.add(cipher);
    else if (mac !== undefined) integrity.add(mac);
    else if (OTHER_KEYWORDS.some((pattern) => pattern.test(keyword))) others.add(keyword);
    else {refuse(
        `unknown keyword ${JSON.stringify(keyword.slice(0, 40))}${suggestKeywords(keyword, CIPHER_KEYWORDS)}`,
      );}
  }
  if (encryption.size === 0) refuse("expected an encryption keyword such as aes256gcm16, got none");
  const needMac = [...encryption].filter(({ icvSize }) => icvSize === 0);
  if (needMac.length === 0) integrity.clear();
  else if (needMac.length < encryption.size) {
    refuse(
      `expected ciphers of one kind, got some that need an integrity keyword (${
        needMac.map(({ keyword }) => keyword).join(", ")
      }) and some that do not`,
    );
  } else if (integrity.size === 0) {
    refuse(`expected an integrity keyword such as sha256 beside ${needMac[0]!.keyword}, got none`);
  }
  return { encryption: [...encryption], integrity: [...integrity], others: [...others] };
}
