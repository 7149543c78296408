/** The opening handshake of both ends (RFC 6455, section 4): heads in, heads out, and what is wrong with them. */

import { CodedTypeError, TransportError } from "../../errors.ts";
import type { HttpRequestHead } from "../http_request_head.ts";
import { pathOfTarget } from "../http_request_target.ts";
import { fieldTokens, fieldValues, type HttpResponseHead } from "../http_response_head.ts";

/** The subprotocol that names what the octets are: the stream of RFC 9329. */
export const WEB_SOCKET_PROTOCOL = "iketcp";

/** Section 1.3. */
const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Section 4.1: the only version there is. */
const VERSION = "13";

/** Fields that are the handshake's own. */
const OWN_FIELDS: readonly string[] = [
  "host",
  "upgrade",
  "connection",
  "sec-websocket-key",
  "sec-websocket-version",
  "sec-websocket-protocol",
  "sec-websocket-extensions",
];

/** What a client asks for. */
export interface UpgradeRequest {
  /** Host, and port unless it is the scheme's own, as the `Host` field has it. */
  readonly host: string;
  /** The path, and a query if there is one. */
  readonly path: string;
  /** 16 random octets in base64. */
  readonly key: string;
  /** More fields, such as `Authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a server expects of a client. */
export interface UpgradeRules {
  /** The path that is served, without a query. Default: any. */
  readonly path?: string;
  /** Web pages that may connect, by their origin (`https://vpn.example`). Default: any; programs have no origin. */
  readonly origins?: readonly string[];
}

/** What a server makes of a request. */
export type UpgradeDecision =
  | { readonly accepted: true; readonly key: string; readonly protocol?: string }
  | { readonly accepted: false; readonly status: UpgradeRefusal; readonly reason: string };

/** Statuses of refusals. */
export type UpgradeRefusal = 400 | 403 | 404 | 408 | 426 | 431 | 503;

const STATUS_TEXTS: Readonly<Record<UpgradeRefusal, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  408: "Request Timeout",
  426: "Upgrade Required",
  431: "Request Header Fields Too Large",
  503: "Service Unavailable",
};

/** The request of a client (section 4.1). */
export function writeUpgradeRequest({ host, path, key, headers = {} }: UpgradeRequest): Uint8Array {
  const more = Object.entries(headers).map(([name, value]) => {
    if (!isHttpField(name, value) || OWN_FIELDS.includes(name.toLowerCase())) {
      // The value may be a password.
      throw new CodedTypeError(
        "ERR_OPTION_RANGE",
        `Cannot open WebSocket: expected a header field to add, got ${JSON.stringify(name)}`,
      );
    }
    return `${name}: ${value}`;
  });
  return writeHead([
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    `Sec-WebSocket-Version: ${VERSION}`,
    `Sec-WebSocket-Protocol: ${WEB_SOCKET_PROTOCOL}`,
    ...more,
  ]);
}

/**
 * Checks the response of a server (section 4.1); gives the subprotocol that it chose, if any. A server that chooses none
 * may be a bridge to TCP that knows of none. Throws a {@linkcode TransportError}: `Cannot ${action}: expected …, got …`.
 */
export async function checkUpgradeResponse(
  head: HttpResponseHead,
  key: string,
  action: string,
): Promise<string | undefined> {
  const refuse = (expected: string, actual: string): never => {
    throw new TransportError(
      "ERR_TRANSPORT_WEBSOCKET",
      `Cannot ${action}: expected ${expected}, got ${actual}`,
    );
  };
  if (head.status !== 101) {
    return refuse("status 101 Switching Protocols", `${head.status} ${head.reason}`.trim());
  }
  const upgrades = fieldTokens(head, "upgrade").includes("websocket") &&
    fieldTokens(head, "connection").includes("upgrade");
  if (!upgrades) return refuse("an upgrade to WebSocket", "another");
  if (fieldValues(head, "sec-websocket-accept").join() !== await acceptOf(key)) {
    return refuse("the answer to our Sec-WebSocket-Key", "another");
  }
  const extensions = fieldTokens(head, "sec-websocket-extensions").join("");
  if (extensions !== "") return refuse("no extensions", "some");
  const protocols = fieldValues(head, "sec-websocket-protocol");
  if (protocols.length > 0 && protocols.join() !== WEB_SOCKET_PROTOCOL) {
    return refuse(`the subprotocol ${WEB_SOCKET_PROTOCOL}`, JSON.stringify(printable(protocols.join())));
  }
  return protocols[0];
}

