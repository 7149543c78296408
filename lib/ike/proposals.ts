/**
 * Proposals as strongSwan's users write them, `aes256gcm16-prfsha384-x25519` for IKE and `aes256gcm16-x25519-esn` for ESP:
 * read into rows of the tables of transforms, written into SA payloads, chosen from what a peer offers. Several keywords
 * of one kind are alternatives, several proposals a list, the preferred one first (RFC 7296, sections 2.7 and 3.3).
 */

import { ConfigError } from "../errors.ts";
import {
  type CryptoAlgorithm,
  type CryptoProviders,
  ENCRYPTION_TRANSFORMS,
  type EncryptionTransform,
  encryptionTransform,
  INTEGRITY_TRANSFORMS,
  type IntegrityTransform,
  integrityTransform,
  KEY_EXCHANGE_TRANSFORMS,
  type KeyExchangeTransform,
  keyExchangeTransform,
  MAX_PROPOSAL_LENGTH,
  parseEspProposal,
  PRF_TRANSFORMS,
  type PrfTransform,
  prfTransform,
  suggestKeywords,
} from "../crypto/mod.ts";
import { PROTOCOL } from "./codec/mod.ts";

/** A proposal of a configuration: alternatives for each type of transform, the preferred ones first. */
export interface ConfiguredProposal {
  /** Protocol: 1 IKE, 3 ESP. */
  readonly protocol: number;
  /** Encryption: all of them authenticate by themselves, or none does. */
  readonly encryption: readonly EncryptionTransform[];
  /** Pseudorandom functions; empty for ESP. */
  readonly prf: readonly PrfTransform[];
  /** Integrity; empty beside ciphers that authenticate by themselves. */
  readonly integrity: readonly IntegrityTransform[];
  /** Key exchanges; null stands for none, which ESP alone may do. Empty for ESP: none. */
  readonly keyExchange: readonly (KeyExchangeTransform | null)[];
  /** Whether sequence numbers have 64 bits: the choices for ESP; empty for IKE. */
  readonly esn: readonly boolean[];
}

/** The most proposals of a list: as many as an SA payload numbers in its octet, and strongSwan takes. */
export const MAX_CONFIGURED_PROPOSALS: number = 64;

/**
 * What `default` stands for in IKE. Of the algorithms that RFC 8247 wants, every one that libreswan, strongSwan, Apple's and
 * Windows' clients propose by themselves or by the settings that their makers advise, and none that it forbids: Windows must
 * be told to leave 1024-bit groups (`Set-VpnConnectionIPsecConfiguration -DHGroup Group14`, or `NegotiateDH2048_AES256`).
 */
export const DEFAULT_IKE_PROPOSALS: readonly string[] = [
  "aes256gcm16-aes128gcm16-chacha20poly1305-prfsha256-prfsha384-prfsha512-" +
  "x25519-ecp256-ecp384-ecp521-modp2048-modp3072-modp4096",
  "aes256-aes192-aes128-sha256-sha384-sha512-prfsha256-prfsha384-prfsha512-" +
  "x25519-ecp256-ecp384-ecp521-modp2048-modp3072-modp4096",
];

/**
 * What `default` stands for in ESP. HMAC-SHA1 comes last, for Windows, and is still what RFC 8221 calls MUST-. Without key
 * exchange: child SAs are made with keys of the IKE SA unless a configuration asks for more.
 */
export const DEFAULT_ESP_PROPOSALS: readonly string[] = [
  "aes256gcm16-aes128gcm16-chacha20poly1305-esn-noesn",
  "aes256-aes192-aes128-sha256-sha384-sha512-sha1-esn-noesn",
];

/**
 * Reads a list of IKE proposals, with commas between; `default` stands for {@linkcode DEFAULT_IKE_PROPOSALS}. As in
 * strongSwan, a pseudorandom function that is not named is that of the integrity keywords, and these mean nothing else
 * beside a cipher that authenticates by itself.
 *
 * @example
 * ```ts
 * import { formatProposal, parseIkeProposals } from "iketcp/ike";
 * import { deepStrictEqual, throws } from "node:assert";
 *
 * const proposals = parseIkeProposals("aes256gcm16-prfsha384-x25519, aes256-sha256-modp2048");
 * deepStrictEqual(proposals.map(formatProposal), [
 *   "aes256gcm16-prfsha384-x25519",
 *   "aes256-sha256-prfsha256-modp2048",
 * ]);
 * throws(() => parseIkeProposals("aes256gcm16-x25519"), /expected a pseudorandom function/);
 * ```
 */
export function parseIkeProposals(text: string): ConfiguredProposal[] {
  return parseList("IKE", text, DEFAULT_IKE_PROPOSALS, parseIkeProposal);
}

