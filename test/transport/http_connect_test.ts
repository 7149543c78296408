import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { IketcpError, ProxyError, TransportError } from "../../lib/errors.ts";
import { HttpConnect, type HttpConnectOptions, type HttpConnectStep } from "../../lib/transport/mod.ts";
import { cutsOf } from "../_support/cuts.ts";

const TARGET = { hostname: "gw.example", port: 443 };
const CREDENTIALS = { username: "me", password: "geheim ä" };
const AUTHORIZATION = "Proxy-Authorization: Basic bWU6Z2VoZWltIMOk";
const encode = (text: string) => new TextEncoder().encode(text);
const decode = (octets: Uint8Array) => new TextDecoder().decode(octets);

/** The first step that an answer leads to; what is left of the chunks after it is put behind the tunnel's first octets. */
function stepOf(connect: HttpConnect, chunks: readonly Uint8Array[]): HttpConnectStep | undefined {
  for (const [index, chunk] of chunks.entries()) {
    const step = connect.handle(chunk);
    if (step === undefined) continue;
    const left = chunks.slice(index + 1);
    if (step.step !== "open") {
      assert.ok(left.every(({ byteLength }) => byteLength === 0), "nothing is left behind the answer");
      return step;
    }
    return { ...step, rest: encode(decode(step.rest) + left.map(decode).join("")) };
  }
  return undefined;
}

/** Does what `check` says, at every cut of the answer. */
function atEveryCut(
  answer: string,
  options: HttpConnectOptions,
  check: (step: HttpConnectStep | undefined, connect: HttpConnect) => void,
): void {
  for (const { chunks } of cutsOf(encode(answer))) {
    const connect = new HttpConnect(TARGET, options);
    connect.start();
    check(stepOf(connect, chunks), connect);
  }
}

