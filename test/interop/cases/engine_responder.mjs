/** strongSwan asks our own engine for tunnels: directly over UDP, and over TCP by a relay beside strongSwan. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";

import { address, directory } from "../_support/lab.mjs";
import { asMoon, credentials, methodsOf, responder } from "../_support/ike_setups.mjs";
import { eventually } from "../_support/shell.mjs";
import { suites } from "../_support/suites.mjs";

/** Our engine on ports 500 and 4500; nothing is in the way. */
async function udpPeer(lab, connections, more) {
  await lab.router("open");
  const peer = await lab.peer(responder(connections, more));
  await peer.order("bindUdp", { hostname: address.sun, port: 500, marked: false });
  await peer.order("bindUdp", { hostname: address.sun, port: 4500, marked: true });
  return peer;
}

/** Our engine on a TCP port, and a relay that brings carol to it; UDP is blocked. */
async function tcpPeer(lab, connections, more) {
  const peer = await lab.peer(responder(connections, more));
  await peer.order("listenTcp", { hostname: address.sun, port: 4500 });
  await lab.carolRelay("127.0.0.1", address.sun);
  return peer;
}

/** How many pings our end of an IKE SA has answered. */
async function pinged(peer) {
  const { sessions } = await peer.order("counters");
  return sessions.reduce((sum, session) => sum + session.pinged, 0);
}