/**
 * Reads a list of ESP proposals, with commas between; `default` stands for {@linkcode DEFAULT_ESP_PROPOSALS}. Without `esn`
 * or `noesn`, sequence numbers have 32 bits. Key exchange is for perfect forward secrecy of later child SAs; the first one
 * has its keys from the IKE SA (RFC 7296, section 1.2).
 *
 * @example
 * ```ts
 * import { formatProposal, parseEspProposals } from "iketcp/ike";
 * import { deepStrictEqual } from "node:assert";
 *
 * const proposals = parseEspProposals("aes256gcm16-x25519-esn,aes256-sha256");
 * deepStrictEqual(proposals.map(formatProposal), ["aes256gcm16-x25519-esn", "aes256-sha256-noesn"]);
 * ```
 */
export function parseEspProposals(text: string): ConfiguredProposal[] {
  return parseList("ESP", text, DEFAULT_ESP_PROPOSALS, parseOneEspProposal);
}

/**
 * The proposals with only those transforms that can be had, and without those of which nothing is left: for `default`, on a
 * runtime that lacks algorithms.
 */
export function supportedProposals(
  proposals: readonly ConfiguredProposal[],
  crypto: Pick<CryptoProviders, "has">,
): ConfiguredProposal[] {
  const keep = <Row extends { readonly algorithm: CryptoAlgorithm | null } | null>(
    rows: readonly Row[],
  ): Row[] => rows.filter((row) => row === null || row.algorithm === null || crypto.has(row.algorithm));
  return proposals.flatMap((proposal) => {
    const kept = {
      ...proposal,
      encryption: keep(proposal.encryption),
      prf: keep(proposal.prf),
      integrity: keep(proposal.integrity),
      keyExchange: keep(proposal.keyExchange),
    };
    const whole = (["encryption", "prf", "integrity", "keyExchange"] as const).every((kind) =>
      kept[kind].length > 0 || proposal[kind].length === 0
    );
    return whole ? [kept] : [];
  });
}

/** Throws a `ConfigError` that names the first algorithm of some proposals that no provider has: for what somebody asks for by name. */
export function requireProposals(
  proposals: readonly ConfiguredProposal[],
  crypto: Pick<CryptoProviders, "providerOf">,
): void {
  for (const { encryption, prf, integrity, keyExchange } of proposals) {
    for (const row of [...encryption, ...prf, ...integrity, ...keyExchange]) {
      if (row === null || row.algorithm === null) continue;
      try {
        crypto.providerOf(row.algorithm);
      } catch (error) {
        throw new ConfigError(
          "ERR_CONFIG_PROPOSAL",
          `Cannot have ${row.keyword}: ${(error as Error).message}`,
          {
            cause: error,
          },
        );
      }
    }
  }
}

/** A proposal, or what was chosen of one, in the notation that it is read from. */
export function formatProposal(proposal: {
  readonly encryption: EncryptionTransform | readonly EncryptionTransform[];
  readonly integrity: IntegrityTransform | null | readonly IntegrityTransform[];
  readonly prf: PrfTransform | null | readonly PrfTransform[];
  readonly keyExchange: KeyExchangeTransform | null | readonly (KeyExchangeTransform | null)[];
  readonly esn?: boolean | null | readonly boolean[];
}): string {
  const { encryption, integrity, prf, keyExchange, esn = null } = proposal;
  const words: string[] = [];
  for (const rows of [encryption, integrity, prf]) {
    for (const row of listOf<{ readonly keyword: string } | null>(rows)) {
      if (row !== null) words.push(row.keyword);
    }
  }
  if (keyExchange !== null) {
    for (const row of listOf(keyExchange)) words.push(row?.keyword ?? NO_KEY_EXCHANGE);
  }
  for (const choice of listOf(esn)) if (choice !== null) words.push(choice ? "esn" : "noesn");
  return words.join("-");
}

/** The keyword for no key exchange. */
const NO_KEY_EXCHANGE = "none";
const NO_KEY_EXCHANGE_ALIAS = "modpnone";

const IKE_KEYWORDS: readonly string[] = [
  ...ENCRYPTION_TRANSFORMS.filter(isForIke),
  ...INTEGRITY_TRANSFORMS,
  ...PRF_TRANSFORMS,
  ...KEY_EXCHANGE_TRANSFORMS,
].map(({ keyword }) => keyword);

function listOf<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T];
}

function parseList(
  protocol: string,
  text: string,
  defaults: readonly string[],
  parse: (text: string) => ConfiguredProposal,
): ConfiguredProposal[] {
  const words = text.split(",").map((word) => word.trim());
  const proposals = words.flatMap((word) => (word === "default" ? defaults : [word]).map(parse));
  if (proposals.length > MAX_CONFIGURED_PROPOSALS) {
    refuse(protocol, text, `expected at most ${MAX_CONFIGURED_PROPOSALS} proposals, got ${proposals.length}`);
  }
  return proposals;
}

