/** Configurations of strongSwan of many shapes, each against our engine. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";

import { address, directory } from "../_support/lab.mjs";
import { asCarol, asMoon, credentials, initiator, responder } from "../_support/ike_setups.mjs";
import { eventually } from "../_support/shell.mjs";

const udp = { udp: { hostname: address.moon, port: 4500 } };
const many = 50;

export const engineShapes = [
  {
    name: `our engine asks: ${many} child SAs on one IKE SA, all replaced, and deleted with it`,
    async run(lab) {
      await lab.router("open");
      const names = Array.from({ length: many }, (_, i) => `c${i + 1}`);
      const ports = (i) => i === 0 ? "" : `[udp/${1000 + i}]`;
      const children = Object.fromEntries(
        names.map((name, i) => [name, { remote_ts: `10.99.1.0/24${ports(i)}` }]),
      );
      const peer = await lab.peer(initiator([asCarol("psk", { children })]));
      await peer.order("bindUdp", { hostname: address.sun, port: 4500, marked: true });
      const { ikeSa } = await peer.up("psk", udp);
      for (const child of names.slice(1)) await peer.input("initiate_child", { ikeSa, child });
      const installed = () => peer.events.filter(({ type }) => type === "child_sa_installed");
      await eventually("all of them", 15, () => installed().length >= many);
      await peer.ping(ikeSa, address.moonLan);
      for (const { childSa: { child } } of installed()) await peer.input("rekey_child", { ikeSa, child });
      await peer.input("rekey_ike", { ikeSa });
      await eventually("all of them to be replaced", 20, () => installed().length >= 2 * many);
      const next = await peer.event("ike_sa_established", ({ replaces }) => replaces === ikeSa);
      await eventually("as many on moon", 10, async () => {
        const sas = await lab.sas("moon");
        return sas.length === 1 &&
          sas[0].children.filter(({ state }) => state === "INSTALLED").length === many;
      });
      await peer.ping(next.ikeSa, address.moonLan);
      await peer.down(next.ikeSa);
      await lab.noSas();
    },
  },
  {
    name: `our engine answers: ${many} child SAs on one IKE SA, all replaced, and deleted with it`,
    async run(lab) {
      const names = Array.from({ length: many }, (_, i) => `c${i + 1}`);
      const children = names.map((name, i) =>
        `${name} { remote_ts = 10.99.1.${i + 1}/32\n esp_proposals = aes128gcm16\n rekey_time = 0 }`
      );
      await carolHas(
        lab,
        `many : base-relay {
    local { id = carol-psk.swlab.example
            auth = psk }
    remote { id = moon-psk.swlab.example
             auth = psk }
    children { ${children.join("\n")} }
  }`,
      );
      const peer = await lab.peer(responder([asMoon("psk")]));
      await peer.order("listenTcp", { hostname: address.sun, port: 4500 });
      await lab.carolRelay("127.0.0.1", address.sun);
      for (const name of names) await lab.order("carol", "--initiate", "--ike", "many", "--child", name);
      const installed = () => peer.events.filter(({ type }) => type === "child_sa_installed");
      assert.equal(installed().length, many);
      await lab.ping();
      await lab.order("carol", "--rekey", "--ike", "many");
      await peer.event("child_sas_moved");
      await Promise.all(names.map((name) => lab.order("carol", "--rekey", "--child", name)));
      await eventually("all of them to be replaced", 20, () => installed().length >= 2 * many);
      await lab.ping();
      await lab.order("carol", "--terminate", "--ike", "many");
      await peer.event("ike_sa_deleted", ({ by }) => by === "peer");
    },
  },
  {
    name: "our engine asks and answers over IPv6, on UDP and on TCP",
    async run(lab) {
      await lab.router("open");
      const host = (text) => text.slice(1, -1);
      await lab.moonRelay(address.moon6);
      const peer = await lab.peer(initiator([asCarol("psk"), asCarol("ecdsa")]));
      await peer.order("bindUdp", { hostname: host(address.sun6), port: 4500, marked: true });
      const ways = {
        psk: { udp: { hostname: host(address.moon6), port: 4500 } },
        ecdsa: { tcp: { hostname: host(address.moon6), port: 4500 } },
      };
      for (const [name, way] of Object.entries(ways)) {
        const { ikeSa } = await peer.up(name, way);
        await peer.ping(ikeSa, address.moonLan);
        await peer.down(ikeSa);
      }
      await carolHas(
        lab,
        `six : base-sun {
    local_addrs = %any
    remote_addrs = ${host(address.sun6)}
    local { id = carol-psk.swlab.example
            auth = psk }
    remote { id = moon-psk.swlab.example
             auth = psk }
  }`,
      );
      const answering = await lab.peer(responder([asMoon("psk")]));
      await answering.order("bindUdp", { hostname: host(address.sun6), port: 500, marked: false });
      await peer.stop(); // port 4500 is the other's from here on
      await answering.order("bindUdp", { hostname: host(address.sun6), port: 4500, marked: true });
      await lab.initiate("six");
      await lab.ping();
      await lab.order("carol", "--terminate", "--ike", "six");
    },
  },
  {
    name: "our engine asks: strongSwan takes ESN and has none; the IKE SA stays for a child without",
    async run(lab) {
      await lab.router("open");
      const child = (esp_proposals) => ({ remote_ts: "10.99.1.0/24", esp_proposals });
      const peer = await lab.peer(initiator([
        asCarol("psk", { children: { long: child("aes256gcm16-esn"), short: child("aes256gcm16-noesn") } }),
      ]));
      await peer.order("bindUdp", { hostname: address.sun, port: 4500, marked: true });
      const ikeSa = await peer.order("initiate", { connection: "psk", ...udp });
      const refused = await peer.event("child_sa_failed");
      assert.equal(refused.reason, "NO_PROPOSAL_CHOSEN");
      await peer.input("initiate_child", { ikeSa, child: "short" });
      await peer.event("child_sa_installed");
      await peer.ping(ikeSa, address.moonLan);
      await peer.down(ikeSa);
      return refused.text;
    },
  },
  {
    name: "our engine answers strongSwan configurations of many shapes",
    async run(lab) {
      await carolHas(
        lab,
        odd.map(({ name, ike = "", child = "", local = "", remote = "", auth = "auth = psk" }) =>
          `${name} : base-relay {
    ${ike}
    local { ${local || "id = carol-psk.swlab.example"}
            ${auth} }
    remote { ${remote || "id = moon-psk.swlab.example"}
             auth = ${auth.includes("psk") ? "psk" : "pubkey"} }
    children { net { ${child} } }
  }`
        ).join("\n"),
      );
      const peer = await lab.peer(responder([
        { ...asMoon("psk"), remote: { auth: "psk", id: "carol-psk.swlab.example" } },
        asMoon("ecdsa"),
        asMoon("ecdsa", { name: "dn", remote: { auth: "pubkey", id: "C=XX, O=swlab, CN=*" } }),
        asMoon("rsa", { send_cert: "always" }), // also where nobody asks
      ], {
        // Who sends no certificate is known here already.
        credentials: {
          ...credentials("moon"),
          certs: [...credentials("moon").certs, `${directory}/pki/carol-ecdsa.pem`],
        },
      }));
      await peer.order("listenTcp", { hostname: address.sun, port: 4500 });
      await lab.carolRelay("127.0.0.1", address.sun);
      for (const { name, down = true } of odd) {
        await lab.initiate(name);
        await lab.ping("carol", address.moonLan, { count: 2, interval: 0.02 });
        if (down) await lab.order("carol", "--terminate", "--ike", name);
      }
      return odd.map(({ name }) => name).join(", ");
    },
  },
];

const certificate = (kind) => `auth = pubkey\n certs = carol-${kind}.pem`;

/** Connections of carol that differ from the usual one. */
const odd = [
  { name: "any-id", remote: "id = %any" },
  { name: "trap-start", child: "start_action = trap\n close_action = none\n dpd_action = restart" },
  { name: "several-ts", child: "remote_ts = 10.99.1.0/25, 10.99.1.128/25, 10.99.7.0/24" },
  {
    name: "ports",
    child: "remote_ts = 10.99.1.0/24[icmp], 10.99.1.0/24[tcp/80-443], 10.99.1.0/24[udp/1000]",
  },
  { name: "mobike", ike: "mobike = yes" },
  { name: "whole", ike: "fragmentation = no" },
  {
    name: "cut",
    ike: "fragmentation = force",
    local: "id = carol-ecdsa.swlab.example",
    remote: "id = moon-ecdsa.swlab.example",
    auth: certificate("ecdsa"),
  },
  { name: "no-child", ike: "childless = force" },
  { name: "replacing", ike: "unique = replace" },
  {
    name: "cert-never",
    ike: "send_cert = never",
    local: "id = carol-ecdsa.swlab.example",
    remote: "id = moon-ecdsa.swlab.example",
    auth: certificate("ecdsa"),
  },
  {
    name: "no-certreq",
    ike: "send_certreq = no",
    local: "id = carol-rsa.swlab.example",
    remote: "id = moon-rsa.swlab.example",
    auth: certificate("rsa"),
  },
  {
    name: "dn",
    local: `id = "C=XX, O=swlab, CN=carol-ecdsa.swlab.example"`,
    remote: "id = moon-ecdsa.swlab.example",
    auth: certificate("ecdsa"),
  },
  {
    name: "transforms",
    ike:
      "proposals = 3des-aes128-aes192-aes256-camellia256-sha1-sha256-sha384-sha512-modp1024-modp2048-modp4096-ecp256-ecp384-ecp521-curve25519-x448, aes128gcm16-aes256gcm16-chacha20poly1305-prfsha256-prfsha384-modp2048-ecp256-curve25519",
    child:
      "esp_proposals = 3des-aes128-aes256-sha1-sha256-sha512, aes128gcm16-aes256gcm16-chacha20poly1305-modp2048-curve25519",
  },
  { name: "aead-first", child: "esp_proposals = chacha20poly1305, aes256-sha256, null-sha256" },
  { name: "default", ike: "proposals = default", child: "esp_proposals = default" },
  { name: "ipcomp", child: "ipcomp = yes" },
  { name: "pull", ike: "pull = no\n dscp = 000000" },
];

async function carolHas(lab, connections) {
  const file = `${directory}/shapes.conf`;
  writeFileSync(file, `connections {\n  ${connections}\n}\n`);
  await lab.up({ EXTRA: file });
}
