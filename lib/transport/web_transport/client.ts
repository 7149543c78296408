/**
 * Connecting by the platform's WebTransport: browsers have it, and Deno with `--unstable-net`.
 */

import { fromHex } from "../../bytes/mod.ts";
import { CodedTypeError, TransportError } from "../../errors.ts";
import { attempt } from "../attempt.ts";
import { parsePin } from "../pin.ts";
import type { Connection, ConnectOptions, DatagramEndpoint } from "../types.ts";
import { WebTransportConnection, type WebTransportSession } from "./connection.ts";
import { WebTransportDatagramEndpoint, type WebTransportDatagrams } from "./datagrams.ts";

/** What is used of a `WebTransport` object. */
export interface PlatformWebTransport extends WebTransportSession {
  /** Resolves when the session is open. */
  readonly ready: Promise<unknown>;
  /** Its datagrams. */
  readonly datagrams: WebTransportDatagrams;
  /** Opens a stream in both directions. */
  createBidirectionalStream(): Promise<{
    readonly readable: ReadableStream<Uint8Array>;
    readonly writable: WritableStream<Uint8Array>;
  }>;
}

/** Makes a `WebTransport`, as its constructor does. */
export type PlatformWebTransportConstructor = new (
  url: string,
  options: {
    allowPooling: false;
    serverCertificateHashes?: { algorithm: "sha-256"; value: Uint8Array<ArrayBuffer> }[];
  },
) => PlatformWebTransport;

/** Options of {@linkcode connectWebTransport}. */
export interface WebTransportOptions extends Pick<ConnectOptions, "signal" | "timeout"> {
  /**
   * SHA-256 fingerprints of certificates as `parsePin` reads them, one of which the server's must have; in place of the
   * platform's authorities. Browsers want such a certificate to be for a P-256 key and for no longer than 14 days.
   */
  readonly pin?: readonly string[];
  /** What to connect with. Default: the platform's. */
  readonly WebTransport?: PlatformWebTransportConstructor;
}

/** A {@linkcode Connection} over WebTransport, with the session's datagrams beside it. */
export interface WebTransportStreamConnection extends Connection {
  /** For what is not to wait behind a lost segment, such as ESP: see `WebTransportDatagramEndpoint`. */
  readonly datagrams: DatagramEndpoint;
}

/** The platform's constructor; undefined where there is none. */
export function platformWebTransport(): PlatformWebTransportConstructor | undefined {
  return (globalThis as { WebTransport?: unknown }).WebTransport as
    | PlatformWebTransportConstructor
    | undefined;
}

/**
 * Opens a session at an `https://` URL, and the one stream in it.
 *
 * @example
 * ```ts
 * import { connectWebTransport } from "iketcp/transport";
 * import { EncapsulationStream } from "iketcp/encap";
 *
 * async function open(pin: string): Promise<EncapsulationStream> {
 *   const connection = await connectWebTransport("https://gw.example/vpn", { pin: [pin] });
 *   const encapsulation = new EncapsulationStream({ role: "originator" });
 *   connection.readable.pipeThrough(encapsulation).pipeTo(connection.writable);
 *   return encapsulation;
 * }
 * ```
 */
export async function connectWebTransport(
  url: string | URL,
  options: WebTransportOptions = {},
): Promise<WebTransportStreamConnection> {
  const { hostname, port, pathname, host } = parseUrl(url);
  const action = `connect to https://${host}${pathname}`;
  const WebTransport = options.WebTransport ?? platformWebTransport();
  if (WebTransport === undefined) {
    throw new TransportError(
      "ERR_TRANSPORT_UNSUPPORTED",
      `Cannot ${action}: there is no WebTransport here; Deno with --unstable-net and browsers have it, and wss:// is everywhere`,
    );
  }
  const hashes = (options.pin ?? []).map((pin) => ({
    algorithm: "sha-256" as const,
    value: fromHex(parsePin(pin)),
  }));
  return await attempt(options, action, async (signal) => {
    const session = new WebTransport(`${url}`, {
      allowPooling: false,
      ...(hashes.length > 0 && { serverCertificateHashes: hashes }),
    });
    session.closed.catch(() => {});
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    aborted.catch(() => {});
    try {
      await Promise.race([session.ready, aborted]);
      const stream = await Promise.race([session.createBidirectionalStream(), aborted]);
      const addresses = {
        localAddress: { hostname: "", port: 0 },
        remoteAddress: { hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) || 443 },
      };
      return new WebTransportConnection({
        session,
        readable: stream.readable,
        writable: stream.writable,
        datagrams: new WebTransportDatagramEndpoint(session.datagrams, addresses),
        ...addresses,
      });
    } catch (error) {
      closeQuietly(session);
      if (signal.aborted) throw signal.reason;
      throw new TransportError(
        "ERR_TRANSPORT_WEBTRANSPORT",
        `Cannot ${action}: ${(error as Error).message || "the session could not be opened"}`,
        { cause: error },
      );
    }
  });
}

function closeQuietly(session: PlatformWebTransport): void {
  try {
    session.close();
  } catch {
    // Deno throws for a session that is not open yet, which ends by itself.
    session.ready.then(() => session.close(), () => {});
  }
}

function parseUrl(url: string | URL): URL {
  const parsed = URL.canParse(`${url}`) ? new URL(`${url}`) : undefined;
  if (parsed?.protocol === "https:") return parsed;
  throw new CodedTypeError(
    "ERR_OPTION_RANGE",
    `Cannot connect: expected an https:// URL, got ${JSON.stringify(parsed?.protocol ?? "something else")}`,
  );
}