function parseIkeProposal(text: string): ConfiguredProposal {
  if (text.length > MAX_PROPOSAL_LENGTH) {
    refuse("IKE", text, `expected at most ${MAX_PROPOSAL_LENGTH} characters, got ${text.length}`);
  }
  const encryption = new Set<EncryptionTransform>();
  const integrity = new Set<IntegrityTransform>();
  const prf = new Set<PrfTransform>();
  const keyExchange = new Set<KeyExchangeTransform>();
  for (const keyword of text.toLowerCase().split("-")) {
    const rows = [
      [encryption, encryptionTransform(keyword)],
      [integrity, integrityTransform(keyword)],
      [prf, prfTransform(keyword)],
      [keyExchange, keyExchangeTransform(keyword)],
    ] as const;
    const found = rows.find(([, row]) => row !== undefined);
    if (found === undefined) refuseKeyword("IKE", text, keyword, IKE_KEYWORDS);
    (found[0] as Set<unknown>).add(found[1]);
  }
  checkIkeEncryption(text, [...encryption]);
  const authenticated = [...encryption][0]!.icvSize > 0;
  if (!authenticated && integrity.size === 0) {
    refuse("IKE", text, "expected an integrity keyword such as sha256, got none");
  }
  if (prf.size === 0) { for (const row of prfsOf([...integrity])) prf.add(row); }
  if (prf.size === 0) refuse("IKE", text, "expected a pseudorandom function such as prfsha256, got none");
  if (keyExchange.size === 0) refuse("IKE", text, "expected a key exchange such as x25519, got none");
  return {
    protocol: PROTOCOL.ike,
    encryption: [...encryption],
    prf: [...prf],
    integrity: authenticated ? [] : [...integrity],
    keyExchange: [...keyExchange],
    esn: [],
  };
}

function checkIkeEncryption(text: string, encryption: readonly EncryptionTransform[]): void {
  if (encryption.length === 0) {
    refuse("IKE", text, "expected an encryption keyword such as aes256gcm16, got none");
  }
  const wrong = encryption.find((row) => !isForIke(row));
  if (wrong !== undefined) {
    refuse("IKE", text, `expected a cipher for IKE, got ${wrong.keyword}, which is for ESP only`);
  }
  // RFC 5282, section 8: no integrity algorithm may be chosen beside an AEAD, so one proposal cannot hold both kinds.
  const kinds = new Set(encryption.map(({ icvSize }) => icvSize > 0));
  if (kinds.size > 1) {
    refuse(
      "IKE",
      text,
      "expected ciphers of one kind, got some that need an integrity keyword and some that do not",
    );
  }
}

/** Ciphers that hide what they carry, with an IV of their own: RFC 8750, section 5 keeps implicit IVs out of IKE. */
function isForIke({ mode, implicitIv }: EncryptionTransform): boolean {
  return mode !== "null" && mode !== "gmac" && !implicitIv;
}

/** The pseudorandom functions made of the same algorithms as these integrity transforms. */
function prfsOf(integrity: readonly IntegrityTransform[]): PrfTransform[] {
  return integrity.flatMap(({ algorithm }) => PRF_TRANSFORMS.filter((row) => row.algorithm === algorithm));
}

function parseOneEspProposal(text: string): ConfiguredProposal {
  const { encryption, integrity, others } = parseEspProposal(text);
  const keyExchange: (KeyExchangeTransform | null)[] = [];
  const esn: boolean[] = [];
  for (const keyword of others) {
    if (keyword === "esn" || keyword === "noesn") esn.push(keyword === "esn");
    else if (keyword === NO_KEY_EXCHANGE || keyword === NO_KEY_EXCHANGE_ALIAS) keyExchange.push(null);
    else {
      const row = keyExchangeTransform(keyword);
      if (row === undefined) {
        refuseKeyword("ESP", text, keyword, KEY_EXCHANGE_TRANSFORMS.map((known) => known.keyword));
      }
      keyExchange.push(row);
    }
  }
  return {
    protocol: PROTOCOL.esp,
    encryption,
    prf: [],
    integrity,
    keyExchange,
    esn: esn.length === 0 ? [false] : esn,
  };
}

/** Keywords of key exchanges, those that strongSwan has and this toolkit has not among them. */
const KEY_EXCHANGE_KEYWORD = /^(ke\d_)?(modp|ecp|x25|x448|curve|mlkem)/;

function refuseKeyword(protocol: string, text: string, keyword: string, known: readonly string[]): never {
  const shown = JSON.stringify(keyword.slice(0, 40));
  const groups = KEY_EXCHANGE_TRANSFORMS.map((row) => row.keyword).join(", ");
  const help = KEY_EXCHANGE_KEYWORD.test(keyword)
    ? `; key exchanges are ${groups}`
    : suggestKeywords(keyword, known);
  refuse(protocol, text, `unknown keyword ${shown}${help}`);
}

function refuse(protocol: string, text: string, why: string): never {
  const shown = JSON.stringify(text.slice(0, 80));
  throw new ConfigError("ERR_CONFIG_PROPOSAL", `Cannot read the ${protocol} proposal ${shown}: ${why}`);
}
