/** Our own engine and ESP with libreswan on a kernel that has ESP in TCP (RFC 9329), in both roles. */

import assert from "node:assert/strict";

import {
  clientCredentials,
  fromLibreswan,
  fromLibreswanByCertificate,
  gatewayCredentials,
  toLibreswan,
} from "../_support/libreswan.mjs";

const inner = "192.0.2.1";
const connections = ["psk", "psk-split", "cert-rsa", "cert-ec"];
/** Extended sequence numbers; the other connections do without. */
const extended = { net: { remote_ts: "0.0.0.0/0", esp_proposals: "chacha20poly1305-esn" } };
const requests = { "to-host": "host", "to-host-rsa": "rsa", "to-host-ec": "ec" };

export const libreswanMachines = [
  ...connections.map((name) => ({
    name: `libreswan's gateway answers our engine by ${name}: ESP in TCP before and after rekeys`,
    async run({ gateway, peer: start }) {
      const peer = await start({
        role: "originator",
        connections: [name === "cert-ec" ? toLibreswan(name, { children: extended }) : toLibreswan(name)],
        credentials: clientCredentials,
      });
      const { ikeSa, child } = await peer.up(name, { tcp: { hostname: gateway.address, port: 4500 } });
      await peer.ping(ikeSa, inner, { count: 10 });
      await peer.ping(ikeSa, inner, { count: 10, size: 1200 });
      await peer.input("rekey_child", { ikeSa, child: child.child });
      await peer.event("child_sa_deleted", (event) => event.child === child.child && event.by === "replaced");
      await peer.ping(ikeSa, inner, { count: 10 });
      await peer.input("rekey_ike", { ikeSa });
      const next = await peer.event("ike_sa_established", ({ replaces }) => replaces === ikeSa);
      await peer.event("ike_sa_deleted", (event) => event.ikeSa === ikeSa);
      await peer.ping(next.ikeSa, inner, { count: 10 });
      await peer.down(next.ikeSa);
      return `${next.suite}, ${child.encryption.name}${child.esn ? ", extended sequence numbers" : ""}`;
    },
  })),
  ...Object.entries(requests).map(([request, connection]) => ({
    name: `our engine answers libreswan's client by ${request}: ESP in TCP before and after rekeys`,
    async run({ client, peer: start }) {
      const peer = await start(responder());
      await peer.order("listenTcp", { hostname: client.host, port: 4500 });
      await client.run(`ipsec auto --up ${request}`);
      const { connection: chosen } = await peer.event("ike_sa_established");
      assert.equal(chosen, connection);
      const { childSa } = await peer.event("child_sa_installed");
      await ping(client, peer);
      await client.run(`ipsec whack --rekey-ipsec --name ${request}`);
      await peer.event("child_sa_deleted", (event) => event.child === childSa.child);
      await ping(client, peer);
      await client.run(`ipsec whack --rekey-ike --name ${request}`);
      const { ikeSa } = await peer.event("ike_sa_established", ({ replaces }) => replaces !== undefined);
      await ping(client, peer);
      await client.run(`ipsec auto --down ${request}`);
      await peer.event("ike_sa_deleted", (event) => event.ikeSa === ikeSa && event.by === "peer");
    },
  })),
  {
    name: "libreswan's client tries UDP, where nobody is, and then comes to our engine by TCP",
    async run({ client, peer: start }) {
      const peer = await start(responder());
      await peer.order("listenTcp", { hostname: client.host, port: 4500 });
      // The command gives up with UDP, the daemon does not.
      await client.run("ipsec auto --up to-host-fallback || true");
      await peer.event("child_sa_installed", undefined, { seconds: 30 });
      // The daemon's script makes the route later, in its own time.
      await client.run(
        "for i in $(seq 50); do ip route show 192.0.2.0/24 | grep -q src && exit 0; sleep 0.2; done; exit 1",
      );
      await ping(client, peer);
      await client.run("ipsec auto --down to-host-fallback");
      await peer.event("ike_sa_deleted", ({ by }) => by === "peer");
    },
  },
];

function responder() {
  return {
    role: "responder",
    connections: [fromLibreswan(), fromLibreswanByCertificate("rsa"), fromLibreswanByCertificate("ec")],
    credentials: gatewayCredentials,
    pools: { clients: { addrs: "10.99.7.0/24" } },
  };
}

/** The machine pings our end, small and large. */
async function ping(client, peer) {
  const pinged = async () =>
    (await peer.order("counters")).sessions.reduce((sum, one) => sum + one.pinged, 0);
  const before = await pinged();
  for (const size of [56, 1200]) {
    const text = await client.run(`ping -c 5 -i 0.2 -W 2 -s ${size} ${inner}`);
    assert.match(text, / 5 received/);
  }
  assert.ok(await pinged() >= before + 10, "our end answered");
}
