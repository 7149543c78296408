import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { TransportError } from "../../lib/errors.ts";
import { fieldTokens, fieldValues, HttpResponseHeadReader } from "../../lib/transport/mod.ts";
import { cutsOf } from "../_support/cuts.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (octets: Uint8Array) => new TextDecoder().decode(octets);

describe("HttpResponseHeadReader", () => {
  it("reads a head and leaves what follows it, however it is cut", () => {
    const text =
      "HTTP/1.1 407 Proxy Authentication Required\r\nVia: a\r\nX-Fold: one\r\n  two\r\nvia:b , C\r\n\r\n";
    const behind = "\r\n\r\nHTTP/1.1 200";
    for (const { name, chunks } of cutsOf(encode(text + behind))) {
      const reader = new HttpResponseHeadReader();
      let rest: string | undefined;
      for (const chunk of chunks) {
        if (rest !== undefined) {
          rest += decode(chunk);
          continue;
        }
        const start = reader.handle(chunk);
        if (start === undefined) continue;
        const { head } = start;
        rest = decode(start.rest);
        assert.equal(head.status, 407, name);
        assert.equal(head.minorVersion, 1);
        assert.equal(head.reason, "Proxy Authentication Required");
        assert.deepEqual(head.fields, [["via", "a"], ["x-fold", "one two"], ["via", "b , C"]]);
        assert.deepEqual(fieldValues(head, "via"), ["a", "b , C"]);
        assert.deepEqual(fieldTokens(head, "via"), ["a", "b", "c"]);
      }
      assert.equal(rest, behind, name);
    }
  });

  const good: [string, number, 0 | 1, string][] = [
    ["HTTP/1.0 200 OK\r\n\r\n", 200, 0, "OK"],
    ["HTTP/1.1 299 \r\n\r\n", 299, 1, ""],
    ["HTTP/1.1 200\r\n\r\n", 200, 1, ""],
    ["HTTP/1.1 200 OK\n\n", 200, 1, "OK"],
    ["HTTP/1.1 200 OK\nA: b\r\n\n", 200, 1, "OK"],
    [`HTTP/1.1 503 ${"x".repeat(300)}\r\n\r\n`, 503, 1, "x".repeat(100)],
    ["HTTP/1.1 403 a\x1b[31m\x00b\xff\r\n\r\n", 403, 1, "a[31mb"],
  ];
  for (const [text, status, minorVersion, reason] of good) {
    it(`reads ${JSON.stringify(text.slice(0, 40))}`, () => {
      const { head } = new HttpResponseHeadReader().handle(encode(text))!;
      assert.deepEqual([head.status, head.minorVersion, head.reason], [status, minorVersion, reason]);
    });
  }

  const bad: [string, RegExp][] = [
    ["SSH-2.0-OpenSSH\r\n", /expected an HTTP\/1 response, got something else/],
    ["\x15\x03\x01\x00\x02\x02\x0a", /expected an HTTP\/1 response/],
    ["\r\nHTTP/1.1 200 OK\r\n\r\n", /expected an HTTP\/1 response/],
    ["HTTP/2 200\r\n\r\n", /expected an HTTP\/1 response/],
    ["HTTP/1.2 200 OK\r\n\r\n", /expected a status line of HTTP\/1.0 or HTTP\/1.1, got HTTP\/1.2 200 OK/],
    ["HTTP/1.1 20 OK\r\n\r\n", /status line/],
    ["HTTP/1.1 2000 OK\r\n\r\n", /status line/],
    ["HTTP/1.1  200 OK\r\n\r\n", /status line/],
    ["HTTP/1.1 200 OK\r\nno field\r\n\r\n", /expected header fields NAME: VALUE, got no field/],
    ["HTTP/1.1 200 OK\r\nspace : x\r\n\r\n", /header fields/],
    ["HTTP/1.1 200 OK\r\n: x\r\n\r\n", /header fields/],
  ];
  for (const [text, message] of bad) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => new HttpResponseHeadReader().handle(encode(text)), (error) => {
        assert.ok(error instanceof TransportError);
        assert.equal(error.code, "ERR_TRANSPORT_HTTP");
        assert.match(error.message, message);
        return true;
      });
    });
  }

  it("refuses the first octet that no HTTP response has, before any line has ended", () => {
    const reader = new HttpResponseHeadReader();
    assert.equal(reader.handle(encode("HTT")), undefined);
    assert.throws(() => reader.handle(encode("X")), { code: "ERR_TRANSPORT_HTTP" });
  });

  it("takes a head of the limit, and not one octet more, however many lines or heads there are", () => {
    const head = (length: number) => `HTTP/1.1 200 OK\r\nA: ${"x".repeat(length - 24)}\r\n\r\n`;
    assert.equal(head(100).length, 100);
    for (const { chunks } of cutsOf(encode(head(16384)))) {
      const reader = new HttpResponseHeadReader();
      assert.ok(chunks.some((chunk) => reader.handle(chunk) !== undefined));
    }
    for (const { chunks } of cutsOf(encode(head(16385)))) {
      const reader = new HttpResponseHeadReader();
      assert.throws(() => chunks.forEach((chunk) => reader.handle(chunk)), /at most 16384 octets/);
    }
    const reader = new HttpResponseHeadReader(250);
    reader.handle(encode(head(100)));
    reader.handle(encode(head(100)));
    assert.throws(() => reader.handle(encode(head(100))), /at most 250 octets/);
  });

  it("says where the connection ended", () => {
    assert.throws(() => new HttpResponseHeadReader().handleEnd(), /got the end$/);
    const reader = new HttpResponseHeadReader();
    reader.handle(encode("HTTP/1.1 200 OK\r\n"));
    assert.throws(() => reader.handleEnd(), /got the end inside its head$/);
  });

  it("throws nothing but a TransportError, whatever it is given", () => {
    const text = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ unit: "binary" }).map((rest) => encode(`HTTP/1.1 200${rest}\r\n\r\n`)),
    );
    fc.assert(fc.property(text, (octets) => {
      try {
        new HttpResponseHeadReader(150).handle(octets);
      } catch (error) {
        assert.ok(error instanceof TransportError);
      }
    }));
  });
});
