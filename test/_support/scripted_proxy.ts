/**
 * An HTTP proxy that does what a test tells it: answers each request with given octets, at given cuts, and opens real tunnels
 * when it is told to. It runs on any connection, in memory or over TCP.
 */

import type { TransportAddress } from "../../lib/transport/address.ts";
import type { Connection, Listener } from "../../lib/transport/types.ts";

/** What a script may do with one connection. */
export interface ProxyTurn {
  /** Which connection to the proxy this is, from 0. */
  readonly connection: number;
  /** The next request, up to its empty line; empty when the client has ended. */
  request(): Promise<string>;
  /** Sends octets as one chunk. */
  send(text: string): Promise<void>;
  /** Joins the client to `target` until both have ended; `glued` goes out in one chunk with what the target sends first. */
  join(target: Connection, glued?: string): Promise<void>;
  /** Half-closes. */
  end(): Promise<void>;
  /** Resets. */
  reset(): Promise<void>;
}

/** Runs a script on every connection of a listener until the listener closes. */
export async function runProxy(
  listener: Listener,
  script: (turn: ProxyTurn) => Promise<void>,
): Promise<void> {
  const jobs: Promise<void>[] = [];
  for await (const client of listener.connections) {
    jobs.push(serveProxy(client, jobs.length, script));
  }
  await Promise.all(jobs);
}

/** Runs a script on one connection. */
export async function serveProxy(
  client: Connection,
  connection: number,
  script: (turn: ProxyTurn) => Promise<void>,
): Promise<void> {
  const reader = client.readable.getReader();
  const writer = client.writable.getWriter();
  let text = "";
  const turn: ProxyTurn = {
    connection,
    async request() {
      for (;;) {
        const end = text.indexOf("\r\n\r\n");
        if (end >= 0) {
          const request = text.slice(0, end + 4);
          text = text.slice(end + 4);
          return request;
        }
        const { done, value } = await reader.read();
        if (done) return "";
        text += latin1(value);
      }
    },
    send: (octets) => writer.write(Uint8Array.from(octets, (each) => each.charCodeAt(0))),
    async join(target, glued = "") {
      const far = target.writable.getWriter();
      const near = target.readable.getReader();
      const forth = (async () => {
        if (text !== "") await far.write(Uint8Array.from(text, (each) => each.charCodeAt(0)));
        await pump(reader, far);
      })();
      const back = (async () => {
        if (glued !== "") {
          const { value } = await near.read();
          await turn.send(glued + latin1(value ?? new Uint8Array(0)));
        }
        await pump(near, writer);
      })();
      await Promise.all([forth, back]);
    },
    end: () => writer.close(),
    reset: () => writer.abort(),
  };
  try {
    await script(turn);
  } catch {
    // The client went away; whether it should is the test's matter.
  } finally {
    await writer.close().catch(() => {});
    await client.close();
  }
}

/** The host and port that a request asks for. */
export function targetOf(request: string): TransportAddress {
  const match = /^CONNECT (?:\[(.*)\]|([^:]*)):(\d+) HTTP\/1\.1\r\n/.exec(request);
  return { hostname: match?.[1] ?? match?.[2] ?? "", port: Number(match?.[3]) };
}

/** One direction of a tunnel: an end is passed on as an end, a fault as a reset. */
async function pump(
  from: ReadableStreamDefaultReader<Uint8Array>,
  to: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  try {
    for (;;) {
      const { done, value } = await from.read();
      if (done) break;
      await to.write(value);
    }
    await to.close();
  } catch (error) {
    await Promise.all([from.cancel(error), to.abort(error)].map((each) => each.catch(() => {})));
  }
}

function latin1(octets: Uint8Array): string {
  return Array.from(octets, (octet) => String.fromCharCode(octet)).join("");
}
