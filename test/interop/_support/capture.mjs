/** Captures of what really crossed a wire, read by `iketcp decode` and, independently, by Wireshark's tshark. */

import { fileURLToPath } from "node:url";

import { directory } from "./lab.mjs";
import { eventually, must, sleep } from "./shell.mjs";
import { iketcp } from "./relay.mjs";

const dissector = fileURLToPath(new URL("../lab/rfc9329.lua", import.meta.url));

/** Starts a capture on one interface of one side; `stop()` ends it and gives the file's path. */
export async function capture(lab, side, network, filter) {
  const name = `capture-${side}-${network}`;
  const file = `${directory}/${name}.pcap`;
  const tcpdump = [
    "tcpdump",
    "-U",
    "--immediate-mode",
    "-Z",
    "root",
    "-s",
    "0",
    "-i",
    network,
    "-w",
    file,
    filter,
  ];
  const program = lab.background(name, side, tcpdump);
  await eventually("tcpdump to listen", 5, () => program.stderr.includes("listening on"));
  return {
    async stop() {
      await sleep(300); // what is on its way still belongs to it
      await program.stop("SIGINT");
      return file;
    },
  };
}

/** The rows of `iketcp decode FILE --json`, with more options. */
export async function decode(runtime, file, ...options) {
  const stdout = await must(iketcp(runtime, "decode", file, "--json", ...options));
  return stdout.trim().split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/**
 * The same capture as tshark sees it, with the lab's dissector for RFC 9329: what follows the prefix as
 * `{ stream, kind, spi, ... }` in the order of the wire, and the numbers of packets that tshark calls malformed.
 */
export async function dissect(file) {
  const tshark = ["tshark", "-n", "-r", file, "-X", `lua_script:${dissector}`];
  const environment = { env: { WIRESHARK_CONFIG_DIR: directory, HOME: directory }, seconds: 60 };
  const malformed = await must(
    [...tshark, "-Y", "_ws.malformed", "-T", "fields", "-e", "frame.number"],
    environment,
  );
  const fields = [
    "iketcp.prefix",
    "iketcp.length",
    "isakmp.ispi",
    "isakmp.messageid",
    "esp.spi",
    "esp.sequence",
  ];
  const names = fields.flatMap((field) => ["-e", field]);
  const options = ["-Y", "iketcp", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,"];
  const table = await must([...tshark, ...options, ...names], environment);
  const all = Object.fromEntries(fields.map((field) => [field, []]));
  for (const line of table.split("\n").filter((line) => line.trim() !== "")) {
    line.split("\t").forEach((cell, i) =>
      all[fields[i]].push(...cell.split(",").filter((text) => text !== ""))
    );
  }
  return {
    malformed: malformed.trim() === "" ? [] : malformed.trim().split("\n"),
    prefixes: all["iketcp.prefix"].length,
    lengths: all["iketcp.length"].map(Number),
    ike: all["isakmp.ispi"].map((spi, i) => `${spi} ${Number(all["isakmp.messageid"][i])}`),
    esp: all["esp.spi"].map((spi, i) => `${spi.replace(/^0x/, "")} ${Number(all["esp.sequence"][i])}`),
  };
}

/**
 * What tshark makes of a capture with the tables of keys in a directory: `{ malformed, wrong, right, echoes, payloads }`, the packets
 * that it calls malformed, the lines of check values that are not right, how many are, pings and answers inside ESP, and payloads inside SK.
 */
export async function decrypt(file, keys) {
  const tshark = [
    "tshark",
    "-n",
    "-r",
    file,
    "-X",
    `lua_script:${dissector}`,
    "-d",
    "udp.port==4500,udpencap",
  ];
  const options = ["-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE"];
  // A folder of keys is a folder of settings to tshark.
  const environment = { env: { WIRESHARK_CONFIG_DIR: keys, HOME: keys }, seconds: 60 };
  const text = await must([...tshark, ...options, "-V"], environment);
  const lines = text.split("\n");
  const count = (pattern) => lines.filter((line) => pattern.test(line)).length;
  const linesOf = (pattern) =>
    lines.flatMap((line, i) =>
      pattern.test(line)
        ? [`${lines.slice(0, i).findLast((one) => /^Frame /.test(one))}: ${line.trim()}`]
        : []
    );
  const malformed = await must([
    ...tshark,
    ...options,
    "-Y",
    "_ws.malformed",
    "-T",
    "fields",
    "-e",
    "frame.number",
  ], environment);
  return {
    malformed: malformed.trim() === "" ? [] : malformed.trim().split("\n"),
    // In brackets: digits in base 16 may spell words.
    wrong: linesOf(/\[incorrect|\[Bad: True\]|\[Good: False\]/i),
    right: count(/Integrity Checksum Data.*\[correct\]/),
    echoes: count(/^ +Type: (8|0) \(Echo/),
    payloads: count(/^ {8,}Payload: /),
  };
}
