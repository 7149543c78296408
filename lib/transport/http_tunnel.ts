/**
 * A tunnel through an HTTP proxy, on any duplex of octets: runs {@linkcode HttpConnect} and gives the duplex back at the
 * point where the tunnel begins.
 */

import { ProxyError, TransportError } from "../errors.ts";
import { formatAddress, type TransportAddress } from "./address.ts";
import { attempt } from "./attempt.ts";
import { HttpConnect, type HttpConnectOptions } from "./http_connect.ts";
import { prepend, ResumedConnection } from "./prepend.ts";
import { type ProxySettings, showProxyUrl } from "./proxy_url.ts";
import type { Connection } from "./types.ts";

/** Octets in both directions: a connection, or any pair of streams. */
export interface ByteDuplex {
  /** Chunks of any size. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Takes chunks of any size. */
  readonly writable: WritableStream<Uint8Array>;
}

/** Options of {@linkcode openHttpTunnel}. */
export interface HttpTunnelOptions<Duplex extends ByteDuplex = ByteDuplex> extends HttpConnectOptions {
  /** Opens another duplex to the proxy, which is needed when the proxy asks for credentials and closes. */
  readonly reopen?: (signal: AbortSignal) => Promise<Duplex>;
  /** Gives up when aborted; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Milliseconds until the attempt fails with `ERR_TRANSPORT_TIMEOUT`. Default 30000; 0 waits for ever. */
  readonly timeout?: number;
}

/** A tunnel that is open. */
export interface HttpTunnel<Duplex extends ByteDuplex = ByteDuplex> extends ByteDuplex {
  /** What carries it: what was given, or what `reopen` gave. */
  readonly duplex: Duplex;
  /** The status with which the proxy opened it. */
  readonly status: number;
  /** Whether the proxy asked for the credentials, or had them at once. */
  readonly authenticated: boolean;
}

/**
 * Opens a tunnel to `target` through the proxy at the other end of `duplex`. When it cannot, the duplex is broken.
 *
 * @example A proxy that answers in the same process
 * ```ts
 * import { memoryPair, openHttpTunnel } from "iketcp/transport";
 * import { strictEqual } from "node:assert";
 *
 * const [here, proxy] = memoryPair();
 * const writer = proxy.writable.getWriter();
 * writer.write(new TextEncoder().encode("HTTP/1.1 200 Connection established\r\n\r\nfirst octets"));
 * const tunnel = await openHttpTunnel(here, { hostname: "gw.example", port: 443 });
 * const { value } = await tunnel.readable.getReader().read();
 * strictEqual(new TextDecoder().decode(value), "first octets");
 * await Promise.all([here.close(), proxy.close()]);
 * ```
 */
export async function openHttpTunnel<Duplex extends ByteDuplex>(
  duplex: Duplex,
  target: TransportAddress,
  options: HttpTunnelOptions<Duplex> = {},
): Promise<HttpTunnel<Duplex>> {
  const { rest, ...tunnel } = await open(duplex, target, options);
  return {
    ...tunnel,
    readable: prepend(rest, tunnel.duplex.readable),
    writable: tunnel.duplex.writable,
  };
}

/** A tunnel whose first octets lie apart. */
interface Opened<Duplex extends ByteDuplex> extends Omit<HttpTunnel<Duplex>, keyof ByteDuplex> {
  readonly rest: Uint8Array;
}

function open<Duplex extends ByteDuplex>(
  duplex: Duplex,
  target: TransportAddress,
  options: HttpTunnelOptions<Duplex>,
): Promise<Opened<Duplex>> {
  const connect = new HttpConnect(target, options);
  return attempt(options, `open tunnel to ${formatAddress(target)}`, async (signal) => {
    let current = duplex;
    for (;;) {
      const tunnel = await ask(current, connect, signal);
      if (tunnel !== undefined) return tunnel;
      if (options.reopen === undefined) {
        throw new TransportError(
          "ERR_TRANSPORT_CLOSED",
          `Cannot open tunnel to ${
            formatAddress(target)
          }: the proxy closed the connection when it asked for credentials`,
        );
      }
      current = await options.reopen(signal);
    }
  });
}

