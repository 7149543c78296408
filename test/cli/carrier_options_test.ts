import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Command } from "commander";
import {
  addCarrierOptions,
  type CarrierCommandOptions,
  connectOptions,
  listenOptions,
  watchCertificate,
} from "../../lib/cli/_carrier_options.ts";
import { type Connection, parseCarrierUrl } from "../../lib/transport/mod.ts";
import { CA, identity } from "../_support/certificates.ts";
import { until } from "../_support/streams.ts";

/** Runs `use` with a folder that holds a certificate and its key. */
async function withFiles(use: (path: (name: string) => string) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "iketcp-options-"));
  const path = (name: string) => join(folder, name);
  try {
    const { cert, key } = identity("server");
    writeFileSync(path("crt"), cert);
    writeFileSync(path("key"), key);
    writeFileSync(path("ca"), CA);
    await use(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function parse(...args: string[]): CarrierCommandOptions {
  const command = addCarrierOptions(new Command().exitOverride().configureOutput({ writeErr: () => {} }));
  return command.parse(args, { from: "user" }).opts();
}

const url = parseCarrierUrl("tls://gw.example");

describe("The options of carriers", () => {
  it("become settings for connecting and for listening", () =>
    withFiles((path) => {
      const options = parse(
        ...["--ca", path("ca"), "--cert", path("crt"), "--key", path("key"), "--insecure"],
        ...["--proxy", "http://me:geheim@proxy:3128", "--header", "X-A: b", "--header", "X-C:d "],
      );
      const connect = connectOptions(options, url);
      assert.deepEqual(connect.tls, { ca: CA, insecure: true });
      assert.equal(connect.proxy?.credentials?.password, "geheim");
      assert.deepEqual(connect.headers, { "X-A": "b", "X-C": "d" });
      assert.deepEqual(listenOptions(options).tls, identity("server"));
    }));

  it("say in a sentence what cannot be read", () => {
    assert.throws(() => parse("--ca", "/does/not/exist"), { code: "ERR_CONFIG_FILE" });
    assert.throws(() => parse("--proxy", "socks5://me:geheim@proxy"), { code: "ERR_CONFIG_URL" });
    for (const field of ["no colon", "Bad Name: x", "X: a\r\nY: b"]) {
      assert.throws(() => parse("--header", field), { code: "ERR_CONFIG_OPTION" });
    }
  });

  it("leave the proxy to the environment only where the command line says nothing", () => {
    const before = process.env["HTTPS_PROXY"];
    process.env["HTTPS_PROXY"] = "http://from-environment:1";
    try {
      const lower = process.env["https_proxy"] ?? process.env["no_proxy"] ?? process.env["NO_PROXY"];
      if (lower === undefined) {
        assert.equal(connectOptions(parse(), url).proxy?.hostname, "from-environment");
      }
      assert.equal(connectOptions(parse("--proxy", "http://told"), url).proxy?.hostname, "told");
      assert.equal(connectOptions(parse("--no-proxy"), url).proxy, undefined);
    } finally {
      if (before === undefined) delete process.env["HTTPS_PROXY"];
      else process.env["HTTPS_PROXY"] = before;
    }
  });

  it("hand a renewed certificate to the listener, and one that does not fit its key only once", () =>
    withFiles(async (path) => {
      const told: (Error | undefined)[] = [];
      const reloaded: string[] = [];
      const listener = {
        connections: new ReadableStream<Connection>(),
        address: { hostname: "", port: 0 },
        close: () => Promise.resolve(),
        reload({ cert, key }: { cert: string; key: string }) {
          if (key !== identity("renewed").key) throw new Error("they do not belong together");
          reloaded.push(cert);
        },
      };
      const options = parse("--cert", path("crt"), "--key", path("key"));
      const end = watchCertificate(options, listener, (error) => told.push(error), 5);
      writeFileSync(path("crt"), identity("renewed").cert);
      await until(() => told.length > 0, "it is told that the key does not fit");
      assert.match(String(told[0]?.message), /do not belong together/);
      writeFileSync(path("key"), identity("renewed").key);
      await until(() => told.length > 1, "it is told of the new certificate");
      end();
      assert.deepEqual(told.slice(1), [undefined]);
      assert.deepEqual(reloaded, [identity("renewed").cert]);
    }));
});
