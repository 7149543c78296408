/** What the engines of a simulation are told: connections, credentials, pools, limits. */

import type { Credentials } from "../../../lib/ike/auth/mod.ts";
import { parseIdentity } from "../../../lib/ike/auth/mod.ts";
import type { ConnectionConfig, IkeEngineOptions } from "../../../lib/ike/mod.ts";
import { NOW, pem } from "../auth/_pki.ts";
import { sharedSecret } from "../_pair.ts";
import type { Settings } from "./_settings.ts";

type EngineConfig = Omit<IkeEngineOptions, "crypto" | "random">;

const COMMON = { proposals: "aes128gcm16-prfsha256-x25519", dpd_delay: "30s", unique: "no" } as const;
/** Far behind the rekeys, so that none is too late in the worst network. */
const OVER = 480;
/** Before `retry_time` is over a second time. */
const OVER_SOON = 15;
const VOLUMES = {
  none: {},
  soft: { rekey_packets: 40, rand_packets: 20, life_packets: 100_000, rekey_bytes: 4000, life_bytes: "1G" },
  hard: { rekey_packets: 40, rand_packets: 5, life_packets: 44 },
} as const;
const PASSWORD = "a password";

/** The end that answers. */
export function serverConfig(settings: Settings): EngineConfig {
  const { auth, eap, vips, ipv6, initiators, transport } = settings;
  const child = { ...childOf(settings, settings.group === "guess" ? "x25519" : settings.group) };
  const remote_ts = vips || transport ? "dynamic" : ipv6 ? "fd00::/16" : "10.0.0.0/8";
  const connection: ConnectionConfig = {
    name: "any",
    ...commonOf(settings),
    local: auth === "psk"
      ? { auth: "psk", id: "gw.example.org" }
      : { auth: "pubkey", id: "gw.example.org", certs: [pem("gw-rsa")] },
    remote: auth === "eap"
      ? { auth: eap, eap_id: "%any" }
      : auth === "certs"
      ? { auth: "pubkey", id: "*@example.org" }
      : { auth: "psk" },
    children: {
      net: { ...child, local_ts: networkOf(settings, 1), remote_ts },
      other: { ...child, local_ts: networkOf(settings, 2), remote_ts },
    },
    ...(vips ? { pools: "vip" } : {}),
  };
  // As few as to be scarce when attempts and SAs pile up.
  const last = 4 * initiators;
  return {
    ...engineOf(settings),
    connections: [connection],
    credentials: credentialsOf(settings, true),
    ...(vips
      ? {
        pools: {
          vip: { addrs: ipv6 ? `fd00:9::1-fd00:9::${last.toString(16)}` : `10.9.0.1-10.9.0.${last}` },
        },
      }
      : {}),
  };
}

/** The `number`th end that begins. */
export function clientConfig(settings: Settings, number: number): EngineConfig {
  const { auth, eap, vips, ipv6, group, transport, childless } = settings;
  const child = childOf(settings, group === "guess" ? "ecp256-x25519" : group);
  const local_ts = vips || transport
    ? "dynamic"
    : ipv6
    ? `fd00:${(100 + number).toString(16)}::/32`
    : `10.${100 + number}.0.0/16`;
  const id = auth === "certs" ? "carol@example.org" : `client${number}.example`;
  const connection: ConnectionConfig = {
    name: "up",
    ...commonOf(settings),
    childless,
    local: auth === "eap"
      ? { auth: eap, id, eap_id: id }
      : auth === "certs"
      ? { auth: "pubkey", id, certs: [pem("carol-rsa")] }
      : { auth: "psk", id },
    remote: auth === "psk" ? { auth: "psk", id: "gw.example.org" } : { auth: "pubkey", id: "gw.example.org" },
    children: {
      net: { ...child, local_ts, remote_ts: networkOf(settings, 1) },
      other: { ...child, local_ts, remote_ts: networkOf(settings, 2) },
    },
    ...(vips ? { vips: ipv6 ? "::" : "0.0.0.0" } : {}),
  };
  return { ...engineOf(settings), connections: [connection], credentials: credentialsOf(settings, false) };
}

/** What is behind the end that answers, or that end itself. */
function networkOf({ ipv6, transport }: Settings, number: number): string {
  return transport ? "dynamic" : ipv6 ? `fd00:${number}::/32` : `10.${number}.0.0/16`;
}

function commonOf({ timed, reauth, pace }: Settings) {
  const seconds = pace.rekey / 1000;
  const times = { rekey_time: seconds, rand_time: 0.9 * seconds, over_time: OVER };
  return { ...COMMON, ...(timed ? times : {}), ...(timed && reauth ? { reauth_time: 1.5 * seconds } : {}) };
}

function childOf({ timed, shortLives, volume, pace, transport }: Settings, group: string) {
  const seconds = 0.8 * pace.rekey / 1000;
  const over = shortLives ? OVER_SOON : OVER;
  return {
    ...(transport ? { mode: "transport" } as const : {}),
    esp_proposals: group === "none" ? "aes128gcm16" : `aes128gcm16-${group}`,
    ...(timed ? { rekey_time: seconds, rand_time: 0.9 * seconds, life_time: seconds + over } : {}),
    ...VOLUMES[volume],
  };
}

function engineOf({ quality, window }: Settings): Pick<EngineConfig, "wallClock" | "limits"> {
  return {
    wallClock: () => NOW,
    limits: { window_size: window, ...(quality.mtu < 1280 ? { max_fragment_size: 576 } : {}) },
  };
}

function credentialsOf({ auth, initiators }: Settings, isServer: boolean): Credentials {
  const credentials = sharedSecret();
  if (auth === "psk") return credentials;
  const own = isServer ? "gw-rsa" : auth === "certs" ? "carol-rsa" : null;
  if (own !== null) {
    credentials.addCertificates(pem(own));
    credentials.addPrivateKey(pem(`${own}.key`));
  }
  if (!isServer || auth === "certs") credentials.addAuthorities(pem("ca-rsa"));
  if (auth === "eap") {
    for (let i = 0; i < initiators; i++) {
      credentials.addEapUser({ identity: parseIdentity(`client${i}.example`), password: PASSWORD });
    }
  }
  return credentials;
}
