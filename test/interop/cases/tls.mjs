/** TLS, and proxies that open tunnels: networks that drop UDP and port 4500, and let the web through. */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { address, directory, relayPort } from "../_support/lab.mjs";
import { proxyPort, startProxy, startSquid, startTinyproxy } from "../_support/proxies.mjs";
import { eventually } from "../_support/shell.mjs";

const certificates = fileURLToPath(new URL("../../_support/certificates/", import.meta.url));
const ca = `${certificates}ca.crt`;
const identity = ["--cert", `${certificates}server.crt`, "--key", `${certificates}server.key`];

/** The URL of moon's gateway, by the name in its certificate. */
const gateway = `tls://${address.moon}?sni=gw.example`;
const through = (proxy) => `${gateway}&proxy=${encodeURIComponent(proxy)}`;

export const tls = [
  {
    name: "TLS carries IKE and ESP where the router drops UDP and resets port 4500",
    everywhere: true,
    async run(lab) {
      await lab.router("no-udp", "reset");
      await moonRelay(lab, `tls+tcp://${address.moon}`);
      const carol = await carolRelay(lab, [`tcp://${address.moon}`, gateway]);
      await carries(lab);
      const carried = carol.events.find((event) => event.event === "carrier");
      assert.match(carried.url, /^tls:/, "plain TCP was tried first, and TLS carries");
      assert.match(carried.layers[0], /^TLSv1\.3 .* verified by ca certificate [0-9a-f]{64}$/);
    },
  },
  {
    name: "one port takes TLS and plain streams",
    async run(lab) {
      await moonRelay(lab, `tls+tcp://${address.moon}:4500`);
      await carolRelay(lab, [`tcp://${address.moon}`]);
      await carries(lab);
    },
  },
  {
    name: "TLS through squid carries IKE and ESP, after squid has asked for a password",
    everywhere: true,
    async run(lab) {
      await lab.router("no-udp", "reset");
      await startSquid(lab);
      await moonRelay(lab, `tls://${address.moon}`);
      const refused = await carolRelay(lab, [through(`http://me:wrong@${address.moon}:${proxyPort}`)]);
      await lab.swan("carol", "--initiate", ["--ike", "psk-relay", "--child", "net", "--timeout", "1"]);
      const failed = await eventually(
        "squid to refuse",
        5,
        () => refused.events.find((event) => event.event === "stream_failed"),
      );
      assert.equal(failed.error.code, "ERR_TRANSPORT_PROXY_AUTH");
      assert.doesNotMatch(JSON.stringify(refused.events), /wrong/);
      await lab.swan("carol", "--terminate", ["--ike", "psk-relay", "--force"]);
      await refused.stop();
      const carol = await carolRelay(lab, [through(`http://me:geheim@${address.moon}:${proxyPort}`)]);
      await carries(lab);
      const carried = carol.events.find((event) => event.event === "carrier");
      assert.equal(carried.layers[0], `proxy http://${address.moon}:${proxyPort}`);
    },
  },
  {
    name: "TLS through tinyproxy carries IKE and ESP, which closes when it asks for a password",
    async run(lab) {
      await startTinyproxy(lab);
      await moonRelay(lab, `tls://${address.moon}`);
      await carolRelay(lab, [gateway], ["--proxy", `http://me:geheim@${address.moon}:${proxyPort}`]);
      await carries(lab);
    },
  },
  {
    name: "a haproxy that ends TLS before a plain relay carries IKE and ESP",
    async run(lab) {
      const [file, pem] = [`${directory}/haproxy-tls.cfg`, `${directory}/haproxy.pem`];
      const read = (name) => readFileSync(`${certificates}${name}`, "utf8");
      writeFileSync(pem, read("server.crt") + read("server.key"));
      writeFileSync(
        file,
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n" +
          `frontend f\n bind ${address.moon}:443 ssl crt ${pem}\n default_backend b\n` +
          "backend b\n server relay 127.0.0.1:4500\n",
      );
      await startProxy(lab, ["haproxy", "-db", "-f", file], 443);
      await moonRelay(lab, "tcp://127.0.0.1:4500");
      await carolRelay(lab, [gateway]);
      await carries(lab);
    },
  },
];

function moonRelay(lab, listen) {
  const to = ["--to", "udp://127.0.0.1:4500", "--bind", "127.0.0.2"];
  const more = listen.startsWith("tls") ? identity : [];
  return lab.relay("moon", ["--listen", listen, ...to, ...more]);
}

function carolRelay(lab, urls, more = []) {
  const to = urls.flatMap((url) => ["--to", url]);
  return lab.relay("carol", ["--listen", `udp://127.0.0.1:${relayPort}`, ...to, "--ca", ca, ...more]);
}

async function carries(lab) {
  await lab.initiate("psk-relay");
  await lab.ping("carol", undefined, { count: 20 });
}
