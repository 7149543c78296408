/** Carriers that look like the web: WebSocket, alone and behind the proxies that people put in front of it, and WebTransport. */

import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { address, directory, relayPort } from "../_support/lab.mjs";
import { eventually } from "../_support/shell.mjs";

const certificates = fileURLToPath(new URL("../../_support/certificates/", import.meta.url));

/** Where moon's relay waits behind a proxy, and where the proxy waits. */
const innerPort = 8081;
const webPort = 80;

/** The least that nginx needs to pass a WebSocket on. */
const nginx = `
pid ${directory}/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  server {
    listen ${address.moon}:${webPort};
    location /vpn {
      proxy_pass http://127.0.0.1:${innerPort};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_set_header Host $host;
    }
  }
}
`;

/** The same for haproxy, which upgrades by itself. */
const haproxy = `
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout tunnel 1h
frontend web
  bind ${address.moon}:${webPort}
  use_backend vpn if { path /vpn }
  http-request deny if !{ path /vpn }
backend vpn
  server relay 127.0.0.1:${innerPort}
`;

export const web = [
  {
    name: "a WebSocket carries IKE and ESP",
    everywhere: true,
    async run(lab) {
      await relays(lab, `ws://${address.moon}:${webPort}/vpn`);
      await carriesAll(lab);
    },
  },
  {
    name: "a WebSocket behind nginx carries IKE and ESP, and its end ends the relay's",
    async run(lab) {
      const file = `${directory}/nginx.conf`;
      writeFileSync(file, nginx);
      await startProxy(lab, ["nginx", "-c", file, "-g", "daemon off;"]);
      const { carol, moon } = await relays(
        lab,
        `ws://127.0.0.1:${innerPort}/vpn`,
        `ws://${address.moon}:${webPort}/vpn`,
      );
      await carriesAll(lab);
      await carol.stop();
      await eventually("moon's relay to see the end", 5, async () => (await moon.counters()).streams === 0);
    },
  },
  {
    name: "a WebSocket behind haproxy carries IKE and ESP",
    async run(lab) {
      const file = `${directory}/haproxy.cfg`;
      writeFileSync(file, haproxy);
      await startProxy(lab, ["haproxy", "-db", "-f", file]);
      await relays(lab, `ws://127.0.0.1:${innerPort}/vpn`, `ws://${address.moon}:${webPort}/vpn`);
      await carriesAll(lab);
    },
  },
  {
    name: "wss, whose TLS nginx ends, carries IKE and ESP",
    async run(lab) {
      const file = `${directory}/nginx.conf`;
      const tls = `ssl_certificate ${certificates}server.crt; ssl_certificate_key ${certificates}server.key;`;
      writeFileSync(
        file,
        nginx.replace(`listen ${address.moon}:${webPort};`, `listen ${address.moon}:${webPort} ssl; ${tls}`),
      );
      await startProxy(lab, ["nginx", "-c", file, "-g", "daemon off;"]);
      await relays(
        lab,
        `ws://127.0.0.1:${innerPort}/vpn`,
        `wss://${address.moon}:${webPort}/vpn?pin=${fingerprint()}`,
      );
      await carriesAll(lab);
    },
  },
  {
    name: "a relay falls back from a path that is not served to the next carrier",
    async run(lab) {
      const moon = await relays(lab, `ws://${address.moon}:${webPort}/vpn`, [
        `ws://${address.moon}:${webPort}/other`,
        `ws://${address.moon}:${webPort}/vpn`,
      ]);
      await carriesAll(lab);
      const [carried] = moon.carol.events.filter((event) => event.event === "carrier");
      assert.equal(carried.url, `ws://${address.moon}:${webPort}/vpn`);
    },
  },
  {
    name: "WebTransport carries IKE and ESP, with relays on Deno, which has it",
    async run(lab) {
      await lab.router("open"); // HTTP/3 runs over UDP
      lab.runtimes = { carol: "deno", moon: "deno" };
      await relays(lab, `https://${address.moon}/vpn`, `https://${address.moon}/vpn?pin=${fingerprint()}`, [
        "--cert",
        `${certificates}server.crt`,
        "--key",
        `${certificates}server.key`,
      ]);
      await lab.initiate("psk-relay");
      await lab.ping("carol", undefined, { count: 20 });
    },
  },
];

/** A relay on each side: moon's first, so that carol's finds it. */
async function relays(lab, listen, to = listen, more = []) {
  const moon = await lab.relay("moon", [
    "--listen",
    listen,
    "--to",
    "udp://127.0.0.1:4500",
    "--bind",
    "127.0.0.2",
    ...more,
  ]);
  const carol = await lab.relay("carol", [
    "--listen",
    `udp://127.0.0.1:${relayPort}`,
    ...[to].flat().flatMap((url) => ["--to", url]),
  ]);
  return { moon, carol };
}

/** Of the server's certificate, as `pin=` takes it. */
function fingerprint() {
  const certificate = new X509Certificate(readFileSync(`${certificates}server.crt`));
  return createHash("sha256").update(certificate.raw).digest("hex");
}

async function carriesAll(lab) {
  await lab.initiate("psk-relay");
  await lab.ping("carol", undefined, { count: 20 });
  const { udp, other } = await lab.counters();
  assert.deepEqual({ udp, other }, { udp: 0, other: 0 }, "nothing but TCP came to the router");
}

async function startProxy(lab, command) {
  const proxy = lab.background("web-proxy", "moon", command);
  await eventually(`${command[0]} to listen`, 5, async () => {
    if (!proxy.running) throw new Error(`${command[0]} ended at its start: ${proxy.stderr}`);
    return (await lab.on("moon", "ss", "-Hltn", `sport = :${webPort}`)).trim() !== "";
  });
}
