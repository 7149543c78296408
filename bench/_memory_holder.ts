/** The other end of the connections whose memory is measured. */

import { concat } from "../lib/bytes/mod.ts";
import { STREAM_PREFIX } from "../lib/encap/mod.ts";
import { connectTcp, openUdp } from "../lib/runtime/mod.ts";
import { serveCalls } from "./_peer.ts";
import { HOST, rawTcp } from "./_raw_sockets.ts";
import { makeFrame } from "./_traffic.ts";

const held: unknown[] = [];
let datagrams = 0;

const calls = {
  /** Accepts everything; gives the port. */
  async listen(): Promise<number> {
    const listener = await rawTcp().listen();
    (async () => {
      for (;;) held.push(await listener.accept());
    })();
    return listener.port;
  },
  /** Connects so many times; as an originator it says `IKETCP` and sends one ESP packet. */
  async connect({ port, count, speak }: { port: number; count: number; speak: boolean }): Promise<void> {
    for (let i = 0; i < count; i++) {
      const connection = await connectTcp({ hostname: HOST, port });
      held.push(connection);
      if (speak) await connection.writable.getWriter().write(concat([STREAM_PREFIX, makeFrame(100)]));
    }
  },
  /** Hears datagrams; gives the port. */
  async openUdp(): Promise<number> {
    const endpoint = await openUdp({ local: { hostname: HOST, port: 0 } });
    held.push(endpoint);
    (async () => {
      for await (const batch of endpoint.readable) datagrams += batch.length;
    })();
    return endpoint.localAddress.port;
  },
  /** Waits until so many datagrams have come. */
  async heard({ count }: { count: number }): Promise<void> {
    while (datagrams < count) await new Promise((resolve) => setTimeout(resolve, 10));
  },
};

/** What the bench may ask for. */
export type MemoryHolderCalls = typeof calls;

await serveCalls(calls);
