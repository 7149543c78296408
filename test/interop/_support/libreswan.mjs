/**
 * libreswan as a peer that speaks RFC 9329 itself. Two kinds: pluto alone in a namespace, with IKE over TCP and no ESP; and
 * machines with a kernel that has ESP in TCP. Both come from `lab/libreswan`, which says what they need.
 */

import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

import { lastLines, run } from "./shell.mjs";

const scripts = fileURLToPath(new URL("../lab/libreswan/", import.meta.url));

/** Where the root file system, the kernel, keys and logs are. */
export const libreswanDirectory = process.env.LSW_LAB ?? "/var/tmp/iketcp-libreswan";

const identity = (name) => `${name}.lab.test`;
const pki = (file) => `${libreswanDirectory}/pki/${file}`;

/** What the connections of the lab accept first. */
const proposals = "aes256gcm16-prfsha512-x25519";

/** The secrets, certificates and keys of the client's side. */
export const clientCredentials = {
  psks: [{
    ids: ["gw", "gw-split", "gw-net", "host", "client"].map(identity),
    secret: "lab-shared-secret-0123456789abcdef",
  }],
  certs: [pki("client-rsa.crt"), pki("client-ec.crt")],
  keys: [pki("client-rsa.key"), pki("client-ec.key")],
  cacerts: [pki("ca.crt")],
};

/** A connection of ours to one of libreswan's, by the name that it has there. */
export function toLibreswan(name, more = {}) {
  const kind = { "cert-rsa": "-rsa", "cert-ec": "-ec" }[name];
  const gateway = { psk: "gw", "psk-split": "gw-split", "psk-net": "gw-net" }[name] ?? `gw${kind}`;
  const auth = kind === undefined ? "psk" : "pubkey";
  return {
    name,
    proposals,
    local: { auth, id: identity(`client${kind ?? ""}`) },
    remote: { auth, id: identity(gateway) },
    vips: "0.0.0.0",
    children: {
      net: {
        remote_ts: name.startsWith("psk-") ? "192.0.2.0/24" : "0.0.0.0/0",
        esp_proposals: "aes256gcm16",
      },
    },
    ...more,
  };
}

/** What our end has when it stands for the gateway. */
export const gatewayCredentials = {
  ...clientCredentials,
  certs: [pki("gw-rsa.crt"), pki("gw-ec.crt")],
  keys: [pki("gw-rsa.key"), pki("gw-ec.key")],
};

/** Connections of ours for libreswan's `to-host-rsa` and `to-host-ec`. */
export function fromLibreswanByCertificate(kind) {
  return fromLibreswan({
    name: kind,
    local: { auth: "pubkey", id: identity(`gw-${kind}`) },
    remote: { auth: "pubkey", id: identity(`client-${kind}`) },
  });
}

/** A connection of ours for libreswan's `to-host`. */
export function fromLibreswan(more = {}) {
  return {
    name: "host",
    proposals,
    local: { auth: "psk", id: identity("host") },
    remote: { auth: "psk", id: identity("client") },
    pools: "clients",
    children: { net: { local_ts: "192.0.2.0/24", esp_proposals: "aes256gcm16-esn,aes256gcm16" } },
    ...more,
  };
}

/** Builds what is missing; `what` is `rootfs`, which pluto alone needs, or nothing for the machines. */
export async function build(what) {
  const made = what === "rootfs" ? "rootfs/.lab-packages-done" : "bzImage";
  if (existsSync(`${libreswanDirectory}/${made}`) && existsSync(`${libreswanDirectory}/root.ext4`)) return;
  await script("build-image.sh", what === undefined ? [] : [what], 900);
}

/** Pluto in a namespace: IKE in TCP on 198.18.78.2, we are 198.18.78.1. */
export class Pluto {
  host = "198.18.78.1";
  address = "198.18.78.2";
  #logStart = 0;

  async start() {
    await build("rootfs");
    await script("ikeonly.sh", ["stop"], 20);
    await script("ikeonly.sh", ["start"], 60);
  }

  stop() {
    return script("ikeonly.sh", ["stop"], 20);
  }

  /** `ipsec whack`. */
  whack(...args) {
    return script("ikeonly.sh", ["whack", ...args], 30);
  }

  /** What it has logged since the last {@linkcode mark}. */
  log() {
    const file = `${libreswanDirectory}/run/ikeonly/run/lab/pluto.log`;
    return existsSync(file) ? readFileSync(file, "utf8").slice(this.#logStart) : "";
  }

  mark() {
    this.#logStart += this.log().length;
  }
}

/** A machine: `gw` answers, `client` asks. */
export class Machine {
  host = "198.18.77.1";

  constructor(name) {
    this.name = name;
    this.address = name === "gw" ? "198.18.77.10" : "198.18.77.20";
  }

  async start() {
    await build();
    await script("stop.sh", [this.name], 30);
    await script("boot.sh", [this.name], 120);
  }

  stop() {
    return script("stop.sh", [this.name], 30);
  }

  /** Runs a command of the shell in it. */
  run(command) {
    return script("in.sh", [this.name, command], 120);
  }
}

async function script(name, args, seconds) {
  const { status, stdout, stderr } = await run(["bash", scripts + name, ...args], { seconds });
  if (status !== 0) {
    throw new Error(
      `${name} ${args.join(" ")} ended with status ${status}: ${lastLines(stderr + stdout, 6)}`,
    );
  }
  return stdout;
}
