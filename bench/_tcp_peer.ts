/** The sending end of the TCP bench, in a process of its own. */

import { startClock } from "./_harness.ts";
import { serveCalls } from "./_peer.ts";
import { connectTo, type End, listenForOne, type ListeningEnd, type Way } from "./_tcp_ends.ts";

let listening: ListeningEnd | undefined;

const calls = {
  /** Listens for one connection; gives the port. */
  async listen({ way }: { way: Way }): Promise<number> {
    listening = await listenForOne(way);
    return listening.port;
  },
  /** Sends over the connection that was accepted; gives seconds of CPU time. */
  sendAccepted: async ({ chunks }: { chunks: number }): Promise<number> =>
    send(await listening!.accepted, chunks),
  /** Connects and sends. */
  sendConnected: async ({ way, port, chunks }: { way: Way; port: number; chunks: number }): Promise<number> =>
    send(await connectTo(way, port), chunks),
};

/** What the bench may ask for. */
export type TcpPeerCalls = typeof calls;

async function send(end: End, chunks: number): Promise<number> {
  const clock = startClock();
  await end.send(chunks);
  const { cpu } = clock();
  Promise.resolve(end.close()).catch(() => {}); // the other end closes when it has read everything
  return cpu;
}

await serveCalls(calls);
