/** A configuration made ready: every word understood, every default in its place, everything of one kind. */

import { ConfigError } from "../errors.ts";
import type { CryptoProviders } from "../crypto/mod.ts";
import { compareAddresses, parseIpAddress, parseTrafficSelector, type TrafficSelector } from "../ip/mod.ts";
import { Words } from "./_words.ts";
import {
  ANY_IDENTITY,
  authKind,
  type Certificate,
  type Identity,
  parseIdentity,
  readCertificates,
} from "./auth/mod.ts";
import { eapMethods } from "./eap/mod.ts";
import type { ConnectionConfig } from "./config.ts";
import {
  type ConfiguredProposal,
  parseEspProposals,
  parseIkeProposals,
  requireProposals,
  supportedProposals,
} from "./proposals.ts";
import { type ConfiguredSelector, parseConfiguredSelector } from "./traffic_selectors.ts";

/** Selectors of one side, of which a TS payload has no more (RFC 7296, section 3.13). */
const MAX_SELECTORS = 255;

/** How one end proves who it is. */
export interface AuthenticationSettings {
  /** The word of the configuration. */
  readonly auth: string;
  /** An identity, or a pattern; null stands for the address, or what the certificate says. */
  readonly id: Identity | null;
  /** The identity of EAP; null for `id`. */
  readonly eapId: Identity | null;
  /** The only certificates that may be used; none for all of the credentials. */
  readonly certificates: readonly Certificate[];
  /** The only authorities that count; none for all of the credentials. */
  readonly authorities: readonly Certificate[];
  readonly revocation: "strict" | "ifuri" | "relaxed";
}

/** When an SA is renewed and when it ends, counted in one thing; 0 for never. */
export interface Lifetime {
  /** Renew at the latest. */
  readonly rekey: number;
  /** End. */
  readonly life: number;
  /** Renew earlier by a random part of this. */
  readonly rand: number;
}

/** What a child SA carries and how. */
export interface Child {
  readonly name: string;
  readonly proposals: readonly ConfiguredProposal[];
  readonly local: readonly ConfiguredSelector[];
  readonly remote: readonly ConfiguredSelector[];
  readonly mode: "tunnel" | "transport";
  /** One pair of addresses a child SA. */
  readonly singlePair: boolean;
  /** Milliseconds. */
  readonly time: Lifetime;
  readonly bytes: Lifetime;
  readonly packets: Lifetime;
}

/** A connection. Times are milliseconds, 0 for never. */
export interface Connection {
  /** Names it in inputs, events and errors. */
  readonly name: string;
  /** Addresses of this end for which it is meant. */
  readonly localAddresses: readonly TrafficSelector[];
  /** Addresses of peers for which it is meant. */
  readonly remoteAddresses: readonly TrafficSelector[];
  /** What is offered and accepted, the preferred one first. */
  readonly proposals: readonly ConfiguredProposal[];
  /** Who we are. */
  readonly local: AuthenticationSettings;
  /** Who the peer has to be. */
  readonly remote: AuthenticationSettings;
  /** What is to be carried, by name. */
  readonly children: ReadonlyMap<string, Child>;
  /** Virtual addresses to ask for. */
  readonly vips: readonly Uint8Array[];
  /** Pools to give virtual addresses from. */
  readonly pools: readonly string[];
  /** Whether IKE SAs go without a child (RFC 6023). */
  readonly childless: "allow" | "prefer" | "force" | "never";
  /** IKE fragmentation (RFC 7383). */
  readonly fragmentation: "yes" | "accept" | "force" | "no";
  /** MOBIKE (RFC 4555). */
  readonly mobike: boolean;
  /** Pretend to be behind a NAT. */
  readonly encap: boolean;
  /** Milliseconds after which a silent peer is asked; 0 for never. */
  readonly dpdDelay: number;
  /** Milliseconds to a rekey; 0 for never. */
  readonly rekeyTime: number;
  /** Milliseconds to a new authentication; 0 for never. */
  readonly reauthTime: number;
  /** Milliseconds from either to the end. */
  readonly overTime: number;
  /** Milliseconds by which both come earlier, at random. */
  readonly randTime: number;
  /** What becomes of older IKE SAs with the same peer. */
  readonly unique: "never" | "no" | "keep" | "replace";
  /** Tell the peer which authorities are known. */
  readonly sendCertreq: boolean;
  /** When certificates are sent. */
  readonly sendCert: "always" | "ifasked" | "never";
}

