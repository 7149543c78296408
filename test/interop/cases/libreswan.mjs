/** Our own engine and libreswan, which speaks RFC 9329 itself: pluto without ESP, in a namespace, in both roles. */

import assert from "node:assert/strict";

import { build, clientCredentials, fromLibreswan, Pluto, toLibreswan } from "../_support/libreswan.mjs";
import { eventually, sleep } from "../_support/shell.mjs";

/** Half a minute, once. */
const pluto = () => build("rootfs");

const connections = ["psk", "psk-split", "cert-rsa", "cert-ec"];

export const libreswan = [
  {
    name:
      "libreswan answers our engine in TCP: a shared key, RSA and ECDSA certificates, rekeys, liveness, deletion",
    prepare: pluto,
    async run(lab) {
      const peerDaemon = new Pluto();
      await peerDaemon.start();
      try {
        const peer = await lab.peer({
          role: "originator",
          connections: connections.map((name) => toLibreswan(name)),
          credentials: clientCredentials,
        }, { side: "host" });
        const tcp = { tcp: { hostname: peerDaemon.address, port: 4500 } };
        for (const name of connections) {
          const { ikeSa, established, child } = await peer.up(name, tcp);
          assert.equal(established.configuration.addresses.length, 1);
          await peer.input("check_liveness", { ikeSa });
          await peer.event("peer_alive", (event) => event.ikeSa === ikeSa);
          await peer.input("rekey_child", { ikeSa, child: child.child });
          await peer.event("child_sa_installed", ({ replaces }) => replaces === child.child);
          await peer.input("rekey_ike", { ikeSa });
          const next = await peer.event("ike_sa_established", ({ replaces }) => replaces === ikeSa);
          await peer.event("ike_sa_deleted", (event) => event.ikeSa === ikeSa && event.by === "replaced");
          // And by libreswan, which answered.
          const last = peer.events.findLast(({ type }) => type === "child_sa_installed").childSa.child;
          await peerDaemon.whack("--rekey-ipsec", "--name", name, "--asynchronous");
          await peer.event("child_sa_installed", ({ replaces }) => replaces === last);
          await sleep(200);
          await peerDaemon.whack("--rekey-ike", "--name", name, "--asynchronous");
          const latest = await peer.event("ike_sa_established", ({ replaces }) => replaces === next.ikeSa);
          await peer.event("ike_sa_deleted", (event) => event.ikeSa === next.ikeSa);
          await sleep(200);
          assert.equal((await peer.down(latest.ikeSa)).by, "local");
        }
        await eventually(
          "pluto to have no SA",
          5,
          async () => /IKE SAs: total\(0\)/.test(await peerDaemon.whack("--status")),
        );
      } finally {
        await peerDaemon.stop();
      }
      return connections.join(", ");
    },
  },
  {
    name: "libreswan's wider answer is refused, and so are a wrong secret and a strange name",
    prepare: pluto,
    async run(lab) {
      const peerDaemon = new Pluto();
      await peerDaemon.start();
      try {
        const narrow = { net: { remote_ts: "192.0.2.0/24", esp_proposals: "aes256gcm16" } };
        const peer = await lab.peer({
          role: "originator",
          connections: [
            toLibreswan("psk", { children: narrow }),
            toLibreswan("cert-ec", { remote: { auth: "pubkey", id: "gw-other.lab.test" } }),
            toLibreswan("psk-split", { name: "wrong", local: { auth: "psk", id: "other.lab.test" } }),
          ],
          credentials: {
            ...clientCredentials,
            psks: [...clientCredentials.psks, { ids: ["other.lab.test"], secret: "wrong" }],
          },
        }, { side: "host" });
        const tcp = { tcp: { hostname: peerDaemon.address, port: 4500 } };
        await peer.order("initiate", { connection: "psk", ...tcp });
        const failed = await peer.event("child_sa_failed");
        assert.match(failed.text, /0\.0\.0\.0\/0 as remote_ts, which is wider than our 192\.0\.2\.0\/24/);
        const others = [];
        for (const name of ["cert-ec", "wrong"]) others.push((await peer.refused(name, tcp)).text);
        assert.match(others[0], /gw-other/);
        assert.match(others[1], /AUTHENTICATION_FAILED/);
        await peer.stop(); // while pluto can still answer
        return [failed.text, ...others].join("; ");
      } finally {
        await peerDaemon.stop();
      }
    },
  },
  {
    name:
      "our engine answers libreswan in TCP: a shared key, rekeys by either side and deletion by libreswan",
    prepare: pluto,
    async run(lab) {
      const peerDaemon = new Pluto();
      await peerDaemon.start();
      try {
        const peer = await lab.peer({
          role: "responder",
          connections: [fromLibreswan()],
          credentials: clientCredentials,
          pools: { clients: { addrs: "10.99.7.0/24" } },
        }, { side: "host" });
        await peer.order("listenTcp", { hostname: peerDaemon.host, port: 4500 });
        await peerDaemon.whack("--initiate", "--name", "to-host", "--asynchronous");
        const { childSa } = await peer.event("child_sa_installed");
        assert.equal(childSa.remote.length, 1);
        await peerDaemon.whack("--rekey-ipsec", "--name", "to-host", "--asynchronous");
        await peer.event("child_sa_installed", ({ replaces }) => replaces === childSa.child);
        await sleep(200);
        await peerDaemon.whack("--rekey-ike", "--name", "to-host", "--asynchronous");
        const { replaces } = await peer.event("ike_sa_established", (event) => event.replaces !== undefined);
        await peer.event("ike_sa_deleted", (event) => event.ikeSa === replaces);
        await sleep(200);
        // And by us, who answered.
        const made = peer.events.filter(({ type }) => type === "child_sa_installed").at(-1);
        const { ikeSa } = peer.events.findLast(({ type }) => type === "ike_sa_established");
        await peer.input("rekey_child", { ikeSa, child: made.childSa.child });
        await peer.event("child_sa_installed", (event) => event.replaces === made.childSa.child);
        await sleep(200);
        await peer.input("rekey_ike", { ikeSa });
        await peer.event("ike_sa_established", (event) => event.replaces === ikeSa);
        await peer.event("ike_sa_deleted", (event) => event.ikeSa === ikeSa && event.by === "replaced");
        await sleep(200);
        await peerDaemon.whack("--terminate", "--name", "to-host");
        await peer.event("ike_sa_deleted", ({ by }) => by === "peer");
      } finally {
        await peerDaemon.stop();
      }
    },
  },
];
