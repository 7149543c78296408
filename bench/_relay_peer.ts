/** One half of a relay pair, ours or the plain copy, in a process of its own. */

import process from "node:process";
import { OriginatorRelay, ResponderRelay } from "../lib/relay/mod.ts";
import { connectTcp, listenTcp, openUdp } from "../lib/runtime/mod.ts";
import { serveCalls } from "./_peer.ts";
import { plainCopy } from "./_plain_copy.ts";
import { HOST } from "./_raw_sockets.ts";

const here = { hostname: HOST, port: 0 };

const calls = {
  /** Datagrams to a stream; gives the UDP port. */
  async udpToTcp({ plain, port }: { plain: boolean; port: number }): Promise<number> {
    if (plain) return plainCopy().udpToTcp(port);
    const endpoint = await openUdp({ local: here });
    new OriginatorRelay({ endpoint, dial: (options) => connectTcp({ hostname: HOST, port }, options) });
    return endpoint.localAddress.port;
  },
  /** Streams to datagrams; gives the TCP port. */
  async tcpToUdp({ plain, port }: { plain: boolean; port: number }): Promise<number> {
    if (plain) return plainCopy().tcpToUdp(port);
    const listener = await listenTcp(here);
    new ResponderRelay({
      listener,
      openEndpoint: () => openUdp({ remote: { hostname: HOST, port } }),
    });
    return listener.address.port;
  },
  /** Seconds of CPU time that this process has taken so far. */
  cpu(): number {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  },
};

/** What the bench may ask for. */
export type RelayPeerCalls = typeof calls;

await serveCalls(calls);
