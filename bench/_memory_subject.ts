/** The process whose memory is measured: it holds many idle connections of one kind. */

import { createSocket } from "node:dgram";
import process from "node:process";
import { EncapsulatedConnection } from "../lib/encap/encapsulated_connection.ts";
import { EncapsulationStream } from "../lib/encap/mod.ts";
import { RELAY_LIMITS, ResponderRelay } from "../lib/relay/mod.ts";
import { deno } from "../lib/runtime/_deno.ts";
import { detectRuntime } from "../lib/runtime/detect.ts";
import { connectTcp, listenTcp, openUdp } from "../lib/runtime/mod.ts";
import type { Connection } from "../lib/transport/types.ts";
import { serveCalls } from "./_peer.ts";
import { HOST, rawTcp } from "./_raw_sockets.ts";

/** What is held. */
export type Kind =
  | "raw"
  | "Connection"
  | "EncapsulationStream"
  | "EncapsulatedConnection"
  | "relay"
  | "raw UDP"
  | "UDP endpoint";

const here = { hostname: HOST, port: 0 };
/** Nothing that is held may be collected. */
const held: unknown[] = [];

const calls = {
  /** Accepts and holds everything that connects; a relay sends to the UDP port. Gives the TCP port. */
  async listen({ kind, udpPort }: { kind: Kind; udpPort: number }): Promise<number> {
    if (kind === "raw") {
      const listener = await rawTcp().listen();
      (async () => {
        for (;;) held.push(await listener.accept());
      })();
      return listener.port;
    }
    const listener = await listenTcp(here);
    if (kind === "relay") {
      const relay = new ResponderRelay({
        listener,
        openEndpoint: () => openUdp({ remote: { hostname: HOST, port: udpPort } }),
        limits: { max_connections_per_source: RELAY_LIMITS.max_connections.default },
      });
      held.push(relay);
    } else {
      (async () => {
        for await (const connection of listener.connections) hold(kind, "responder", connection);
      })();
    }
    return listener.address.port;
  },
  /** Opens so many connections to a port and holds them. */
  async connect({ kind, port, count }: { kind: Kind; port: number; count: number }): Promise<void> {
    for (let i = 0; i < count; i++) {
      if (kind === "raw") held.push(await rawTcp().connect(port));
      else hold(kind, "originator", await connectTcp({ hostname: HOST, port }));
    }
  },
  /** Opens so many UDP sockets towards a port and holds them. */
  async openUdp({ kind, port, count }: { kind: Kind; port: number; count: number }): Promise<void> {
    for (let i = 0; i < count; i++) {
      if (kind === "raw UDP") held.push(await openRawUdp(port));
      else holdEndpoint(await openUdp({ remote: { hostname: HOST, port } }));
    }
  },
  /** Octets in use, on the heap and outside of it, after everything that is not in use has gone. */
  async memory(): Promise<number> {
    let least = Infinity;
    for (let i = 0; i < 6; i++) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      collectGarbage();
      const { heapUsed, external } = process.memoryUsage();
      least = Math.min(least, heapUsed + external);
    }
    return least;
  },
};

/** What the bench may ask for. */
export type MemorySubjectCalls = typeof calls;

/**
 * A connection as a program has it that waits for the first message: in its pipes or joined, with a reader of each kind; else
 * with a reader of its octets.
 */
function hold(kind: Kind, role: "originator" | "responder", connection: Connection): void {
  held.push(connection);
  if (kind === "Connection") return wait(connection.readable, connection.writable);
  const whole = kind === "EncapsulatedConnection"
    ? new EncapsulatedConnection(connection, { role })
    : new EncapsulationStream({ role });
  if (whole instanceof EncapsulationStream) {
    connection.readable.pipeThrough(whole).pipeTo(connection.writable).catch(() => {});
  }
  held.push(whole);
  for (const { readable } of [whole.ike, whole.esp]) wait(readable);
}

function wait(readable: ReadableStream<unknown>, writable?: WritableStream<unknown>): void {
  const reader = readable.getReader();
  held.push(reader, writable, reader.read().catch(() => {}));
}

function holdEndpoint(endpoint: { readonly readable: ReadableStream<unknown> }): void {
  const reader = endpoint.readable.getReader();
  held.push(endpoint, reader, reader.read().catch(() => {}));
}

/** A UDP socket that hears any datagram, by the runtime's own means. */
function openRawUdp(port: number): Promise<unknown> {
  if (detectRuntime().name === "deno") {
    const udp = deno().listenDatagram!({ hostname: HOST, port: 0, transport: "udp" });
    return Promise.resolve([udp, udp.receive(new Uint8Array(65536))]);
  }
  return new Promise((resolve) => {
    const udp = createSocket("udp4");
    udp.on("message", () => {});
    udp.connect(port, HOST, () => resolve(udp));
  });
}

function collectGarbage(): void {
  const { Bun, gc } = globalThis as { Bun?: { gc(force: boolean): void }; gc?: () => void };
  if (Bun !== undefined) Bun.gc(true);
  else gc!();
}

await serveCalls(calls);
