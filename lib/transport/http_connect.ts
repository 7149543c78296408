/**
 * HTTP CONNECT (RFC 9110, section 9.3.6; RFC 9329, appendix A): asks a proxy for a tunnel, with Basic authentication if it
 * wants that. The core: octets in, steps out, no streams. `http_tunnel.ts` runs it on a duplex.
 */

import { CodedTypeError, ProxyError, TransportError } from "../errors.ts";
import { formatAddress, isIpAddress, type TransportAddress } from "./address.ts";
import { HttpBodySkipper } from "./http_body_skipper.ts";
import {
  fieldValues,
  type HttpResponseHead,
  HttpResponseHeadReader,
  type HttpResponseStart,
} from "./http_response_head.ts";
import type { ProxyCredentials } from "./proxy_url.ts";

/** Options of an {@linkcode HttpConnect}. */
export interface HttpConnectOptions {
  /** Who we are, if the proxy asks. */
  readonly credentials?: ProxyCredentials;
  /** Sends the credentials before the proxy asks for them: it is known that it does (RFC 7617, section 2.2). Default false. */
  readonly authenticateAtOnce?: boolean;
  /** More header fields for the request to the proxy. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Octets that the heads of one answer may have. Default 16384. */
  readonly maxHead?: number;
}

/**
 * What to do next.
 *
 * - `open`: the tunnel is there, and `rest` are its first octets.
 * - `send`: another request on this connection.
 * - `reopen`: another request on another connection; call `start` for it.
 */
export type HttpConnectStep =
  | { readonly step: "open"; readonly status: number; readonly rest: Uint8Array }
  | { readonly step: "send"; readonly octets: Uint8Array }
  | { readonly step: "reopen" };

/** Where an answer stands. */
type Reading =
  | { readonly part: "head" }
  /** The body of a 407, behind which the same connection takes the next request. */
  | { readonly part: "body"; readonly skipper: HttpBodySkipper };

/** A host that can stand in a request line. A zone is this machine's own affair. */
const HOST = /^[A-Za-z0-9._-]+$/;

/**
 * Asks for one tunnel. Throws a {@linkcode ProxyError} that has the proxy's status and reason and never credentials.
 *
 * @example
 * ```ts
 * import { HttpConnect } from "iketcp/transport";
 * import { deepStrictEqual } from "node:assert";
 *
 * const connect = new HttpConnect({ hostname: "gw.example", port: 443 });
 * deepStrictEqual(
 *   new TextDecoder().decode(connect.start()),
 *   "CONNECT gw.example:443 HTTP/1.1\r\nHost: gw.example:443\r\n\r\n",
 * );
 * const answer = new TextEncoder().encode("HTTP/1.0 200 OK\r\n\r\nglued");
 * const step = connect.handle(answer);
 * deepStrictEqual(step?.step === "open" && new TextDecoder().decode(step.rest), "glued");
 * ```
 */
export class HttpConnect {
  readonly #authority: string;
  readonly #options: HttpConnectOptions;
  #reader!: HttpResponseHeadReader;
  #reading: Reading = { part: "head" };
  /** The last request had the credentials. */
  #authenticated: boolean;
  /** The connection has answered a request before. */
  #used = false;

  /** Asks for a tunnel to `target`. */
  constructor(target: TransportAddress, options: HttpConnectOptions = {}) {
    const { hostname } = target;
    if (!(HOST.test(hostname) || (isIpAddress(hostname) && !hostname.includes("%")))) {
      throw new CodedTypeError(
        "ERR_OPTION_RANGE",
        `Cannot ask for a tunnel: expected a host name or an IP address, got ${JSON.stringify(hostname)}`,
      );
    }
    this.#authority = formatAddress(target);
    this.#options = options;
    this.#authenticated = (options.authenticateAtOnce ?? false) && options.credentials !== undefined;
  }

  /** Whether the proxy was given the credentials. */
  get authenticated(): boolean {
    return this.#authenticated;
  }

  /** The request, for a new connection. */
  start(): Uint8Array {
    this.#used = false;
    return this.#request();
  }

