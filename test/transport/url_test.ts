import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ConfigError } from "../../lib/errors.ts";
import {
  CARRIER_SCHEMES,
  type CarrierUrl,
  type CarrierUrlOptions,
  formatCarrierUrl,
  parseCarrierUrl,
} from "../../lib/transport/mod.ts";

describe("parseCarrierUrl", () => {
  // R-CFG-3: port 4500 unless told otherwise.
  const good: [string, Partial<CarrierUrl>][] = [
    ["udp://192.0.2.1", { scheme: "udp", hostname: "192.0.2.1", port: 4500, path: "", parameters: {} }],
    ["tcp://gw.example", { scheme: "tcp", hostname: "gw.example", port: 4500 }],
    ["tcp://gw.example/", { scheme: "tcp", path: "" }],
    ["TCP://gw.example:443", { scheme: "tcp", port: 443 }],
    ["tcp://localhost:65535", { hostname: "localhost", port: 65535 }],
    ["tcp://gw_1.example.", { hostname: "gw_1.example." }],
    ["tcp://[2001:db8::1]:4501", { hostname: "2001:db8::1", port: 4501 }],
    ["udp://[::]", { hostname: "::", port: 4500 }],
    ["udp://[fe80::1%eth0]", { hostname: "fe80::1%eth0" }],
    ["udp://[::ffff:192.0.2.1]", { hostname: "::ffff:192.0.2.1" }],
    ["tls://gw.example", { scheme: "tls", port: 443 }],
    ["ws://gw.example", { scheme: "ws", port: 80, path: "/" }],
    ["wss://gw.example/ike?pin=abc", { port: 443, path: "/ike", parameters: { pin: "abc" } }],
    ["https://gw.example/ike", { scheme: "https", port: 443, path: "/ike" }],
    [
      "tls://gw.example?sni=a.example&alpn=ipsec&pin=x%3D%3D&proxy=http%3A%2F%2Fproxy.example%3A3128",
      { parameters: { sni: "a.example", alpn: "ipsec", pin: "x==", proxy: "http://proxy.example:3128" } },
    ],
  ];
  for (const [text, expected] of good) {
    it(`reads ${text}`, () => {
      const url = parseCarrierUrl(text);
      for (const [key, value] of Object.entries(expected)) {
        assert.deepEqual(url[key as keyof CarrierUrl], value);
      }
    });
  }

  const bad: [string, RegExp, CarrierUrlOptions?][] = [
    ["", /expected SCHEME:\/\/HOST\[:PORT\] with scheme udp, tcp, tls, ws, wss, https/],
    ["gw.example:4500", /expected SCHEME/],
    ["tcp:gw.example", /expected SCHEME/],
    ["http://gw.example", /expected one of the schemes udp, tcp, .*, got "http"/],
    ["toString://gw.example", /got "tostring"/],
    ["tcp://", /expected a host .*, got none/],
    ["tcp://:4500", /expected a host .*, got none/],
    ["tcp://gw.example:", /expected a port from 1 to 65535, got none after the colon/],
    ["tcp://gw.example:0", /expected a port from 1 to 65535, got "0"/],
    ["tcp://gw.example:65536", /got "65536"/],
    ["tcp://gw.example:65536", /expected a port from 0 to 65535/, { listen: true }],
    ["tcp://gw.example:+1", /got "\+1"/],
    ["tcp://gw.example:0x1", /got "0x1"/],
    ["tcp://gw.example:4500:4501", /expected a port/],
    ["tcp://2001:db8::1", /expected a port|IPv6 address in brackets/],
    ["tcp://[gw.example]", /expected an IPv6 address in brackets, got "gw.example"/],
    ["tcp://[192.0.2.1]", /expected an IPv6 address in brackets/],
    ["tcp://[2001:db8::1::]", /expected an IPv6 address/],
    ["tcp://[2001:db8::1", /IPv6 address in brackets/],
    ["tcp://300.1.2.3", /expected a host name, an IPv4 address/],
    ["tcp://1.2.3", /expected a host name, an IPv4 address/],
    ["tcp://gw example", /expected a host name/],
    ["tcp://gw..example", /expected a host name/],
    ["tcp://-gw.example", /expected a host name/],
    ["tcp://gw.example/path", /expected no path, got "\/path"/],
    ["tcp://gw.example#x", /expected no fragment/],
    ["tcp://me@gw.example", /expected no user name or password/],
    ["udp://gw.example?proxy=x", /expected no parameters for udp, got "proxy"/],
    ["tcp://gw.example?sni=x", /expected one of the parameters proxy for tcp, got "sni"/],
    ["tls://gw.example?__proto__=x", /got "__proto__"/],
    ["tls://gw.example?sni=a&sni=b", /expected parameter sni once/],
    ["tls+tcp://gw.example", /expected a scheme to connect with, got tls\+tcp, to listen at/],
    ["tls://gw.example?sni=", /expected a value for parameter sni, got none/],
  ];
  for (const [text, message, options] of bad) {
    it(`refuses ${JSON.stringify(text)}${options?.listen ? " to listen at" : ""}`, () => {
      assert.throws(() => parseCarrierUrl(text, options), (error) => {
        assert.ok(error instanceof ConfigError);
        assert.equal(error.code, "ERR_CONFIG_URL");
        assert.match(error.message, message);
        return true;
      });
    });
  }

  it("allows port 0 for listening only", () => {
    assert.equal(parseCarrierUrl("udp://127.0.0.1:0", { listen: true }).port, 0);
    assert.throws(() => parseCarrierUrl("udp://127.0.0.1:0"), { code: "ERR_CONFIG_URL" });
  });

  it("never shows a password", () => {
    for (
      const text of [
        "tcp://me:secret@gw.example",
        "tcp://x y?proxy=http%3A%2F%2Fme%3Asecret%40p",
        "tcp://gw#secret",
      ]
    ) {
      assert.throws(() => parseCarrierUrl(text), (error: Error) => !error.message.includes("secret"));
    }
  });

  it("reads what formatCarrierUrl writes", () => {
    const octet = fc.nat(255);
    const hostname = fc.oneof(
      fc.domain(),
      fc.tuple(octet, octet, octet, octet).map((quad) => quad.join(".")),
      fc.ipV6(),
    );
    const url = fc.constantFrom(...Object.keys(CARRIER_SCHEMES) as CarrierUrl["scheme"][]).chain((scheme) => {
      const { parameters, path } = CARRIER_SCHEMES[scheme];
      return fc.record<CarrierUrl>({
        scheme: fc.constant(scheme),
        hostname,
        port: fc.integer({ min: 1, max: 65535 }),
        path: path ? fc.constantFrom("/", "/ike", "/a/b%20c") : fc.constant(""),
        parameters: fc.record(
          Object.fromEntries(parameters.map((name) => [name, fc.string({ minLength: 1, unit: "grapheme" })])),
          { requiredKeys: [] },
        ),
      });
    });
    fc.assert(fc.property(url, (url) => {
      const listen = CARRIER_SCHEMES[url.scheme].listenOnly ?? false;
      const read = parseCarrierUrl(formatCarrierUrl(url), { listen });
      assert.deepEqual(read, { ...url, parameters: { ...url.parameters } });
    }));
  });

  it("throws nothing but a ConfigError, whatever it is given", () => {
    const text = fc.oneof(fc.string(), fc.webUrl(), fc.string().map((rest) => `tcp://${rest}`));
    fc.assert(fc.property(text, (text) => {
      try {
        parseCarrierUrl(text);
      } catch (error) {
        assert.ok(error instanceof ConfigError);
      }
    }));
  });
});
