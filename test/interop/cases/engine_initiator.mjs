/** Our own engine asks strongSwan for tunnels: directly over UDP, and over TCP by a relay beside strongSwan. */

import assert from "node:assert/strict";

import { address } from "../_support/lab.mjs";
import { asCarol, credentials, initiator, methodsOf } from "../_support/ike_setups.mjs";
import { suites } from "../_support/suites.mjs";

const udp = { udp: { hostname: address.moon, port: 4500 } };
const tcp = { tcp: { hostname: address.moon, port: 4500 } };

/** Our engine with a UDP socket; nothing is in the way. */
async function udpPeer(lab, connections, more) {
  await lab.router("open");
  const peer = await lab.peer(initiator(connections, more));
  await peer.order("bindUdp", { hostname: address.sun, port: 4500, marked: true });
  return peer;
}

/** Our engine, and a relay that takes it to moon; UDP is blocked. */
async function tcpPeer(lab, connections, more) {
  await lab.moonRelay();
  return await lab.peer(initiator(connections, more));
}

export const engineInitiator = [
  {
    name: "our engine asks: it authenticates itself to strongSwan over UDP in every way",
    everywhere: true,
    async run(lab) {
      const methods = methodsOf(lab.runtimes.carol);
      const peer = await udpPeer(lab, methods.map((method) => asCarol(method)));
      for (const method of methods) {
        const { ikeSa, established, child } = await peer.up(method, udp);
        assert.equal(established.nat.remote, true, "moon claims a NAT, as its ESP needs it");
        assert.equal(child.remote.length, 1);
        await peer.ping(ikeSa, address.moonLan);
        assert.equal((await peer.down(ikeSa)).by, "local");
      }
      await lab.noSas();
      return methods.join(", ");
    },
  },
  {
    name: "our engine asks: TCP to a relay beside strongSwan carries IKE and ESP where UDP is blocked",
    everywhere: true,
    async run(lab) {
      const methods = ["psk", "ecdsa384", "mschapv2"];
      const peer = await tcpPeer(lab, methods.map((method) => asCarol(method)));
      for (const method of methods) {
        const { ikeSa } = await peer.up(method, tcp);
        await peer.ping(ikeSa, address.moonLan, { count: 20, size: 1200 });
        await peer.down(ikeSa);
        await peer.event("stream_closed");
      }
      const { udp: datagrams } = await lab.counters();
      assert.equal(datagrams, 0, "no UDP came to the router");
      await lab.noSas();
    },
  },
  {
    name: "our engine asks: every cipher, hash and group that strongSwan has too",
    async run(lab) {
      const connections = suites.map(({ name, proposals, esp_proposals }) =>
        asCarol("psk", { name, proposals, children: { net: { remote_ts: "10.99.1.0/24", esp_proposals } } })
      );
      const peer = await udpPeer(lab, connections);
      for (const { name } of suites) {
        const { ikeSa } = await peer.up(name, udp);
        await peer.ping(ikeSa, address.moonLan, { count: 2, size: 101 });
        await peer.down(ikeSa);
      }
      return `${suites.length} suites`;
    },
  },
  {
    name:
      "our engine asks: addresses of both families, DNS, narrowed selectors, and children from one after the other",
    async run(lab) {
      const peer = await udpPeer(lab, [
        asCarol("psk", {
          vips: "0.0.0.0, ::",
          children: {
            net: { remote_ts: "10.99.0.0/16" },
            host: { remote_ts: "10.99.1.1/32", esp_proposals: "aes256gcm16-x25519" },
          },
        }),
      ]);
      const { ikeSa, established, child } = await peer.up("psk", udp);
      const { addresses, dns } = established.configuration;
      assert.deepEqual(addresses.map((octets) => octets.length / 2), [4, 16]);
      assert.deepEqual(dns, ["0a630135"]);
      assert.deepEqual(child.remote.map(({ start, end }) => [start, end]), [["0a630100", "0a6301ff"]]);
      await peer.ping(ikeSa, address.moonLan);

      await peer.input("initiate_child", { ikeSa, child: "host" });
      const second = await peer.event("child_sa_installed", ({ childSa }) => childSa.name === "host");
      assert.deepEqual(second.childSa.remote.map(({ start, end }) => [start, end]), [[
        "0a630101",
        "0a630101",
      ]]);
      await peer.ping(ikeSa, address.moonLan);
      assert.equal((await lab.sas("moon"))[0].children.length, 2);

      await peer.input("delete_child", { ikeSa, child: child.child });
      await peer.event("child_sa_deleted", (event) => event.child === child.child && event.by === "local");
      // strongSwan's user-space ESP takes the route back with the first child that goes: no pings from here on.
      assert.equal((await lab.sas("moon"))[0].children.length, 1);
      await lab.order("moon", "--terminate", "--child", "net");
      await peer.event(
        "child_sa_deleted",
        (event) => event.child === second.childSa.child && event.by === "peer",
      );
      await peer.input("check_liveness", { ikeSa });
      await peer.event("peer_alive");
      await lab.order("moon", "--terminate", "--ike", "psk");
      await peer.event("ike_sa_deleted", (event) => event.ikeSa === ikeSa && event.by === "peer");
    },
  },
  {
    name: "our engine asks: an IKE SA without a child, and a child later",
    async run(lab) {
      const peer = await udpPeer(lab, [asCarol("psk", { childless: "force" })]);
      const { ikeSa } = await peer.up("psk", udp, { children: [] });
      assert.deepEqual((await lab.sas("moon"))[0].children, []);
      await peer.input("initiate_child", { ikeSa, child: "net" });
      await peer.event("child_sa_installed");
      await peer.ping(ikeSa, address.moonLan);
    },
  },
  {
    name: "our engine asks: a wrong guess of the group costs one message more, on the same connection",
    async run(lab) {
      const connection = asCarol("psk", { proposals: "aes256-sha256-x25519-ecp384" });
      const peer = await udpPeer(lab, [connection]);
      const direct = await peer.up("psk", { udp: { hostname: address.moonOther, port: 4500 } });
      assert.match(direct.established.suite, /ecp384/);
      await peer.ping(direct.ikeSa, address.moonLan);
      await peer.down(direct.ikeSa);

      await lab.router("no-udp");
      const target = ["--to", `udp://${address.moonOther}:4500`];
      const relay = await lab.relay("moon", ["--listen", `tcp://${address.moon}:4500`, ...target]);
      const { ikeSa } = await peer.up("psk", tcp);
      await peer.ping(ikeSa, address.moonLan);
      assert.equal((await relay.counters()).streams, 1);
      assert.equal(peer.messages.filter((line) => line.includes("INVALID_KE_PAYLOAD")).length, 2);
    },
  },
  {
    name: "our engine asks: a cookie is given back",
    async run(lab) {
      await lab.restart("moon", { COOKIES: "yes" });
      const peer = await udpPeer(lab, [asCarol("psk")]);
      // Others knock and do not come in: from the second on moon wants cookies.
      await lab.knock("sun", address.moon, 4500, 3);
      const { ikeSa } = await peer.up("psk", udp);
      assert.ok(
        peer.messages.some((line) => line.startsWith("<-- IKE_SA_INIT { N(COOKIE)")),
        "moon asked for a cookie",
      );
      await peer.ping(ikeSa, address.moonLan);
    },
  },
  {
    name: "our engine asks: IKE fragments on UDP, and none on TCP",
    async run(lab) {
      const forced = { fragmentation: "force" };
      const peer = await udpPeer(lab, [asCarol("rsa"), asCarol("ecdsa384", forced)], {
        limits: { max_fragment_size: 576 },
      });
      const before = lab.log("moon").length;
      const first = await peer.up("rsa", udp);
      const second = await peer.up("ecdsa384", udp);
      await peer.ping(second.ikeSa, address.moonLan);
      const log = lab.log("moon").slice(before);
      assert.match(log, /received fragment #1 of [2-9]/, "moon received fragments");
      assert.match(log, /splitting IKE message \(\d+ bytes\) into \d fragments/, "moon sent fragments");
      await peer.down(first.ikeSa);
      await peer.down(second.ikeSa);
      await peer.stop();

      await lab.router("no-udp");
      const streamed = await tcpPeer(lab, [asCarol("ecdsa384", forced)], {
        limits: { max_fragment_size: 576 },
      });
      const logged = lab.log("moon").length;
      const { ikeSa } = await streamed.up("ecdsa384", tcp);
      await streamed.ping(ikeSa, address.moonLan);
      assert.doesNotMatch(lab.log("moon").slice(logged), /received fragment/, "our side sent none");
    },
  },
  {
    name:
      "our engine asks: a wrong secret, a strange authority, another name and nothing in common are refused in words",
    async run(lab) {
      const peer = await udpPeer(lab, [
        asCarol("psk"),
        asCarol("rsa", { remote: { auth: "pubkey", id: "somebody.swlab.example" } }),
        asCarol("ecdsa"),
        asCarol("psk", { name: "nothing", proposals: "aes192ccm16-prfsha256-x25519" }),
        asCarol("psk", { name: "other", local: { auth: "psk", id: "nobody.swlab.example" } }),
      ], {
        credentials: credentials("carol", { secret: "another secret", authorities: ["rsa"] }),
        limits: { init_error_patience: 500 },
      });
      const texts = {};
      for (const name of ["psk", "rsa", "ecdsa", "nothing", "other"]) {
        const { reason, text } = await peer.refused(name, udp);
        texts[name] = `${reason}: ${text}`;
      }
      assert.match(texts.psk, /^authentication_failed: .*AUTHENTICATION_FAILED/);
      assert.match(texts.rsa, /^authentication_failed: .*(somebody|AUTHENTICATION_FAILED)/);
      assert.match(texts.ecdsa, /^authentication_failed: .*(swlab ecdsa|issuer|authority)/);
      assert.match(texts.nothing, /^no_proposal_chosen: /);
      assert.match(texts.other, /^authentication_failed: /);
      // One that we could not go on with waits there half open.
      const open = (await lab.sas("moon")).filter(({ state }) => state === "ESTABLISHED");
      assert.deepEqual(open, [], "moon does not believe in any of them");
      return Object.values(texts).join("; ");
    },
  },
  {
    name: "our engine asks: behind a NAT it knows that it is, and moon answers to where it came from",
    async run(lab) {
      await lab.router("nat");
      const peer = await lab.peer(initiator([asCarol("psk")]));
      await peer.order("bindUdp", { hostname: address.sun, port: 4500, marked: true });
      const { ikeSa, established } = await peer.up("psk", udp);
      assert.equal(established.nat.local, true);
      await peer.ping(ikeSa, address.moonLan);
      assert.notEqual((await lab.sas("moon"))[0].remotePort, 4500);
    },
  },
  {
    name: "our engine asks: a peer that is gone is noticed, on UDP by retransmission and on TCP by silence",
    async run(lab) {
      const times = { retransmit_timeout: 100, retransmit_tries: 2, response_timeout: 1000 };
      const peer = await udpPeer(lab, [asCarol("psk", { dpd_delay: 1 })], { limits: times });
      const { ikeSa } = await peer.up("psk", udp);
      await peer.event("message", ({ line }) => line === "<-- INFORMATIONAL { }");
      await lab.router("no-udp");
      const end = await peer.event("ike_sa_deleted", (event) => event.ikeSa === ikeSa);
      assert.deepEqual([end.by, end.reason], ["failure", "timeout"]);

      await lab.moonRelay();
      const second = await peer.up("psk", tcp);
      await lab.router("no-udp", "no-tcp");
      const last = await peer.event("ike_sa_deleted", (event) => event.ikeSa === second.ikeSa);
      assert.deepEqual([last.by, last.reason], ["failure", "timeout"]);
    },
  },
];