/** Makes a connection of its configuration; throws a `ConfigError` that names the word for anything that is not understood. */
export function readConnection(config: ConnectionConfig, crypto: CryptoProviders): Connection {
  const words = new Words(config, `connections.${config.name}`);
  const name = words.text("name");
  if (name === undefined || name === "") throw words.refused("name", "a name", config.name);
  // As swanctl.conf derives them: a new authentication makes new keys too, so with `reauth_time` alone there is no rekey.
  const reauthTime = words.time("reauth_time", 0);
  const rekeyTime = words.time("rekey_time", words.has("reauth_time") ? 0 : 4 * 3_600_000);
  const times = [rekeyTime, reauthTime].filter((time) => time > 0);
  const overTime = words.time("over_time", Math.floor(Math.max(0, ...times) / 10));
  const halfOfFirst = times.length === 0 ? 0 : Math.floor(Math.min(...times) / 2);
  const connection: Connection = {
    name,
    localAddresses: addressPatterns(words, "local_addrs"),
    remoteAddresses: addressPatterns(words, "remote_addrs"),
    proposals: readProposals(words, "proposals", parseIkeProposals, crypto),
    local: readAuthentication(words.section("local"), "local"),
    remote: readAuthentication(words.section("remote"), "remote"),
    children: new Map(
      words.sections("children").map(([child, section]) => [child, readChild(child, section, crypto)]),
    ),
    vips: (words.list("vips") ?? []).map((text) => parseAddress(words, "vips", text)),
    pools: words.list("pools") ?? [],
    childless: words.oneOf("childless", ["allow", "prefer", "force", "never"], "allow"),
    fragmentation: words.oneOf("fragmentation", ["yes", "accept", "force", "no"], "yes"),
    mobike: words.flag("mobike", true),
    encap: words.flag("encap", false),
    dpdDelay: words.time("dpd_delay", 0),
    rekeyTime,
    reauthTime,
    overTime,
    randTime: words.time("rand_time", Math.min(overTime, halfOfFirst)),
    unique: words.oneOf("unique", ["never", "no", "keep", "replace"], "no"),
    sendCertreq: words.flag("send_certreq", true),
    sendCert: words.oneOf("send_cert", ["always", "ifasked", "never"], "ifasked"),
  };
  words.end();
  return connection;
}

function readAuthentication(words: Words, end: "local" | "remote"): AuthenticationSettings {
  const identity = (word: string) => {
    const text = words.text(word);
    return text === undefined ? null : words.convert(word, text, parseIdentity);
  };
  const settings: AuthenticationSettings = {
    auth: readAuth(words, end),
    id: identity("id"),
    eapId: identity("eap_id"),
    certificates: certificates(words, "certs"),
    authorities: certificates(words, "cacerts"),
    revocation: words.oneOf("revocation", ["strict", "ifuri", "relaxed"], "relaxed"),
  };
  words.end();
  return settings;
}

function readAuth(words: Words, end: "local" | "remote"): string {
  const auth = words.text("auth") ?? "pubkey";
  if (auth === "any" && end === "local") throw words.refused("auth", "one way to prove who we are", auth);
  words.convert(
    "auth",
    auth,
    (word): unknown => word.startsWith("eap") ? eapMethods(word) : word === "any" || authKind(word),
  );
  return auth;
}

function certificates(words: Words, word: string): Certificate[] {
  return words.files(word).flatMap((file) => words.convert(word, file, readCertificates));
}

/** What is asked for by name must be there; of the default ones, those are taken that are. */
function readProposals(
  words: Words,
  word: string,
  parse: (text: string) => ConfiguredProposal[],
  crypto: CryptoProviders,
): ConfiguredProposal[] {
  const proposals = (words.list(word) ?? ["default"]).flatMap((text) =>
    words.convert(word, text, () => {
      const parsed = parse(text);
      if (text === "default") return supportedProposals(parsed, crypto);
      requireProposals(parsed, crypto);
      return parsed;
    })
  );
  if (proposals.length > 0) return proposals;
  throw words.refused(word, "a proposal that a provider of algorithms has", words.list(word) ?? "default");
}

