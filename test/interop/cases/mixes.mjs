/** One carrier in another, as networks ask for it: UDP is dropped, port 4500 is reset, and only proxies lead out. */

import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { address, directory, relayPort } from "../_support/lab.mjs";
import { proxyPort, startProxy, startSquid, startTinyproxy } from "../_support/proxies.mjs";
import { eventually, sleep } from "../_support/shell.mjs";

const certificates = fileURLToPath(new URL("../../_support/certificates/", import.meta.url));
const identity = ["--cert", `${certificates}server.crt`, "--key", `${certificates}server.key`];
const innerPort = 8081;

const authority = ["--ca", `${certificates}ca.crt`];
/** A proxy that is spoken to by TLS. Its name is the one that the tests' certificate has. */
const frontedProxy = "https://me:geheim@127.0.0.1:8443";
const secretProxy = `http://me:geheim@${address.moon}:${proxyPort}`;

export const mixes = [
  {
    name: "wss through squid, which asks for a password, to a relay that ends TLS itself",
    async run(lab) {
      await lab.router("no-udp", "reset");
      await startSquid(lab);
      await moonRelay(lab, `wss://${address.moon}/vpn`, identity);
      await carolRelay(
        lab,
        `wss://${address.moon}/vpn?pin=${fingerprint()}&proxy=${encodeURIComponent(secretProxy)}`,
      );
      await carries(lab);
    },
  },
  {
    name: "wss through a proxy over TLS: haproxy in front of tinyproxy, and nginx before the relay",
    async run(lab) {
      await lab.router("no-udp", "reset");
      await startTinyproxy(lab);
      await startTlsFront(lab);
      await startNginx(lab); // whom the proxy finds by the name that the certificate has
      await moonRelay(lab, `ws://127.0.0.1:${innerPort}/vpn`);
      await carolRelay(
        lab,
        `wss://localhost/vpn?proxy=${encodeURIComponent(frontedProxy)}`,
        authority,
      );
      await carries(lab);
    },
  },
  {
    name: "TLS in TLS: haproxy ends TLS before a proxy, and the relay behind it ends its own",
    async run(lab) {
      await lab.router("no-udp", "reset");
      await startTinyproxy(lab);
      await startTlsFront(lab);
      await moonRelay(lab, `tls://${address.moon}`, identity);
      await carolRelay(
        lab,
        `tls://${address.moon}?sni=gw.example&proxy=${encodeURIComponent(frontedProxy)}`,
        [
          "--ca",
          `${certificates}ca.crt`,
        ],
      );
      await carries(lab);
    },
  },
  {
    name: "port 443 shared with a web site: haproxy tells by the server name that TLS is for the relay",
    async run(lab) {
      await lab.router("no-udp", "reset");
      const file = `${directory}/sni.cfg`;
      writeFileSync(
        file,
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n" +
          `frontend f\n bind ${address.moon}:443\n tcp-request inspect-delay 5s\n` +
          " tcp-request content accept if { req_ssl_hello_type 1 }\n" +
          " use_backend relay if { req_ssl_sni -i gw.example }\n default_backend site\n" +
          `backend relay\n server relay 127.0.0.1:${innerPort}\nbackend site\n server site 127.0.0.1:1\n`,
      );
      await startProxy(lab, ["haproxy", "-db", "-f", file], 443);
      await moonRelay(lab, `tls://127.0.0.1:${innerPort}`, identity);
      await carolRelay(lab, `tls://${address.moon}?sni=gw.example`, authority);
      await carries(lab);
    },
  },
  {
    name:
      "a proxy that opens tunnels to port 443 only: plain TCP is refused there, and TLS carries, known by its pin",
    everywhere: true,
    async run(lab) {
      await lab.router("no-udp", "reset");
      await startSquid(lab);
      await moonRelay(lab, `tls+tcp://${address.moon}`, identity);
      // The authorities are for others: the pin is all that the server has to have.
      const carol = await carolRelay(lab, `tcp://${address.moon}`, [
        "--to",
        `tls://${address.moon}?pin=${fingerprint()}`,
        "--proxy",
        secretProxy,
        ...authority,
      ]);
      await carries(lab);
      const carried = carol.events.find(({ event }) => event === "carrier");
      assert.match(carried.url, /^tls:/);
      assert.match(carried.layers.join(), /proxy http:.*verified by pin certificate/);
    },
  },
  {
    name: "plain TCP and a WebSocket through a proxy that opens tunnels to every port, spoken to by TLS",
    async run(lab) {
      await lab.router("no-udp", "reset");
      const [certificate, key] = ["server.crt", "server.key"].map((name) => `${certificates}${name}`);
      await startSquid(lab, [
        `https_port ${address.moon}:3129 tls-cert=${certificate} tls-key=${key}`,
      ], "http_access allow known");
      await startFront(lab, "", 3129); // by the name that squid's certificate has
      const proxy = encodeURIComponent(frontedProxy);
      for (const [listen, to] of [["tcp", "tcp"], ["ws", "ws"]]) {
        const [there, path] = [`${address.moon}:4510`, to === "ws" ? "/vpn" : ""];
        const moon = await moonRelay(lab, `${listen}://${there}${path}`);
        const carol = await carolRelay(lab, `${to}://${there}${path}?proxy=${proxy}`, authority);
        await carries(lab);
        const { layers } = carol.events.find(({ event }) => event === "carrier");
        assert.match(layers.join(), /^TLSv1\.3 .*,proxy https:/);
        await lab.swan("carol", "--terminate", ["--ike", "psk-relay"]);
        await carol.stop();
        await moon.stop();
      }
    },
  },
  {
    name: "a proxy that ends idle tunnels after a second changes no SA, and traffic comes back each time",
    async run(lab) {
      await lab.router("no-udp", "reset");
      await startSquid(lab, ["read_timeout 1 second", "client_lifetime 1 minute"]);
      await moonRelay(lab, `tls://${address.moon}`, identity);
      const carol = await carolRelay(
        lab,
        `tls://${address.moon}?sni=gw.example&proxy=${encodeURIComponent(secretProxy)}`,
        authority,
      );
      await carries(lab);
      const before = await lab.spis();
      const opened = () => carol.events.filter(({ event }) => event === "stream_opened").length;
      const first = opened();
      await sleep(3000);
      await lab.pingUntilAnswered("carol", address.moonLan, 10);
      await lab.ping();
      const after = await lab.spis();
      if (after.join() !== before.join()) throw new Error(`${before.join()} became ${after.join()}`);
      return `${opened() - first} new tunnels`;
    },
  },
];

