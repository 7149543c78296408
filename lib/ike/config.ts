/**
 * What a connection is: the words of `swanctl.conf`, so that nobody learns a new vocabulary. Configurations are plain data,
 * and are checked when an engine is made (`IkeEngine`): a wrong word is refused then, not in mid-handshake.
 */

/** A time: seconds as a number, or `30s`, `5m`, `4h`, `1d`; 0 switches off. */
export type TimeValue = number | string;
/** A number of octets or packets, or `500k`, `2M`, `1G`; 0 switches off. */
export type AmountValue = number | string;

/** How one end proves who it is: the sections `local` and `remote`. */
export interface AuthenticationConfig {
  /**
   * `psk`, `pubkey` (or a kind of it: `rsa`, `ecdsa`, `ed25519`, with hashes as in `rsa-sha512`), `eap` (or a method:
   * `eap-mschapv2`), `null` (RFC 7619); of the remote end also `any`, a shared key or a signature (default: `pubkey`).
   */
  readonly auth?: string;
  /** Identity in strongSwan's notation; for the remote end a pattern (default: `%any`, and locally the address or the certificate's subject). */
  readonly id?: string;
  /**
   * The identity of EAP, where it is another one (default: `id`). Of the remote end a pattern (`%any`, `*@example`) has the peer asked,
   * and its answer must fit.
   */
  readonly eap_id?: string;
  /** Contents of certificate files: ours, or the only ones that the peer may have (default: any of the credentials). */
  readonly certs?: readonly (string | Uint8Array)[];
  /** Contents of certificate files of authorities that may have issued the peer's certificate (default: any of the credentials). */
  readonly cacerts?: readonly (string | Uint8Array)[];
  /** What is asked of revocation lists (default: `relaxed`). */
  readonly revocation?: "strict" | "ifuri" | "relaxed";
}

/** What a child SA carries and how: a section of `children`. */
export interface ChildConfig {
  /** Proposals such as `aes256gcm16-x25519`, the preferred one first, or `default`. */
  readonly esp_proposals?: string | readonly string[];
  /** Selectors of this end: `10.1.0.0/16`, `10.1.0.1[tcp/443]`, `dynamic` (default: `dynamic`, the virtual or outer address). */
  readonly local_ts?: string | readonly string[];
  /** Selectors of the peer (default: `dynamic`). */
  readonly remote_ts?: string | readonly string[];
  /** `tunnel` or `transport` (default: `tunnel`). */
  readonly mode?: "tunnel" | "transport";
  /**
   * One pair of addresses in each child SA (RFC 7296, section 2.9; default: false): one is asked for, and a peer that asks for more is
   * told SINGLE_PAIR_REQUIRED. No word of swanctl.conf, whose daemon has no such policy.
   */
  readonly single_pair?: boolean;
  /** When to rekey (default: `1h`). */
  readonly rekey_time?: TimeValue;
  /** When the SA ends (default: 110 % of `rekey_time`). */
  readonly life_time?: TimeValue;
  /** `rekey_time` comes earlier by a random part of this (default: `life_time` - `rekey_time`). */
  readonly rand_time?: TimeValue;
  /** Rekey after as many octets (default: 0, never). */
  readonly rekey_bytes?: AmountValue;
  /** End after as many octets (default: 110 % of `rekey_bytes`). */
  readonly life_bytes?: AmountValue;
  /** `rekey_bytes` comes earlier by a random part of this. */
  readonly rand_bytes?: AmountValue;
  /** Rekey after as many packets (default: 0, never). */
  readonly rekey_packets?: AmountValue;
  /** End after as many packets (default: 110 % of `rekey_packets`). */
  readonly life_packets?: AmountValue;
  /** `rekey_packets` comes earlier by a random part of this. */
  readonly rand_packets?: AmountValue;
}

/** A connection: a section of `connections`. */
export interface ConnectionConfig {
  /** Names the connection in inputs, events and errors. */
  readonly name: string;
  /** Addresses of this end for which it is meant: addresses, subnets, ranges, or `%any` (default). */
  readonly local_addrs?: string | readonly string[];
  /** Addresses of peers for which it is meant (default: `%any`). */
  readonly remote_addrs?: string | readonly string[];
  /** IKE proposals such as `aes256gcm16-prfsha384-x25519`, the preferred one first, or `default`. */
  readonly proposals?: string | readonly string[];
  /** Who we are. */
  readonly local?: AuthenticationConfig;
  /** Who the peer has to be. */
  readonly remote?: AuthenticationConfig;
  /** What is to be carried. The first one is made along with the IKE SA, unless `childless` says otherwise. */
  readonly children?: Readonly<Record<string, ChildConfig>>;
  /** Virtual addresses to ask for: `0.0.0.0`, `::`, or the wanted ones. */
  readonly vips?: string | readonly string[];
  /** Names of pools to give virtual addresses from. */
  readonly pools?: string | readonly string[];
  /** IKE SAs without a child (RFC 6023): accept it (`allow`, default), begin so where the peer can (`prefer`), insist, refuse. */
  readonly childless?: "allow" | "prefer" | "force" | "never";
  /** IKE fragmentation (RFC 7383): offer it (default), only accept it, or neither; `force` begins without waiting for loss. */
  readonly fragmentation?: "yes" | "accept" | "force" | "no";
  /** MOBIKE (RFC 4555; default: true). */
  readonly mobike?: boolean;
  /** Pretend to be behind a NAT, so that ESP is put into UDP (default: false). */
  readonly encap?: boolean;
  /** Check a silent peer after this (default: 0, never; RFC 7296, section 2.4). */
  readonly dpd_delay?: TimeValue;
  /** When to rekey the IKE SA (default: `4h`, or never where `reauth_time` is given). */
  readonly rekey_time?: TimeValue;
  /**
   * When to authenticate both ends anew (default: 0, never): who began makes another IKE SA with its child SAs before it deletes the
   * old one; who answered tells the peer (RFC 4478), and ends the SA when that has done nothing for `over_time`.
   */
  readonly reauth_time?: TimeValue;
  /** How long after `rekey_time` or `reauth_time`, whichever comes first, the SA ends (default: 10 % of the greater). */
  readonly over_time?: TimeValue;
  /** Both come earlier by a random part of this (default: `over_time`, or half of the shorter one if that is less). */
  readonly rand_time?: TimeValue;
  /** What becomes of older IKE SAs with the same peer (default: `no`, they go when the peer says INITIAL_CONTACT). */
  readonly unique?: "never" | "no" | "keep" | "replace";
  /** Tell the peer which authorities are known (default: true). */
  readonly send_certreq?: boolean;
  /** Send certificates (default: `ifasked`). */
  readonly send_cert?: "always" | "ifasked" | "never";
}

/** A pool of virtual addresses: a section of `pools`. */
export interface PoolConfig {
  /** A subnet or a range: `10.3.0.0/24`, `10.3.0.10-10.3.0.20`, `fd00::/112`. */
  readonly addrs: string;
  /** DNS servers to name along with an address. */
  readonly dns?: string | readonly string[];
  /** Subnets behind the gateway to name along with an address (INTERNAL_IP4_SUBNET, INTERNAL_IP6_SUBNET). */
  readonly subnet?: string | readonly string[];
}
