#!/usr/bin/env node
/**
 * `npm run test:interop:libreswan [-- --only PATTERN] [-- --runtime NAME]`: our own engine and ESP with libreswan in two
 * machines whose kernel has ESP in TCP. Needs root, Debian and, once, ten minutes to build a kernel; the machines run without
 * hardware virtualisation.
 */

import { mkdirSync, rmSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";

import { libreswanMachines } from "./cases/libreswan_machines.mjs";
import { IkePeer } from "./_support/ike_process.mjs";
import { build, libreswanDirectory, Machine } from "./_support/libreswan.mjs";

const { values: options } = parseArgs({
  options: { only: { type: "string", default: "" }, runtime: { type: "string", default: "node" } },
});
const directory = `${libreswanDirectory}/run/peers`;
const cases = libreswanMachines.filter(({ name }) => new RegExp(options.only, "i").test(name));

if (process.platform !== "linux" || process.getuid() !== 0) {
  console.log("The interoperability test needs root on Debian");
  console.log(`0 passed, 0 failed, ${cases.length} skipped`);
  process.exit(process.env.CI ? 1 : 0);
}

await build();
mkdirSync(`${directory}/pids`, { recursive: true });
const gateway = new Machine("gw");
const client = new Machine("client");
const tally = { passed: 0, failed: 0 };
try {
  await Promise.all([gateway.start(), client.start()]);
  for (const test of cases) await runOne(test);
} finally {
  await Promise.all([gateway.stop(), client.stop()]);
  rmSync(directory, { recursive: true, force: true });
}
console.log(`${tally.passed} passed, ${tally.failed} failed`);
process.exit(tally.failed === 0 ? 0 : 1);

async function runOne({ name, run }) {
  const began = performance.now();
  const peers = [];
  const peer = async (setup) => {
    const made = new IkePeer(`peer-${peers.length}`, [], options.runtime, setup, directory);
    peers.push(made);
    await made.ready();
    return made;
  };
  let error;
  let note;
  try {
    note = await run({ gateway, client, peer });
  } catch (reason) {
    error = reason;
  }
  const said = peers.map((one) => one.messages.slice(-20).join("\n")).join("\n");
  for (const one of peers) await one.stop().catch((reason) => error ??= reason);
  const seconds = ((performance.now() - began) / 1000).toFixed(1).padStart(5);
  console.log(
    `${error ? "FAIL" : "ok  "} ${seconds} s  ${options.runtime}  ${name}${note ? ` (${note})` : ""}`,
  );
  if (error !== undefined) console.log(`${error.stack ?? error}\n${said}`);
  tally[error === undefined ? "passed" : "failed"]++;
}
