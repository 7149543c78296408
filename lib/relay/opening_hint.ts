/**
 * What a stream that does not begin with `IKETCP` looks like, for the error message. Port 4500 and even more port 443
 * attract other protocols (RFC 9329, section 10).
 */

import { hasNonEspMarker } from "../encap/constants.ts";

/** A remark such as `: this looks like HTTP`, or nothing. Takes the first octets of the stream, as far as they are there. */
export function hintOfOpening(octets: Uint8Array): string {
  const what = looksLike(octets);
  return what === undefined ? "" : `: this looks like ${what}`;
}

function looksLike(octets: Uint8Array): string | undefined {
  // A TLS record of type handshake (RFC 8446, section 5.1); its first octet alone is enough of a sign.
  if (octets[0] === 0x16 && (octets.length === 1 || octets[1] === 0x03)) {
    return "a TLS ClientHello, but this port expects the stream without TLS";
  }
  // A length and then the non-ESP marker: IKE whose sender left the prefix out.
  if (hasNonEspMarker(octets.subarray(2))) return "messages of RFC 9329 without the prefix";

  const text = String.fromCharCode(...octets.subarray(0, 16));
  if (HTTP_METHODS.some((method) => text.startsWith(method))) return "an HTTP request";
  if (text.startsWith("HTTP/")) return "an HTTP response";
  if (text.startsWith("SSH-")) return "SSH";
  if (text.startsWith("PROXY ") || text.startsWith("\r\n\r\n\0\r\nQUIT")) {
    return "a PROXY protocol header; switch it off in the load balancer";
  }
  return undefined;
}

const HTTP_METHODS = [
  "GET ",
  "HEAD ",
  "POST ",
  "PUT ",
  "DELETE ",
  "OPTIONS ",
  "PATCH ",
  "CONNECT ",
  "TRACE ",
  "PRI ",
];
