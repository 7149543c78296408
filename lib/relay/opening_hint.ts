/**
 * What a stream that does not begin with `IKETCP` looks like, for the error message. Port 4500 and even more port 443
 * attract other protocols (RFC 9329, section 10).
 */

import { concat } from "../bytes/concat.ts";
import { toHex } from "../bytes/hex.ts";
import { hasNonEspMarker } from "../encap/constants.ts";
import { RelayError } from "../errors.ts";

/** Octets of an opening that are looked at. */
const LOOKED_AT = 16;

/**
 * Looks at the first octets that answer an originator, whatever their cuts, and throws where another protocol answers: its
 * greeting would be taken for the Length of a long message, and the stream would wait for the rest of it. Gives false once there
 * is nothing more to see.
 */
export function answerInspector(): (octets: Uint8Array) => boolean {
  let opening = new Uint8Array(0);
  return (octets) => {
    opening = concat([opening, octets.subarray(0, LOOKED_AT - opening.byteLength)]);
    const what = answersLike(opening);
    if (what !== undefined) {
      throw new RelayError(
        "ERR_RELAY_FOREIGN_PROTOCOL",
        `Cannot read stream: expected messages of a responder, got ${
          toHex(opening, " ")
        }: this looks like ${what}`,
      );
    }
    return opening.byteLength < LOOKED_AT;
  };
}

/** What no responder sends, with as many octets as exclude chance. */
function answersLike(octets: Uint8Array): string | undefined {
  const text = String.fromCharCode(...octets);
  if (/^HTTP\/[12]/.test(text)) return "an HTTP response; a carrier of https:// or ws:// may be meant";
  if (/^SSH-[12]/.test(text)) return "SSH";
  // A TLS alert, fatal (RFC 8446, section 6): the answer to octets that are no ClientHello.
  const [type, major, , high, low, level] = octets;
  if (type === 0x15 && major === 3 && high === 0 && low === 2 && level === 2) {
    return "TLS; a carrier of tls:// may be meant";
  }
  return undefined;
}

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

  const text = String.fromCharCode(...octets.subarray(0, LOOKED_AT));
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
