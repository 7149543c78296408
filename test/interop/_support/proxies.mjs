/** Proxies of Debian in the lab, configured as people meet them. */

import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

import { address, directory } from "./lab.mjs";
import { eventually } from "./shell.mjs";

/** Where proxies listen. */
export const proxyPort = 3128;

/** Squid with Basic authentication (me, geheim), which opens tunnels to port 443 only, unless `access` says otherwise; `more` lines of its configuration. */
export async function startSquid(lab, more = [], access = "http_access allow known web") {
  // Squid's helper gives up root, and the lab's own directory is root's alone.
  const readable = mkdtempSync(join(tmpdir(), "iketcp-squid-"));
  process.on("exit", () => rmSync(readable, { recursive: true, force: true }));
  chmodSync(readable, 0o755);
  const [file, passwords] = [`${directory}/squid.conf`, join(readable, "passwords")];
  const hash = execFileSync("openssl", ["passwd", "-apr1", "geheim"], { encoding: "utf8" }).trim();
  writeFileSync(passwords, `me:${hash}\n`);
  chmodSync(passwords, 0o644);
  const helper = "/usr/lib/squid/basic_ncsa_auth"; // where Debian has it
  writeFileSync(
    file,
    [
      `http_port ${address.moon}:${proxyPort}`,
      `pid_filename ${directory}/squid.pid`,
      "cache_log /dev/null",
      "access_log none",
      "cache deny all",
      `auth_param basic program ${helper} ${passwords}`,
      "acl known proxy_auth REQUIRED",
      "acl web port 443",
      access,
      "http_access deny all",
      "visible_hostname lab",
      "shutdown_lifetime 1 seconds",
      "pinger_enable off",
      ...more,
    ].join("\n") + "\n",
  );
  await startProxy(lab, ["squid", "-N", "-f", file], proxyPort);
}

/** Tinyproxy, which speaks HTTP/1.0, with the same name and password. */
export async function startTinyproxy(lab, listen = address.moon) {
  const file = `${directory}/tinyproxy.conf`;
  const lines = [
    `Port ${proxyPort}`,
    `Listen ${listen}`,
    "Timeout 60",
    "MaxClients 20",
    "BasicAuth me geheim",
  ];
  writeFileSync(file, `${lines.join("\n")}\nLogLevel Error\n`);
  await startProxy(lab, ["tinyproxy", "-d", "-c", file], proxyPort);
}

/** Starts a server on a side, and waits until it listens. */
export async function startProxy(lab, command, port, side = "moon") {
  const proxy = lab.background(`proxy-${command[0]}`, side, command);
  await eventually(`${command[0]} to listen`, 15, async () => {
    if (!proxy.running) throw new Error(`${command[0]} ended at its start: ${proxy.stderr}`);
    return (await lab.on(side, "ss", "-Hltn", `sport = :${port}`)).trim() !== "";
  });
}