function readChild(name: string, words: Words, crypto: CryptoProviders): Child {
  const child: Child = {
    name,
    proposals: readProposals(words, "esp_proposals", parseEspProposals, crypto),
    local: selectors(words, "local_ts"),
    remote: selectors(words, "remote_ts"),
    mode: words.oneOf("mode", ["tunnel", "transport"], "tunnel"),
    singlePair: words.flag("single_pair", false),
    time: readLifetime(words, "time", (word, usual) => words.time(word, usual), 3_600_000),
    bytes: readLifetime(words, "bytes", (word, usual) => words.amount(word, usual), 0),
    packets: readLifetime(words, "packets", (word, usual) => words.amount(word, usual), 0),
  };
  words.end();
  return child;
}

/** swanctl.conf: the life is 10 % longer than the time of the rekey, and the rekey comes earlier by up to the difference. */
function readLifetime(
  words: Words,
  what: string,
  read: (word: string, usual: number) => number,
  usual: number,
): Lifetime {
  // With only a life given, the rekey is what the life leaves.
  const given = words.has(`rekey_${what}`);
  const life = words.has(`life_${what}`) ? read(`life_${what}`, 0) : null;
  const rekey = given || life === null
    ? read(`rekey_${what}`, usual)
    : read(`rekey_${what}`, Math.floor(life * 10 / 11));
  const end = life ?? read(`life_${what}`, Math.floor(rekey * 11 / 10));
  if (end > 0 && rekey > end) throw words.refused(`rekey_${what}`, `at most life_${what} (${end})`, rekey);
  const rand = read(`rand_${what}`, end > 0 && rekey > 0 ? end - rekey : 0);
  return { rekey, life: end, rand: Math.min(rand, Math.max(0, rekey - 1)) };
}

function selectors(words: Words, word: string): ConfiguredSelector[] {
  const list = words.list(word) ?? ["dynamic"];
  if (list.length > MAX_SELECTORS) {
    throw words.refused(word, `at most ${MAX_SELECTORS} selectors`, String(list.length));
  }
  return list.map((text) => words.convert(word, text, parseConfiguredSelector));
}

function parseAddress(words: Words, word: string, text: string): Uint8Array {
  const address = parseIpAddress(text);
  if (address === undefined) throw words.refused(word, "IP addresses", text);
  return address;
}

/** Addresses, subnets and ranges; empty for any. */
function addressPatterns(words: Words, word: string): TrafficSelector[] {
  return (words.list(word) ?? []).filter((text) => text !== "%any").map((text) => {
    try {
      return parseTrafficSelector(text);
    } catch {
      throw words.refused(
        word,
        "%any, addresses, subnets or ranges (names are resolved by the caller)",
        text,
      );
    }
  });
}

/** Whether a connection is meant for a pair of addresses. */
export function isMeantFor(connection: Connection, local: Uint8Array, remote: Uint8Array): boolean {
  return includes(connection.localAddresses, local) && includes(connection.remoteAddresses, remote);
}

function includes(patterns: readonly TrafficSelector[], address: Uint8Array): boolean {
  return patterns.length === 0 ||
    patterns.some(({ start, end }) =>
      start.length === address.length && compareAddresses(start, address) <= 0 &&
      compareAddresses(address, end) <= 0
    );
}

/** Who the peer has to be: a pattern. */
export function remotePattern(connection: Connection): Identity {
  return connection.remote.id ?? ANY_IDENTITY;
}

/** Connections by name; throws a `ConfigError` for a name that comes twice, and for pools that there are not. */
export function readConnections(
  configs: readonly ConnectionConfig[],
  pools: ReadonlyMap<string, unknown>,
  crypto: CryptoProviders,
): ReadonlyMap<string, Connection> {
  const connections = new Map<string, Connection>();
  for (const config of configs) {
    const connection = readConnection(config, crypto);
    if (connections.has(connection.name)) {
      throw new ConfigError(
        "ERR_CONFIG_OPTION",
        `Cannot use connections.${connection.name}: the name comes twice`,
      );
    }
    const missing = connection.pools.find((name) => !pools.has(name));
    if (missing !== undefined) {
      throw new ConfigError(
        "ERR_CONFIG_OPTION",
        `Cannot use connections.${connection.name}.pools: expected ${
          [...pools.keys()].join(", ") || "no pool"
        }, got ${missing}`,
      );
    }
    connections.set(connection.name, connection);
  }
  return connections;
}