function moonRelay(lab, listen, more = []) {
  return lab.relay("moon", [
    "--listen",
    listen,
    "--to",
    "udp://127.0.0.1:4500",
    "--bind",
    "127.0.0.2",
    ...more,
  ]);
}

function carolRelay(lab, to, more = []) {
  return lab.relay("carol", ["--listen", `udp://127.0.0.1:${relayPort}`, "--to", to, ...more]);
}

async function carries(lab) {
  await lab.initiate("psk-relay");
  await lab.ping("carol", undefined, { count: 20, interval: 0.02 });
  await eventually("UDP to be blocked still", 1, async () => (await lab.counters()).tcp > 0);
}

/** haproxy, beside carol, ends TLS before moon's proxy. */
async function startTlsFront(lab) {
  const pem = `${directory}/front.pem`;
  const read = (name) => readFileSync(`${certificates}${name}`, "utf8");
  writeFileSync(pem, read("server.crt") + read("server.key"));
  await startFront(lab, `ssl crt ${pem}`, proxyPort);
}

/** haproxy, beside carol, before a port of moon's proxy. */
async function startFront(lab, bind, port) {
  const file = `${directory}/front.cfg`;
  writeFileSync(
    file,
    "defaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n" +
      `frontend f\n bind 127.0.0.1:8443 ${bind}\n default_backend b\n` +
      `backend b\n server proxy ${address.moon}:${port}\n`,
  );
  await startProxy(lab, ["haproxy", "-db", "-f", file], 8443, "carol");
}

/** nginx ends TLS on port 443, and passes WebSockets on to the relay. */
async function startNginx(lab) {
  const file = `${directory}/mix-nginx.conf`;
  writeFileSync(
    file,
    `pid ${directory}/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  server {
    listen 127.0.0.1:443 ssl;
    ssl_certificate ${certificates}server.crt;
    ssl_certificate_key ${certificates}server.key;
    location /vpn {
      proxy_pass http://127.0.0.1:${innerPort};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_set_header Host $host;
    }
  }
}
`,
  );
  await startProxy(lab, ["nginx", "-c", file, "-g", "daemon off;"], 443);
}

/** The SHA-256 fingerprint of the test server's certificate, for a pin. */
function fingerprint() {
  const { raw } = new X509Certificate(readFileSync(`${certificates}server.crt`));
  return createHash("sha256").update(raw).digest("hex");
}
