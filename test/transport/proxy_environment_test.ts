import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "../../lib/errors.ts";
import { parseCarrierUrl, proxyFromEnvironment } from "../../lib/transport/mod.ts";

/** The proxy's host for a URL, with these variables. */
function proxyOf(url: string, variables: Record<string, string>): string | undefined {
  return proxyFromEnvironment(parseCarrierUrl(url), (name) => variables[name])?.hostname;
}

describe("proxyFromEnvironment", () => {
  const rows: [string, Record<string, string>, string | undefined][] = [
    ["tls://gw.example", { HTTPS_PROXY: "http://a:1" }, "a"],
    ["wss://gw.example", { https_proxy: "b:2", HTTPS_PROXY: "http://a:1" }, "b"],
    ["ws://gw.example", { http_proxy: "c" }, "c"],
    ["ws://gw.example", { HTTP_PROXY: "c" }, undefined], // as curl, against httpoxy
    ["ws://gw.example", { HTTPS_PROXY: "a" }, undefined],
    ["tcp://gw.example", { HTTPS_PROXY: "a", http_proxy: "c" }, undefined],
    ["tcp://gw.example", { ALL_PROXY: "d" }, "d"],
    ["tls://gw.example", { all_proxy: "d", HTTPS_PROXY: "a" }, "a"],
    ["tls://gw.example", { all_proxy: "d", HTTPS_PROXY: "" }, undefined],
    ["https://gw.example/", { HTTPS_PROXY: "a", ALL_PROXY: "d" }, undefined], // HTTP/3 is UDP
    ["udp://gw.example", { ALL_PROXY: "d" }, undefined],
    ["tls://gw.example", {}, undefined],
  ];
  for (const [url, variables, expected] of rows) {
    it(`gives ${expected ?? "none"} to ${url} with ${JSON.stringify(variables)}`, () => {
      assert.equal(proxyOf(url, variables), expected);
    });
  }

  const exempt: [string, string, boolean][] = [
    ["tls://gw.example", "*", true],
    ["tls://gw.example", "gw.example", true],
    ["tls://GW.Example.", "other, gw.EXAMPLE", true],
    ["tls://gw.example", "example", true],
    ["tls://gw.example", ".example", true],
    ["tls://gw.example", "*.example", true],
    ["tls://gw.example", "w.example", false],
    ["tls://gw.example", "gw.example:443", true],
    ["tls://gw.example:444", "gw.example:443", false],
    ["tls://gw.example", "gw.example.org", false],
    ["tls://gw.example", "", false],
    ["tls://gw.example", ",. ,", false],
    ["tls://192.0.2.7", "192.0.2.7", true],
    ["tls://192.0.2.7", "192.0.2.0/24", true],
    ["tls://192.0.2.7", "192.0.2.8/31", false],
    ["tls://192.0.2.7", "192.0.2.0/33", false],
    ["tls://192.0.2.7", "192.0.2.0/x", false],
    ["tls://192.0.2.7", "0.0.0.0/0", true],
    ["tls://192.0.2.7", "2.7", false],
    ["tls://[2001:db8::7]", "2001:db8::/32", true],
    ["tls://[2001:db8::7]", "[2001:db8:0:0::7]", true],
    ["tls://[2001:db8::7]", "[2001:db8::7]:443", true],
    ["tls://[2001:db8::7]", "[2001:db8::7]:444", false],
    ["tls://[2001:db8::7]", "2001:db9::/32", false],
    ["tls://[::ffff:192.0.2.7]", "::ffff:c000:0200/120", true],
    ["tls://[2001:db8::7]", "0.0.0.0/0", false],
  ];
  for (const [url, list, expected] of exempt) {
    it(`${expected ? "spares" : "does not spare"} ${url} with NO_PROXY=${list}`, () => {
      for (const name of ["no_proxy", "NO_PROXY"]) {
        assert.equal(proxyOf(url, { HTTPS_PROXY: "a", [name]: list }), expected ? undefined : "a");
      }
    });
  }

  it("names a variable that it cannot use, without its password", () => {
    assert.throws(() => proxyOf("tcp://gw.example", { ALL_PROXY: "socks5://me:geheim@s" }), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, /^Cannot use ALL_PROXY: .*got "socks5:\/\/"/);
      assert.doesNotMatch(error.message, /geheim/);
      return true;
    });
  });
});
