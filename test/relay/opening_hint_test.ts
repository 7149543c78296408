import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { hintOfOpening } from "../../lib/relay/opening_hint.ts";
import { frame, ikeSaInit, text } from "./_messages.ts";

const openings: readonly [name: string, octets: Uint8Array, hint: RegExp][] = [
  ["a TLS ClientHello", Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01), /TLS/],
  ["the first octet of one", Uint8Array.of(0x16), /TLS/],
  ["GET", text("GET / HTTP/1.1\r\n"), /HTTP request/],
  ["CONNECT", text("CONNECT gw.exam"), /HTTP request/],
  ["the preface of HTTP/2", text("PRI * HTTP/2.0\r\n"), /HTTP request/],
  ["an HTTP response", text("HTTP/1.1 400 Bad"), /HTTP response/],
  ["SSH", text("SSH-2.0-OpenSSH_"), /SSH/],
  ["PROXY protocol 1", text("PROXY TCP4 192.0"), /PROXY protocol/],
  ["PROXY protocol 2", text("\r\n\r\n\0\r\nQUIT\n!"), /PROXY protocol/],
  ["messages without prefix", frame(ikeSaInit(7)).subarray(0, 16), /without the prefix/],
  ["something else", text("EHLO mail.exampl"), /^$/],
  ["0x16 of another protocol", Uint8Array.of(0x16, 0x99), /^$/],
  ["nothing", new Uint8Array(0), /^$/],
];

describe("hintOfOpening", () => {
  for (const [name, octets, hint] of openings) {
    it(`knows ${name}`, () => assert.match(hintOfOpening(octets), hint));
  }
});