  /** Takes any cut of what the proxy sends; undefined asks for more. */
  handle(chunk: Uint8Array): HttpConnectStep | undefined {
    let octets = chunk;
    for (;;) {
      if (this.#reading.part === "body") return this.#handleBody(this.#reading.skipper, octets);
      const start = this.#readHead(octets);
      if (start === undefined) return undefined;
      const { head, rest } = start;
      octets = rest;
      // RFC 9110, section 15.2: interim responses are passed over; to 101 nobody has invited.
      if (head.status < 200 && head.status !== 101) continue;
      // RFC 9110, section 9.3.6: any 2xx opens the tunnel right behind its head, whatever fields it has.
      if (head.status >= 200 && head.status < 300) return { step: "open", status: head.status, rest };
      const step = this.#handleRefusal(head);
      if (step !== undefined) return step;
    }
  }

  /** The proxy has ended the connection, or it broke, before the tunnel was open. */
  handleEnd(): HttpConnectStep {
    if (this.expendable) return { step: "reopen" };
    return this.#reader.handleEnd();
  }

  /** The connection may end now: a proxy may close a kept one at any time (RFC 9112, section 9.5), and the next one decides. */
  get expendable(): boolean {
    return this.#reading.part === "body" || (this.#used && this.#reader.idle);
  }

  /** Throws, unless the proxy wants credentials that it has not had; undefined: its body is passed over first. */
  #handleRefusal(head: HttpResponseHead): HttpConnectStep | undefined {
    const { status } = head;
    const reason = this.#withoutSecrets(head.reason);
    const refused = `Cannot open tunnel: the proxy answered ${status}${reason === "" ? "" : ` ${reason}`}`;
    if (status !== 407) throw new ProxyError("ERR_TRANSPORT_PROXY_REFUSED", refused, status, reason);
    const fail = (why: string): never => {
      throw new ProxyError("ERR_TRANSPORT_PROXY_AUTH", `${refused}: ${why}`, status, reason);
    };
    if (!offersBasic(head)) fail("it offers no authentication that is known here, which is Basic");
    if (this.#options.credentials === undefined) fail("it wants a user name and a password");
    if (this.#authenticated) fail("it did not take the user name and password");
    this.#authenticated = true;
    const skipper = HttpBodySkipper.for(head);
    if (skipper === undefined) return { step: "reopen" };
    this.#reading = { part: "body", skipper };
    return undefined;
  }

  #readHead(octets: Uint8Array): HttpResponseStart | undefined {
    try {
      return this.#reader.handle(octets);
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      throw new TransportError(error.code, this.#withoutSecrets(error.message));
    }
  }

  /** What a proxy said, as it may be shown: some say back what they were told. */
  #withoutSecrets(text: string): string {
    const { credentials } = this.#options;
    if (credentials === undefined) return text;
    const password = credentials.password.replace(/[^\x20-\x7e]/g, "").trim(); // as it would be shown
    return [basic(credentials), password].filter((secret) => secret !== "").reduce(
      (shown, secret) => shown.replaceAll(secret, "…"),
      text,
    );
  }

  #handleBody(skipper: HttpBodySkipper, chunk: Uint8Array): HttpConnectStep | undefined {
    const progress = skipper.handle(chunk);
    if (progress === "more") return undefined;
    // Octets that nobody has asked for would be taken for the next answer.
    if (progress === "given up" || progress.rest.byteLength > 0) return { step: "reopen" };
    this.#used = true;
    return { step: "send", octets: this.#request() };
  }

  #request(): Uint8Array {
    const { credentials, headers = {}, maxHead } = this.#options;
    this.#reader = new HttpResponseHeadReader(maxHead);
    this.#reading = { part: "head" };
    const lines = [`CONNECT ${this.#authority} HTTP/1.1`, `Host: ${this.#authority}`];
    if (this.#authenticated) lines.push(`Proxy-Authorization: Basic ${basic(credentials!)}`);
    for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
    return new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
  }
}

/** RFC 9110, section 11.6.1: challenges are a list of schemes with parameters; what is quoted names no scheme. */
function offersBasic(head: HttpResponseHead): boolean {
  return fieldValues(head, "proxy-authenticate").some((value) =>
    /(?:^|,)[ \t]*basic(?:[ \t,]|$)/i.test(value.replace(/"(?:[^"\\]|\\.)*"/g, '""'))
  );
}

/** RFC 7617, section 2, in UTF-8. */
function basic({ username, password }: ProxyCredentials): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(`${username}:${password}`)));
}
