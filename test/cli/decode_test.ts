/** `iketcp decode` as a program: what it reads, what it prints, how it ends. */

import { after, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { type DecodedRow, RowFormatter } from "../../lib/inspect/mod.ts";
import { CLIENT, decodeItems, esp, pcapFile, readCapture, SERVER, timed, udp } from "../_support/captures.ts";
import { programCommand } from "../_support/program.ts";
import { projectRoot } from "../_support/vectors.ts";

const CAPTURE = fileURLToPath(new URL("test/vectors/captures/strongswan-tcp-relay.pcap", projectRoot));
const capture = new Uint8Array(readFileSync(CAPTURE));
const ROWS: DecodedRow[] = decodeItems(readCapture([capture]));

interface Ending {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `iketcp decode`; `onOutput` may end the reading of its output. */
function decode(
  args: readonly string[],
  { input, env = {}, onOutput = () => true }: {
    readonly input?: Uint8Array;
    readonly env?: Record<string, string>;
    readonly onOutput?: () => boolean;
  } = {},
): Promise<Ending> {
  const [command, ...start] = programCommand();
  const child = spawn(command!, [...start, "decode", ...args], {
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    if (!onOutput()) child.stdout.destroy();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => stderr += text);
  child.stdin.on("error", () => {}); // a program that refuses its input does not read it
  child.stdin.end(input ?? new Uint8Array(0));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, stdout, stderr }));
  });
}

function parseRows(stdout: string): DecodedRow[] {
  assert.ok(stdout.endsWith("\n"));
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as DecodedRow);
}