describe("HttpConnect", () => {
  it("asks for the target by host and port (R-HTP-2), with brackets around IPv6", () => {
    assert.equal(
      decode(new HttpConnect({ hostname: "2001:db8::1", port: 4500 }).start()),
      "CONNECT [2001:db8::1]:4500 HTTP/1.1\r\nHost: [2001:db8::1]:4500\r\n\r\n",
    );
    const headers = { "User-Agent": "x" };
    assert.match(decode(new HttpConnect(TARGET, { headers }).start()), /\r\nUser-Agent: x\r\n\r\n$/);
  });

  it("takes no host that would end the request line", () => {
    for (
      const hostname of ["", "a b", "a\r\nX: y", "gw.example/", "me@gw", "ä.example", "fe80::1%eth0", "[::1]"]
    ) {
      assert.throws(() => new HttpConnect({ hostname, port: 1 }), { code: "ERR_OPTION_RANGE" });
    }
  });

  const opening: [string, number, string][] = [
    ["HTTP/1.1 200 Connection established\r\n\r\n", 200, ""],
    ["HTTP/1.0 200 OK\r\nProxy-agent: tinyproxy\r\n\r\n", 200, ""],
    ["HTTP/1.1 200 OK\r\n\r\n\x16\x03\x03\r\n\r\n", 200, "\x16\x03\x03\r\n\r\n"], // R-HTP-3
    // RFC 9110, section 9.3.6: Content-Length and Transfer-Encoding mean nothing here.
    ["HTTP/1.1 299 Fine\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nIKE", 299, "IKE"],
    ["HTTP/1.1 204 No Content\r\n\r\nIKE", 204, "IKE"],
    [
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nIKE",
      200,
      "IKE",
    ],
  ];
  for (const [answer, status, rest] of opening) {
    it(`opens after ${JSON.stringify(answer.slice(0, 50))}`, () => {
      atEveryCut(answer, {}, (step) => {
        assert.ok(step?.step === "open");
        assert.equal(step.status, status);
        assert.equal(decode(step.rest), rest);
      });
    });
  }

  // R-HTP-4: the status is shown.
  for (
    const [line, status, reason] of [
      ["HTTP/1.1 403 Forbidden", 403, "Forbidden"],
      ["HTTP/1.1 503 Service Unavailable", 503, "Service Unavailable"],
      ["HTTP/1.0 500 Unable to connect", 500, "Unable to connect"],
      ["HTTP/1.1 401 Unauthorized", 401, "Unauthorized"],
      ["HTTP/1.1 302", 302, ""],
      ["HTTP/1.1 101 Switching Protocols", 101, "Switching Protocols"],
    ] as const
  ) {
    it(`refuses after ${line}`, () => {
      for (const { chunks } of cutsOf(encode(`${line}\r\nContent-Length: 3\r\n\r\nabc`))) {
        const connect = new HttpConnect(TARGET, { credentials: CREDENTIALS });
        connect.start();
        assert.throws(() => stepOf(connect, chunks), (error) => {
          assert.ok(error instanceof ProxyError);
          assert.equal(error.code, "ERR_TRANSPORT_PROXY_REFUSED");
          assert.equal(error.status, status);
          assert.equal(error.reason, reason);
          assert.match(
            error.message,
            new RegExp(`^Cannot open tunnel: the proxy answered ${status}( ${reason})?$`),
          );
          return true;
        });
      }
    });
  }

  const BASIC = 'Proxy-Authenticate: Basic realm="a, b"\r\n';
  const kept: [string, string][] = [
    ["a body of known length", `HTTP/1.1 407 P\r\n${BASIC}Content-Length: 7\r\n\r\n\r\n\r\nabc`],
    ["no body", `HTTP/1.1 407 P\r\n${BASIC}Content-Length: 0\r\n\r\n`],
    [
      "a body in chunks",
      `HTTP/1.1 407 P\r\n${BASIC}Transfer-Encoding: Chunked\r\n\r\n5;x=y\r\nab\r\nc\r\n1A\r\n${
        "z".repeat(26)
      }\r\n0\r\nTrailer: t\r\n\r\n`,
    ],
    [
      "HTTP/1.0 that is kept",
      `HTTP/1.0 407 P\r\n${BASIC}Proxy-Connection: Keep-Alive\r\nContent-Length: 2\r\n\r\nab`,
    ],
    [
      "other schemes before Basic",
      'HTTP/1.1 407 P\r\nProxy-Authenticate: Negotiate, Digest realm="basic x", bAsic realm="y"\r\nContent-Length: 0\r\n\r\n',
    ],
    [
      "other schemes in other fields",
      `HTTP/1.1 407 P\r\nProxy-Authenticate: NTLM\r\n${BASIC}Content-Length: 0\r\n\r\n`,
    ],
  ];
  for (const [name, answer] of kept) {
    it(`authenticates on the same connection after a 407 with ${name} (R-HTP-5)`, () => {
      atEveryCut(answer, { credentials: CREDENTIALS }, (step, connect) => {
        assert.ok(step?.step === "send");
        assert.equal(
          decode(step.octets),
          `CONNECT gw.example:443 HTTP/1.1\r\nHost: gw.example:443\r\n${AUTHORIZATION}\r\n\r\n`,
        );
        assert.ok(connect.authenticated);
        const second = connect.handle(encode("HTTP/1.1 200 OK\r\n\r\nIKE"));
        assert.ok(second?.step === "open" && decode(second.rest) === "IKE");
      });
    });
  }

  const closed: [string, string][] = [
    ["HTTP/1.0", `HTTP/1.0 407 P\r\n${BASIC}\r\n`],
    ["Connection: close", `HTTP/1.1 407 P\r\n${BASIC}Connection: Close\r\nContent-Length: 3\r\n\r\n`],
    ["no length", `HTTP/1.1 407 P\r\n${BASIC}\r\n`],
    ["two lengths", `HTTP/1.1 407 P\r\n${BASIC}Content-Length: 3\r\nContent-Length: 4\r\n\r\n`],
    [
      "a length and chunks",
      `HTTP/1.1 407 P\r\n${BASIC}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n`,
    ],
    ["a coding that is not chunked", `HTTP/1.1 407 P\r\n${BASIC}Transfer-Encoding: gzip, chunked\r\n\r\n`],
    ["a length that is none", `HTTP/1.1 407 P\r\n${BASIC}Content-Length: -1\r\n\r\n`],
    ["a body past the limit", `HTTP/1.1 407 P\r\n${BASIC}Content-Length: 65537\r\n\r\n`],
  ];
  for (const [name, answer] of closed) {
    it(`authenticates on another connection after a 407 with ${name}`, () => {
      atEveryCut(answer, { credentials: CREDENTIALS }, (step, connect) => {
        assert.deepEqual(step, { step: "reopen" });
        assert.match(decode(connect.start()), /Proxy-Authorization/);
        assert.equal(connect.handle(encode("HTTP/1.0 200 OK\r\n\r\n"))?.step, "open");
      });
    });
  }

  it("gives a connection up whose body is no body, is endless, or is followed by what nobody asked for", () => {
    const chunked = `HTTP/1.1 407 P\r\n${BASIC}Transfer-Encoding: chunked\r\n\r\n`;
    for (
      const answer of [
        `${chunked}x\r\n`,
        `${chunked}1\r\nabc\r\n`,
        `${chunked}fffffff\r\n`,
        `${chunked}${"0".repeat(1025)}`,
        `${chunked}0\r\n${"T: t\r\n".repeat(20_000)}`,
        `${chunked}${"1\r\na\r\n".repeat(20_000)}`,
        `${chunked}10000\r\n${"a".repeat(65_536)}\r\n`,
        `HTTP/1.1 407 P\r\n${BASIC}Content-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\n\r\n`,
      ]
    ) {
      const connect = new HttpConnect(TARGET, { credentials: CREDENTIALS });
      connect.start();
      assert.deepEqual(connect.handle(encode(answer)), { step: "reopen" }, answer.slice(0, 100));
    }
  });

  it("takes another connection when a kept one ends after all, and fails when a new one does", () => {
    const answer = `HTTP/1.1 407 P\r\n${BASIC}Content-Length: 3\r\n\r\nabc`;
    for (let length = 0; length <= answer.length; length++) {
      const connect = new HttpConnect(TARGET, { credentials: CREDENTIALS });
      connect.start();
      connect.handle(encode(answer.slice(0, length)));
      if (length < answer.length - 3) {
        assert.throws(() => connect.handleEnd(), { code: "ERR_TRANSPORT_HTTP" });
        continue;
      }
      assert.deepEqual(connect.handleEnd(), { step: "reopen" });
      connect.start();
      assert.throws(() => connect.handleEnd(), { code: "ERR_TRANSPORT_HTTP" });
    }
  });

  it("never shows credentials in an error, and says what the proxy wants", () => {
    const digest = 'HTTP/1.1 407 P\r\nProxy-Authenticate: Digest realm="basic"\r\nContent-Length: 0\r\n\r\n';
    const cases: [string, HttpConnectOptions, RegExp][] = [
      [digest, { credentials: CREDENTIALS }, /no authentication that is known here, which is Basic/],
      ["HTTP/1.1 407 P\r\n\r\n", { credentials: CREDENTIALS }, /no authentication that is known/],
      [`HTTP/1.1 407 P\r\n${BASIC}\r\n`, {}, /it wants a user name and a password/],
      [
        `HTTP/1.1 407 P\r\n${BASIC}\r\n`,
        { credentials: CREDENTIALS, authenticateAtOnce: true },
        /it did not take the user name and password/,
      ],
    ];
    for (const [answer, options, message] of cases) {
      const connect = new HttpConnect(TARGET, options);
      connect.start();
      assert.throws(() => connect.handle(encode(answer)), (error) => {
        assert.ok(error instanceof ProxyError);
        assert.equal(error.code, "ERR_TRANSPORT_PROXY_AUTH");
        assert.equal(error.status, 407);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /geheim|bWU6/);
        return true;
      });
    }
  });

  it("does not repeat credentials that a proxy says back", () => {
    const answers = [
      "HTTP/1.1 403 me:geheim ä is not welcome\r\n\r\n",
      `HTTP/1.1 407 P geheim ä\r\n${BASIC}\r\n`,
      `HTTP/1.1 200 OK\r\nyou said ${AUTHORIZATION}\r\n\r\n`,
      `HTTP/1.1 9999 ${AUTHORIZATION}\r\n\r\n`,
    ];
    for (const answer of answers) {
      const connect = new HttpConnect(TARGET, { credentials: CREDENTIALS, authenticateAtOnce: true });
      connect.start();
      assert.throws(() => connect.handle(encode(answer)), (error) => {
        assert.ok(error instanceof TransportError);
        assert.match(error.message, /…/);
        for (const text of [error.message, (error as Partial<ProxyError>).reason ?? ""]) {
          assert.doesNotMatch(text, /geheim|bWU6/);
        }
        return true;
      });
    }
  });

  it("sends credentials at once where it is told to, and else only when asked", () => {
    const at = (authenticateAtOnce: boolean) =>
      decode(new HttpConnect(TARGET, { credentials: CREDENTIALS, authenticateAtOnce }).start());
    assert.ok(at(true).includes(`${AUTHORIZATION}\r\n`));
    assert.doesNotMatch(at(false), /Authorization/);
  });

  it("throws nothing but protocol errors, whatever a proxy sends", () => {
    const line = fc.constantFrom(
      "HTTP/1.1 407 P\r\n",
      BASIC,
      "Content-Length: 4\r\n",
      "Transfer-Encoding: chunked\r\n",
      "\r\n",
      "4\r\n",
      "abcd",
      "0\r\n",
      "HTTP/1.0 200 OK\r\n",
      "HTTP/1.1 100 C\r\n\r\n",
      "x",
    );
    fc.assert(fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      const connect = new HttpConnect(TARGET, { credentials: CREDENTIALS });
      connect.start();
      try {
        for (const each of lines) if (connect.handle(encode(each))?.step === "reopen") connect.start();
        connect.handleEnd();
      } catch (error) {
        assert.ok(error instanceof IketcpError, String(error));
      }
    }));
  });
});
