/** Configurations of our own engine, in swanctl's words, that fit the daemons' of the lab. */

import { directory } from "./lab.mjs";

const pki = (file) => `${directory}/pki/${file}`;

/** Who may stand for carol or for moon, by the connection's name in the daemons' configuration. */
export const methods = {
  psk: { sentence: "a pre-shared key", carol: "psk", moon: "psk", id: "psk" },
  rsa: { sentence: "RSA, PKCS #1", carol: "pubkey", moon: "pubkey", id: "rsa" },
  rsapss: { sentence: "RSA, PSS", carol: "rsa/pss-sha512", moon: "rsa/pss-sha384", id: "rsapss" },
  ecdsa: { sentence: "ECDSA, P-256", carol: "pubkey", moon: "pubkey", id: "ecdsa" },
  ecdsa384: {
    sentence: "ECDSA, P-384 with an intermediate authority",
    carol: "pubkey",
    moon: "pubkey",
    id: "ecdsa384",
  },
  ed25519: { sentence: "Ed25519", carol: "pubkey", moon: "pubkey", id: "ed25519" },
  ed448: { sentence: "Ed448", carol: "pubkey", moon: "pubkey", id: "ed448" },
  mschapv2: {
    sentence: "EAP-MSCHAPv2",
    carol: "eap-mschapv2",
    moon: "pubkey",
    id: "mschapv2",
    moonId: "ecdsa",
    user: true,
  },
  md5: { sentence: "EAP-MD5", carol: "eap-md5", moon: "pubkey", id: "md5", moonId: "ecdsa", user: true },
  gtc: { sentence: "EAP-GTC", carol: "eap-gtc", moon: "pubkey", id: "gtc", moonId: "ecdsa", user: true },
  tls: { sentence: "EAP-TLS", carol: "eap-tls", moon: "pubkey", id: "rsa", moonId: "ecdsa" },
  eaponly: {
    sentence: "EAP-TLS and nothing else",
    carol: "eap-tls",
    moon: "eap-tls",
    id: "ecdsa384",
    moonId: "rsa",
  },
};

/** The methods that a runtime has: Deno's TLS exports no keys, without which there is no EAP-TLS. */
export function methodsOf(runtime) {
  const all = Object.keys(methods);
  return runtime === "deno"
    ? all.filter((name) => ![methods[name].carol, methods[name].moon].includes("eap-tls"))
    : all;
}

const kinds = ["rsa", "ecdsa", "ecdsa384", "ed25519", "ed448"];

/** Everything that carol or moon has. */
export function credentials(side, options = {}) {
  const { secret = "swlab shared secret", authorities = ["rsa", "ecdsa", "ed25519"] } = options;
  return {
    psks: [{ ids: ["carol-psk.swlab.example", "moon-psk.swlab.example"], secret }],
    certs: [...kinds.map((kind) => pki(`${side}-${kind}.pem`)), pki("sub-ecdsa.pem")],
    keys: kinds.map((kind) => pki(`${side}-${kind}.key`)),
    cacerts: authorities.map((kind) => pki(`ca-${kind}.pem`)),
    users: [{ id: "carol", secret: "Ar3etTnp" }],
  };
}

/** A connection that stands for carol: it asks moon. `more` replaces or adds words. */
export function asCarol(method, more = {}) {
  const { carol, moon, id, moonId = id, user } = methods[method];
  return {
    name: method,
    local: { auth: carol, id: `carol-${id}.swlab.example`, ...(user ? { eap_id: "carol" } : {}) },
    remote: { auth: moon, id: `moon-${moonId}.swlab.example` },
    vips: "0.0.0.0",
    children: { net: { remote_ts: "10.99.1.0/24" } },
    ...more,
  };
}

/** A connection that stands for moon: carol asks it. `more` replaces or adds words. */
export function asMoon(method, more = {}) {
  const { carol, moon, id, moonId = id, user } = methods[method];
  return {
    name: method,
    local: { auth: moon, id: `moon-${moonId}.swlab.example` },
    remote: { auth: carol, id: `carol-${id}.swlab.example`, ...(user ? { eap_id: "%any" } : {}) },
    pools: "pool4",
    children: { net: { local_ts: "10.99.1.0/24" } },
    ...more,
  };
}

/** A setup for the end that begins. */
export function initiator(connections, more = {}) {
  return { role: "originator", connections, credentials: credentials("carol"), ...more };
}

/** A setup for the end that answers. */
export function responder(connections, more = {}) {
  return {
    role: "responder",
    connections,
    credentials: credentials("moon"),
    pools: { pool4: { addrs: "10.99.2.0/24" } },
    ...more,
  };
}