describe("iketcp decode", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "iketcp-decode-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  function file(name: string, octets: Uint8Array): string {
    const path = join(folder, name);
    writeFileSync(path, octets);
    return path;
  }

  it("prints one JSON object a row", async () => {
    const { status, stdout, stderr } = await decode(["--json", CAPTURE]);
    assert.equal(stderr, "");
    assert.equal(status, 0);
    assert.deepEqual(parseRows(stdout), ROWS);
  });

  it("prints one line a row for people", async () => {
    const { status, stdout } = await decode([CAPTURE]);
    const formatter = new RowFormatter();
    assert.equal(status, 0);
    assert.equal(stdout, ROWS.map((row) => `${formatter.format(row)}\n`).join(""));
  });

  it("reads standard input, and unpacks gzip", async () => {
    const { status, stdout } = await decode(["--json", "-"], { input: gzipSync(capture) });
    assert.equal(status, 0);
    assert.deepEqual(parseRows(stdout), ROWS);
  });

  it("finds files from where the caller stands", async () => {
    file("here.pcap", capture);
    const { status, stdout } = await decode(["--json", "here.pcap"], { env: { INIT_CWD: folder } });
    assert.equal(status, 0);
    assert.equal(parseRows(stdout).length, ROWS.length);
  });

  it("shows what comes before the damage of a file, then an error, and ends well", async () => {
    const cut = await decode(["--json", file("cut.pcap", capture.subarray(0, 5000))]);
    const rows = parseRows(cut.stdout);
    assert.equal(cut.status, 0);
    assert.equal(rows.at(-1)!.error!.code, "ERR_INSPECT_RECORD");
    assert.deepEqual(rows.slice(0, -1), ROWS.slice(0, rows.length - 1));
    assert.ok(rows.length > 10);

    const packed = gzipSync(capture);
    const unpacked = await decode(["--json", file("cut.pcap.gz", packed.subarray(0, packed.length - 8))]);
    assert.equal(unpacked.status, 0);
    const all = parseRows(unpacked.stdout);
    assert.deepEqual(all.slice(0, -1), ROWS);
    assert.match(all.at(-1)!.error!.message, /^Cannot unpack capture: /);
  });

  it("says in one sentence what it cannot read, and ends with 1", async () => {
    const cases: readonly (readonly [path: string, message: RegExp])[] = [
      [join(folder, "absent.pcap"), /absent\.pcap: there is no such file\n$/],
      [folder, /: it is a directory\n$/],
      [
        file("text", new TextEncoder().encode("hello\n")),
        /expected a pcap or pcapng file, got one that begins with 68 65 6c 6c\n$/,
      ],
      [file("empty", new Uint8Array(0)), /expected a pcap or pcapng file, got an empty file\n$/],
      [file("text.gz", gzipSync("hello")), /got one that begins with 68 65 6c 6c\n$/],
      [file("cut.gz", gzipSync(capture).subarray(0, 12)), /Cannot unpack capture/],
    ];
    for (const [path, message] of cases) {
      const { status, stdout, stderr } = await decode(["--json", path]);
      assert.equal(status, 1, path);
      assert.equal(stdout, "", path);
      assert.match(stderr, message);
      assert.match(stderr, /^iketcp: Cannot [^\n]*\n$/);
    }
  });

  const TABLES = ["ikev2_decryption_table", "esp_sa"].map((table) => CAPTURE.replace(/pcap$/, table));
  const withKeys = (...files: readonly string[]) => files.flatMap((path) => ["--keys", path]);

  it("opens what is sealed with tables of keys, for programs and for people", async () => {
    const opened = await decode(["--json", CAPTURE, ...withKeys(...TABLES)]);
    assert.deepEqual([opened.status, opened.stderr], [0, ""]);
    const rows = parseRows(opened.stdout);
    assert.equal(rows.length, ROWS.length);
    const auth = rows.find(({ ike }) => ike?.exchange === "IKE_AUTH" && ike.flags.includes("response"))!;
    assert.deepEqual([auth.ike!.decrypted, auth.ike!.inner], [true, [
      "IDr",
      "AUTH",
      "CP",
      "SA",
      "TSi",
      "TSr",
    ]]);
    const { esp } = rows.find(({ kind }) => kind === "esp")!;
    const inner = "IPv4 10.99.2.1 > 10.99.1.1 ICMP";
    assert.deepEqual(esp, { spi: "b0db3fb5", seq: 1, decrypted: true, nextHeader: 4, inner });

    const { stdout } = await decode([CAPTURE, ...withKeys(...TABLES)]);
    assert.match(stdout, /IKE_AUTH response 1 \{ SK \{ IDr, AUTH, CP, SA, TSi, TSr \} \} spi /);
    assert.match(stdout, /ESP spi b0db3fb5 seq 1, 120 octets, IPv4 10\.99\.2\.1 > 10\.99\.1\.1 ICMP\n/);
  });

  it("says which messages are not authentic with the keys given, and leaves those without keys as they are", async () => {
    const key = "0".repeat(40);
    const wrong = file(
      "wrong",
      new TextEncoder().encode(
        `"IPv4","*","*","0xb0db3fb5","AES-GCM with 16 octet ICV [RFC4106]","0x${key}","NULL",""\n`,
      ),
    );
    const { status, stdout } = await decode(["--json", CAPTURE, ...withKeys(wrong)]);
    assert.equal(status, 0);
    const verdicts = parseRows(stdout).flatMap(({ esp }) =>
      esp === undefined ? [] : [`${esp.spi} ${esp.decrypted}`]
    );
    assert.deepEqual([...new Set(verdicts)].sort(), [
      "2c861f6f undefined",
      "72466553 undefined",
      "b0db3fb5 false",
      "b7a2a88f undefined",
    ]);
    const people = await decode([CAPTURE, ...withKeys(wrong)]);
    assert.match(people.stdout, /ESP spi b0db3fb5 seq 1, 120 octets, not authentic with these keys\n/);
  });

  it("says in one sentence which keys it cannot read, without showing them, and ends with 1", async () => {
    const secret = "5e".repeat(16);
    const cases: readonly (readonly [path: string, message: RegExp])[] = [
      [join(folder, "absent"), /Cannot read keys .*absent: there is no such file\n$/],
      [folder, /Cannot read keys .*: it is a directory\n$/],
      [CAPTURE, /Cannot read .*relay\.pcap, line 1: /],
      [
        file("no-table", new TextEncoder().encode(`# keys\nkey = ${secret}\n`)),
        /no-table, line 2: expected the 8 fields/,
      ],
      [
        file("short", new TextEncoder().encode(`"IPv4","*","*","0x1","AES-CBC","0x${secret}5e","NULL",""`)),
        /short, line 1: expected an encryption key of 16, 24, 32 octets for "AES-CBC", got 17\n$/,
      ],
    ];
    for (const [path, message] of cases) {
      const { status, stdout, stderr } = await decode(["--json", CAPTURE, ...withKeys(TABLES[0]!, path)]);
      assert.deepEqual([status, stdout], [1, ""], path);
      assert.match(stderr, message);
      assert.match(stderr, /^iketcp: Cannot [^\n]*\n$/);
      assert.ok(!stderr.includes("5e5e"), stderr);
    }
  });

  it("goes on without the lines of a table whose algorithms are not had, and says so", async () => {
    const line = `"IPv4","*","*","0x1","TripleDES-CBC [RFC2451]","0x${
      "11".repeat(24)
    }","HMAC-SHA-1-96 [RFC2404]","0x00"`;
    const path = file("foreign", new TextEncoder().encode(`\n${line}\n`));
    const { status, stdout, stderr } = await decode(["--json", CAPTURE, ...withKeys(path)]);
    assert.equal(status, 0);
    assert.match(
      stderr,
      /foreign, line 2, is not used: TripleDES-CBC \[RFC2451\] is none of the algorithms here\n$/,
    );
    assert.deepEqual(parseRows(stdout), ROWS);
  });

  it("ends with 2 when it is called wrongly", async () => {
    for (const args of [[], ["--no-such-option", CAPTURE], [CAPTURE, "another"], [CAPTURE, "--keys"]]) {
      const { status, stdout, stderr } = await decode(args);
      assert.equal(status, 2, args.join(" "));
      assert.equal(stdout, "");
      assert.match(stderr, /^iketcp: /);
    }
  });

  it("explains itself", async () => {
    const { status, stdout } = await decode(["--help"]);
    assert.equal(status, 0);
    for (const word of ["--json", "--keys", "prefix, ike, esp, keepalive", "Example:"]) {
      assert.ok(stdout.includes(word), word);
    }
  });

  it("ends well when nobody reads any more", async () => {
    const packets = Array.from({ length: 30_000 }, (_, i) => udp(CLIENT, SERVER, esp(0x1000, i)));
    const path = file("big.pcap", pcapFile(timed(packets)));
    const { status, stdout, stderr } = await decode(["--json", path], { onOutput: () => false });
    assert.equal(stderr, "");
    assert.equal(status, 0);
    assert.ok(stdout.startsWith('{"n":1,') && stdout.length < 4_000_000);
  });
});