export const engineResponder = [
  {
    name: "our engine answers: strongSwan authenticates itself over UDP in every way",
    everywhere: true,
    async run(lab) {
      const methods = methodsOf(lab.runtimes.carol);
      const peer = await udpPeer(lab, methods.map((method) => asMoon(method)));
      for (const method of methods) {
        await lab.initiate(`${method}-sun`);
        await lab.ping("carol", address.moonLan, { count: 3, interval: 0.02 });
        assert.ok(await pinged(peer) >= 3, "our end answered the pings");
        await lab.order("carol", "--terminate", "--ike", `${method}-sun`);
      }
      const ends = peer.events.filter(({ type }) => type === "ike_sa_deleted").map(({ by }) => by);
      assert.deepEqual(ends, methods.map(() => "peer"));
      return methods.join(", ");
    },
  },
  {
    name: "our engine answers: a relay beside strongSwan brings IKE and ESP by TCP where UDP is blocked",
    everywhere: true,
    async run(lab) {
      const methods = ["psk", "rsa", "mschapv2"];
      const peer = await tcpPeer(lab, methods.map((method) => asMoon(method)));
      for (const method of methods) {
        await lab.initiate(`${method}-relay`);
        await lab.ping("carol", address.moonLan, { count: 20, interval: 0.01, size: 1200 });
        await lab.order("carol", "--terminate", "--ike", `${method}-relay`);
      }
      assert.ok(peer.events.every(({ path }) => !String(path).startsWith("udp")), "all of it was TCP");
      assert.equal((await lab.counters()).udp, 0, "no UDP came to the router");
    },
  },
  {
    name: "our engine answers: every cipher, hash and group that strongSwan has too",
    async run(lab) {
      const extra = `${directory}/suites.conf`;
      writeFileSync(extra, suitesOfCarol());
      await lab.up({ EXTRA: extra });
      const connections = suites.map(({ name, proposals, esp_proposals }) =>
        asMoon("psk", { name, proposals, children: { net: { local_ts: "10.99.1.0/24", esp_proposals } } })
      );
      const peer = await udpPeer(lab, [
        asMoon("psk", {
          proposals: connections.map(({ proposals }) => proposals),
          children: {
            net: {
              local_ts: "10.99.1.0/24",
              esp_proposals: [...new Set(suites.map((suite) => suite.esp_proposals))],
            },
          },
        }),
      ]);
      for (const { name } of suites) {
        await lab.initiate(name);
        await lab.ping("carol", address.moonLan, { count: 2, interval: 0.02, size: 101 });
        await lab.order("carol", "--terminate", "--ike", name);
      }
      assert.equal(peer.events.filter(({ type }) => type === "child_sa_installed").length, suites.length);
      return `${suites.length} suites`;
    },
  },
  {
    name:
      "our engine answers: addresses of both families, DNS, narrowed selectors, and children from one after the other",
    async run(lab) {
      const peer = await udpPeer(lab, [
        asMoon("psk", {
          pools: "pool4, pool6",
          children: {
            net: { local_ts: "10.99.1.0/24" },
            host: { local_ts: "10.99.1.1/32", esp_proposals: "aes256gcm16-x25519" },
          },
        }),
      ], {
        pools: { pool4: { addrs: "10.99.2.0/24", dns: "10.99.1.53" }, pool6: { addrs: "fd99:2::/112" } },
      });
      await lab.initiate("wide-sun");
      const { childSa } = await peer.event("child_sa_installed");
      assert.deepEqual(childSa.local.map(({ start, end }) => [start, end]), [["0a630100", "0a6301ff"]]);
      await lab.ping("carol");
      await lab.order("carol", "--terminate", "--ike", "wide-sun");

      await lab.initiate("dual-sun");
      const vips = (await lab.sas("carol"))[0].vip;
      assert.match(vips, /10\.99\.2\.\d+ fd99:2::/);
      await lab.order("carol", "--terminate", "--ike", "dual-sun");

      await lab.initiate("several-sun");
      const args = ["--ike", "several-sun", "--child", "host", "--timeout", "10"];
      await lab.order("carol", "--initiate", ...args);
      await eventually("two children", 5, async () => (await lab.sas("carol"))[0].children.length === 2);
      await lab.ping("carol");
      const [{ id }] = await lab.sas("carol");
      await lab.order("carol", "--terminate", "--child", "net");
      const host = peer.events.findLast(({ type, childSa }) =>
        type === "child_sa_installed" && childSa.name === "host"
      );
      await peer.input("delete_child", { ikeSa: host.ikeSa, child: host.childSa.child });
      await eventually(
        "the last child to go",
        5,
        async () => (await lab.sas("carol"))[0].children.length === 0,
      );
      await peer.input("delete_ike", { ikeSa: host.ikeSa });
      await lab.noSas();
      assert.ok(Number(id) > 0);
    },
  },
  {
    name: "our engine answers: an IKE SA without a child, and a child later",
    async run(lab) {
      const peer = await udpPeer(lab, [asMoon("psk")]);
      await lab.order("carol", "--initiate", "--ike", "childless-sun");
      await peer.event("ike_sa_established");
      assert.equal((await peer.order("counters")).engine.childSpis, 0);
      await lab.initiate("childless-sun");
      await lab.ping("carol");
    },
  },
  {
    name: "our engine answers: it wants another group, and a cookie under load",
    async run(lab) {
      const peer = await udpPeer(lab, [asMoon("psk", { proposals: "aes256-sha256-ecp384" })], {
        limits: { cookie_threshold: 0 },
      });
      await lab.initiate("regroup-sun");
      await lab.ping("carol");
      const log = lab.log("carol");
      assert.match(log, /N\(COOKIE\)/);
      assert.match(log, /N\(INVAL_KE\)/);
      assert.match((await peer.event("ike_sa_established")).suite, /ecp384/);
    },
  },
  {
    name: "our engine answers: IKE fragments come and go on UDP",
    async run(lab) {
      const connection = asMoon("ecdsa384", { fragmentation: "force" });
      await udpPeer(lab, [connection, asMoon("rsa")], { limits: { max_fragment_size: 576 } });
      await lab.initiate("rsa-sun");
      await lab.order("carol", "--terminate", "--ike", "rsa-sun");
      await lab.initiate("ecdsa384-sun");
      await lab.ping("carol");
      const log = lab.log("carol");
      assert.match(log, /splitting IKE message \(\d+ bytes\) into \d fragments/, "carol sent fragments");
      assert.match(log, /received fragment #1 of [2-9]/, "carol received fragments");
    },
  },
  {
    name: "our engine answers: a wrong secret and a strange authority are refused, and it says why",
    async run(lab) {
      const connections = [
        asMoon("psk"),
        asMoon("rsa"),
        asMoon("ed25519", { remote: { auth: "pubkey", id: "else.swlab.example" } }),
      ];
      const peer = await udpPeer(lab, connections, {
        credentials: credentials("moon", { secret: "another secret", authorities: ["ecdsa"] }),
      });
      const texts = {};
      for (const method of ["psk", "rsa", "ed25519"]) {
        const from = peer.events.length;
        const args = ["--ike", `${method}-sun`, "--child", "net", "--timeout", "10"];
        const { status } = await lab.swan("carol", "--initiate", args);
        assert.notEqual(status, 0, `${method} does not come up`);
        const { reason, text } = await peer.event("ike_sa_failed", undefined, { from });
        assert.equal(reason, "authentication_failed");
        texts[method] = text;
      }
      assert.match(lab.log("carol"), /N\(AUTH_FAILED\)/);
      assert.match(texts.psk, /carol-psk/);
      assert.match(texts.rsa, /swlab rsa|issuer|authority/);
      assert.match(texts.ed25519, /carol-ed25519/);
      return Object.values(texts).join("; ");
    },
  },
  {
    name: "our engine answers: carol behind a NAT, and carol's questions whether we live",
    async run(lab) {
      const peer = await udpPeer(lab, [asMoon("psk")]);
      await lab.router("nat");
      await lab.initiate("dpd-sun");
      const { nat, path } = await peer.event("ike_sa_established");
      assert.equal(nat.remote, true);
      assert.notEqual(path.remote.port, 4500);
      await lab.ping("carol");
      await peer.event("message", ({ line }) => line === "INFORMATIONAL { } -->", { seconds: 8 });
      await lab.ping("carol");
      assert.doesNotMatch(lab.log("carol"), /retransmit/);
    },
  },
];

/** The suites as connections of carol to us. */
function suitesOfCarol() {
  return suites.map(({ name, proposals, esp_proposals }) =>
    `connections { ${name} : base-sun {
  proposals = ${proposals}
  local  { id = carol-psk.swlab.example
           auth = psk }
  remote { id = moon-psk.swlab.example
           auth = psk }
  children { net { esp_proposals = ${esp_proposals} } }
} }`
  ).join("\n") + "\n";
}