/**
 * Decides about the request of a client (section 4.2). A client that names no subprotocol is taken, one that names only
 * others is not; extensions are not agreed to.
 */
export function checkUpgradeRequest(head: HttpRequestHead, rules: UpgradeRules = {}): UpgradeDecision {
  const refuse = (status: UpgradeRefusal, reason: string): UpgradeDecision => ({
    accepted: false,
    status,
    reason,
  });
  const path = pathOfTarget(head.target);
  if (rules.path !== undefined && path !== rules.path) return refuse(404, "There is nothing at this path");
  if (head.method !== "GET") return refuse(400, "Expected GET");
  const upgrades = listOf(head, "upgrade").includes("websocket") &&
    listOf(head, "connection").includes("upgrade");
  if (!upgrades || head.minorVersion === 0) return refuse(426, "Expected an upgrade to WebSocket");
  if (head.fields.get("sec-websocket-version") !== VERSION) {
    return refuse(426, `Expected version ${VERSION} of WebSocket`);
  }
  const key = head.fields.get("sec-websocket-key") ?? "";
  if (!/^[A-Za-z0-9+/]{21}[AQgw]==$/.test(key)) {
    return refuse(400, "Expected 16 octets in base64 as Sec-WebSocket-Key");
  }
  const origin = head.fields.get("origin");
  if (rules.origins !== undefined && origin !== undefined && !rules.origins.includes(origin)) {
    return refuse(403, "This origin may not connect");
  }
  const offered = listOf(head, "sec-websocket-protocol");
  if (offered.length === 0) return { accepted: true, key };
  if (!offered.includes(WEB_SOCKET_PROTOCOL)) {
    return refuse(400, `Expected the subprotocol ${WEB_SOCKET_PROTOCOL}`);
  }
  return { accepted: true, key, protocol: WEB_SOCKET_PROTOCOL };
}

/** A field's value as a list of lower-case words. */
function listOf(head: HttpRequestHead, name: string): string[] {
  const words = (head.fields.get(name) ?? "").split(",").map((each) => each.trim().toLowerCase());
  return words.filter((each) => each !== "");
}

/** The response that accepts (section 4.2.2). */
export async function writeUpgradeResponse(key: string, protocol?: string): Promise<Uint8Array> {
  return writeHead([
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${await acceptOf(key)}`,
    ...(protocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
  ]);
}

/** The fields of the response that refuses; for 426 they say what to upgrade to (RFC 9110, section 15.5.22). */
export function refusalFields(status: UpgradeRefusal): Readonly<Record<string, string>> {
  return {
    "Connection": status === 426 ? "Upgrade, close" : "close",
    ...(status === 426 ? { "Upgrade": "websocket", "Sec-WebSocket-Version": VERSION } : {}),
    "Content-Type": "text/plain; charset=utf-8",
  };
}

/** The whole response that refuses. */
export function writeRefusal(status: UpgradeRefusal, reason: string): Uint8Array {
  const fields = Object.entries(refusalFields(status)).map(([name, value]) => `${name}: ${value}`);
  const body = `${reason}\n`;
  return writeHead(
    [`HTTP/1.1 ${status} ${STATUS_TEXTS[status]}`, ...fields, `Content-Length: ${body.length}`],
    body,
  );
}

/** Whether a field can be sent: its name is a token, and its value breaks no line (RFC 9110, sections 5.1 and 5.5). */
function isHttpField(name: string, value: string): boolean {
  // deno-lint-ignore no-control-regex
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && /^[^\x00-\x08\x0a-\x1f\x7f]*$/.test(value);
}

/** A fresh Sec-WebSocket-Key. */
export function makeKey(): string {
  return base64(crypto.getRandomValues(new Uint8Array(16)));
}

/** Section 1.3: SHA-1, which guards nothing here; it shows that the server speaks WebSocket. */
async function acceptOf(key: string): Promise<string> {
  const octets = new TextEncoder().encode(key + ACCEPT_SUFFIX);
  return base64(new Uint8Array(await crypto.subtle.digest("SHA-1", octets)));
}

function base64(octets: Uint8Array): string {
  return btoa(String.fromCharCode(...octets));
}

function writeHead(lines: readonly string[], body: string = ""): Uint8Array {
  return new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

/** What a server wrote, for an error message: short, and without control characters. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 80);
}
