import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  checkUpgradeRequest,
  checkUpgradeResponse,
  type HttpRequestHead,
  HttpRequestHeadReader,
  type HttpResponseHead,
  HttpResponseHeadReader,
  makeKey,
  type UpgradeRules,
  writeUpgradeRequest,
  writeUpgradeResponse,
} from "../../../lib/transport/mod.ts";
import { rejection } from "../../_support/streams.ts";

/** RFC 6455, section 1.3. */
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const octetsOf = (text: string) => new TextEncoder().encode(text.replaceAll("\n", "\r\n"));

function headOf(text: string): HttpRequestHead {
  const result = new HttpRequestHeadReader().handle(octetsOf(text));
  assert.equal(result.state, "complete");
  return (result as { head: HttpRequestHead }).head;
}

function responseOf(text: string): HttpResponseHead {
  return new HttpResponseHeadReader().handle(octetsOf(text))!.head;
}

const REQUEST = `GET /vpn?token=1 HTTP/1.1
Host: gw.example
upgrade: WebSocket
Connection: keep-alive, Upgrade
Sec-WebSocket-Key: ${KEY}
Sec-WebSocket-Version: 13
Origin: https://vpn.example
Sec-WebSocket-Protocol: chat, iketcp
Sec-WebSocket-Extensions: permessage-deflate

`;

describe("checkUpgradeRequest", () => {
  it("takes a browser's request, its subprotocol and none of its extensions", () => {
    const rules = { path: "/vpn", origins: ["https://vpn.example"] };
    assert.deepEqual(checkUpgradeRequest(headOf(REQUEST), rules), {
      accepted: true,
      key: KEY,
      protocol: "iketcp",
    });
  });

  it("takes a client that names no subprotocol, and one that has no origin", () => {
    const request = REQUEST.replace(/Sec-WebSocket-Protocol.*\n/, "").replace(/Origin.*\n/, "");
    assert.deepEqual(checkUpgradeRequest(headOf(request), { origins: [] }), { accepted: true, key: KEY });
  });

  it("takes the absolute form that some proxies pass on", () => {
    const request = REQUEST.replace("GET /vpn?token=1", "GET http://gw.example/vpn");
    assert.equal(checkUpgradeRequest(headOf(request), { path: "/vpn" }).accepted, true);
  });

  const REFUSALS: readonly [name: string, from: string | RegExp, to: string, status: number][] = [
    ["another path", "/vpn", "/other", 404],
    ["a path that only begins like ours", "/vpn?", "/vpn/x?", 404],
    ["POST", "GET", "POST", 400],
    ["HTTP/1.0", "HTTP/1.1", "HTTP/1.0", 426],
    ["a request without upgrade", /upgrade: .*\n/, "", 426],
    ["a Connection field without upgrade", "keep-alive, Upgrade", "keep-alive", 426],
    ["version 8", "Version: 13", "Version: 8", 426],
    ["no key", /Sec-WebSocket-Key.*\n/, "", 400],
    ["a short key", KEY, "c2hvcnQ=", 400],
    ["two keys", /(Sec-WebSocket-Key.*\n)/, "$1$1", 400],
    ["only other subprotocols", "chat, iketcp", "chat", 400],
    ["an origin that may not", "https://vpn.example", "https://evil.example", 403],
  ];
  for (const [name, from, to, status] of REFUSALS) {
    it(`refuses ${name} with ${status}`, () => {
      const rules: UpgradeRules = { path: "/vpn", origins: ["https://vpn.example"] };
      const decision = checkUpgradeRequest(headOf(REQUEST.replace(from, to)), rules);
      assert.equal(decision.accepted, false);
      assert.equal(!decision.accepted && decision.status, status);
    });
  }
});

describe("writeUpgradeRequest", () => {
  it("is what checkUpgradeRequest takes, with further fields", () => {
    const key = makeKey();
    const octets = writeUpgradeRequest({
      host: "gw.example:8080",
      path: "/vpn",
      key,
      headers: { Authorization: "Bearer x" },
    });
    const head = headOf(new TextDecoder().decode(octets).replaceAll("\r\n", "\n"));
    assert.equal(head.fields.get("host"), "gw.example:8080");
    assert.equal(head.fields.get("authorization"), "Bearer x");
    assert.deepEqual(checkUpgradeRequest(head, { path: "/vpn" }), {
      accepted: true,
      key,
      protocol: "iketcp",
    });
  });

  it("refuses fields that would break the head, without showing their values", () => {
    const cases: Record<string, string>[] = [
      { "A b": "secret" },
      { A: "secret\r\nB: c" },
      { A: "secret\0" },
      { Upgrade: "secret" },
    ];
    for (const headers of cases) {
      assert.throws(
        () => writeUpgradeRequest({ host: "gw.example", path: "/", key: KEY, headers }),
        (error: Error & { code?: string }) =>
          error instanceof TypeError && error.code === "ERR_OPTION_RANGE" &&
          !error.message.includes("secret"),
      );
    }
  });
});

describe("checkUpgradeResponse", () => {
  it("takes the RFC's example, with our subprotocol or none", async () => {
    for (const protocol of ["iketcp", undefined]) {
      const response = new TextDecoder().decode(await writeUpgradeResponse(KEY, protocol));
      assert.ok(response.includes(`Sec-WebSocket-Accept: ${ACCEPT}\r\n`));
      const head = responseOf(response.replaceAll("\r\n", "\n"));
      assert.equal(await checkUpgradeResponse(head, KEY, "open"), protocol);
    }
  });

  const RESPONSE = `HTTP/1.1 101 Switching Protocols
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Accept: ${ACCEPT}
Sec-WebSocket-Protocol: iketcp

`;
  const REFUSALS: readonly [name: string, from: string | RegExp, to: string, message: RegExp][] = [
    ["404", "101 Switching Protocols", "404 Not Found", /expected status 101 .*, got 404 Not Found$/],
    ["a redirect", "101 Switching Protocols", "302 Found", /got 302 Found$/],
    ["control characters", "101 Switching Protocols", "500 a\x1b[2J", /got 500 a\[2J$/],
    ["another upgrade", "Upgrade: websocket", "Upgrade: h2c", /expected an upgrade to WebSocket/],
    ["no Connection field", /Connection.*\n/, "", /expected an upgrade to WebSocket/],
    ["the answer to another key", ACCEPT, ACCEPT.toLowerCase(), /Sec-WebSocket-Key/],
    ["no answer to our key", /Sec-WebSocket-Accept.*\n/, "", /Sec-WebSocket-Key/],
    [
      "an extension",
      "Upgrade: websocket",
      "Upgrade: websocket\nSec-WebSocket-Extensions: permessage-deflate",
      /no extensions/,
    ],
    ["another subprotocol", "Protocol: iketcp", "Protocol: chat", /subprotocol iketcp, got "chat"/],
  ];
  for (const [name, from, to, message] of REFUSALS) {
    it(`refuses ${name}`, async () => {
      const error = await rejection(
        checkUpgradeResponse(responseOf(RESPONSE.replace(from, to)), KEY, "open WebSocket to x"),
      );
      assert.equal(error.code, "ERR_TRANSPORT_WEBSOCKET");
      assert.match(error.message, /^Cannot open WebSocket to x: expected /);
      assert.match(error.message, message);
    });
  }
});
