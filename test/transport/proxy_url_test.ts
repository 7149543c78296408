import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "../../lib/errors.ts";
import { parseProxyUrl, type ProxySettings, showProxyUrl } from "../../lib/transport/mod.ts";

describe("parseProxyUrl", () => {
  const good: [string, ProxySettings][] = [
    ["http://proxy.example:3128", { hostname: "proxy.example", port: 3128, secure: false }],
    ["proxy.example", { hostname: "proxy.example", port: 1080, secure: false }],
    ["proxy.example:8080/", { hostname: "proxy.example", port: 8080, secure: false }],
    ["HTTPS://proxy.example", { hostname: "proxy.example", port: 443, secure: true }],
    ["http://[2001:db8::1]:3128", { hostname: "2001:db8::1", port: 3128, secure: false }],
    ["http://me@192.0.2.1", {
      hostname: "192.0.2.1",
      port: 1080,
      secure: false,
      credentials: { username: "me", password: "" },
    }],
    ["http://m%40e:s%3Ae%20c@ret@proxy.example:1", {
      hostname: "proxy.example",
      port: 1,
      secure: false,
      credentials: { username: "m@e", password: "s:e c@ret" },
    }],
  ];
  for (const [text, expected] of good) {
    it(`reads ${text}`, () => assert.deepEqual(parseProxyUrl(text), expected));
  }

  const bad: [string, RegExp][] = [
    ["socks5://me:secret@proxy.example", /expected http:\/\/HOST:PORT or https:.*, got "socks5:\/\/"/],
    ["http://", /expected \[USER:PASSWORD@\]HOST/],
    ["http://me:secret@", /HOST/],
    ["http://me:secret@proxy.example:0", /HOST/],
    ["http://me:secret@proxy.example:65536", /HOST/],
    ["http://me:secret@2001:db8::1", /IPv6 address in brackets/],
    ["http://me:secret@[proxy.example]", /IPv6 address in brackets/],
    ["http://proxy.example/secret", /expected no path/],
    ["http://me:secret%zz@proxy.example", /percent-encoded/],
    ["http://m%3Ae:secret@proxy.example", /percent-encoded/],
    ["http://me:secret%0d%0aX: y@proxy.example", /percent-encoded/],
  ];
  for (const [text, message] of bad) {
    it(`refuses ${text}, without its password`, () => {
      assert.throws(() => parseProxyUrl(text), (error) => {
        assert.ok(error instanceof ConfigError);
        assert.equal(error.code, "ERR_CONFIG_URL");
        assert.match(error.message, message);
        assert.ok(text.endsWith("/secret") || !error.message.includes("secret"), error.message);
        return true;
      });
    });
  }

  it("is shown without credentials", () => {
    assert.equal(showProxyUrl(parseProxyUrl("https://me:secret@[::1]:3129")), "https://[::1]:3129");
  });
});