/** One connection's share of the exchange; undefined when it takes another connection. */
async function ask<Duplex extends ByteDuplex>(
  duplex: Duplex,
  connect: HttpConnect,
  signal: AbortSignal,
): Promise<Opened<Duplex> | undefined> {
  const reader = duplex.readable.getReader();
  const writer = duplex.writable.getWriter();
  const giveUp = (reason: unknown) => {
    reader.cancel(reason).catch(() => {});
    writer.abort(reason).catch(() => {});
  };
  let stop!: (reason: unknown) => void;
  const stopped = new Promise<never>((_, reject) => stop = reject);
  stopped.catch(() => {});
  const handleAbort = () => stop(signal.reason);
  signal.addEventListener("abort", handleAbort, { once: true });
  try {
    signal.throwIfAborted();
    writer.write(connect.start()).catch(stop);
    for (;;) {
      const value = await Promise.race([reader.read(), stopped]).then(
        ({ value }) => value,
        (error) => {
          if (signal.aborted || !connect.expendable) throw error;
          return undefined;
        },
      );
      const step = value === undefined ? connect.handleEnd() : connect.handle(value);
      if (step?.step === "send") {
        writer.write(step.octets).catch(stop);
      } else if (step?.step === "open") {
        reader.releaseLock();
        writer.releaseLock();
        const { status, rest } = step;
        return { duplex, rest, status, authenticated: connect.authenticated };
      } else if (step?.step === "reopen") {
        giveUp(new TransportError("ERR_TRANSPORT_CLOSED", "The proxy ends this connection"));
        return undefined;
      }
    }
  } catch (error) {
    giveUp(error);
    throw error;
  } finally {
    signal.removeEventListener("abort", handleAbort);
  }
}

/** Options of {@linkcode connectThroughProxy}. */
export interface ProxyConnectOptions extends Omit<HttpTunnelOptions, "reopen" | "credentials"> {
  /** The proxy; its credentials are used. */
  readonly proxy: ProxySettings;
  /** Opens a connection to the proxy; called again when the proxy asks for credentials and closes. */
  readonly open: (signal: AbortSignal) => Promise<Connection>;
}

/** Opens a connection to `target` through a proxy. Errors say that it was the proxy, and with which status. */
export function connectThroughProxy(
  target: TransportAddress,
  options: ProxyConnectOptions,
): Promise<Connection & { readonly authenticated: boolean }> {
  const { proxy, ...others } = options;
  const name = `${formatAddress(target)} through proxy ${showProxyUrl(proxy)}`;
  const reach = async (signal: AbortSignal) => {
    try {
      return await options.open(signal);
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      const message = `Cannot reach proxy ${showProxyUrl(proxy)}: ${lowerFirst(error.message)}`;
      throw new TransportError(error.code, message, { cause: error });
    }
  };
  return attempt(options, `connect to ${name}`, async (signal) => {
    const connection = await reach(signal);
    try {
      const tunnel = await open(connection, target, {
        ...others,
        credentials: proxy.credentials,
        reopen: reach,
        signal,
        timeout: 0,
      });
      return new TunnelConnection(tunnel, proxy);
    } catch (error) {
      throw nameProxy(error, name);
    }
  });
}

/** The carrying connection, whose stream begins where the tunnel does. Addresses are those of the network: the proxy's. */
class TunnelConnection extends ResumedConnection {
  /** Whether the proxy was given the credentials. */
  readonly authenticated: boolean;

  constructor({ duplex, rest, authenticated }: Opened<Connection>, proxy: ProxySettings) {
    super(duplex, rest, { layer: "proxy", proxy: showProxyUrl(proxy) });
    this.authenticated = authenticated;
  }
}

/** The error of the exchange, with the proxy named. */
function nameProxy(error: unknown, name: string): unknown {
  if (!(error instanceof TransportError) || error.message.startsWith("Cannot reach proxy")) return error;
  const message = `Cannot connect to ${name}: ${
    lowerFirst(error.message.replace(/^Cannot open tunnel: /, ""))
  }`;
  return error instanceof ProxyError
    ? new ProxyError(error.code, message, error.status, error.reason)
    : new TransportError(error.code, message, { cause: error });
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
