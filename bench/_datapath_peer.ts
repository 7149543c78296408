/** One end of the datapath bench, or both, in a process of its own that never does anything else. */

import {
  accept,
  type Accepting,
  bareCipher,
  dial,
  receive,
  send,
  type Taken,
  type Transfer,
} from "./_datapath_ends.ts";
import { serveCalls } from "./_peer.ts";

let accepting: Accepting | undefined;

const calls = {
  /** Listens for one connection; gives the port. */
  async listen({ way }: Transfer): Promise<number> {
    accepting = await accept(way);
    return accepting.port;
  },
  /** Receives over the connection that was accepted. */
  async receive(transfer: Transfer): Promise<Taken> {
    const socket = await accepting!.socket;
    const taken = await receive(socket, transfer);
    await socket.close();
    return taken;
  },
  /** Connects and sends. */
  async send({ port, transfer }: { port: number; transfer: Transfer }): Promise<Taken> {
    const socket = await dial(transfer.way, port);
    const taken = await send(socket, transfer);
    await socket.close();
    return taken;
  },
  /** Connects to itself, sends and receives: both ends share one thread, and this is what they take together. */
  async both(transfer: Transfer): Promise<Taken> {
    const { port, socket } = await accept(transfer.way);
    const [client, server] = await Promise.all([dial(transfer.way, port), socket]);
    const [, taken] = await Promise.all([send(client, transfer), receive(server, transfer)]);
    await Promise.all([client.close(), server.close()]);
    return taken;
  },
  /** Seals messages alone. */
  seal: (transfer: Transfer): Taken => bareCipher("seal", transfer),
  /** Opens messages alone. */
  open: (transfer: Transfer): Taken => bareCipher("open", transfer),
};

/** What the bench may ask for. */
export type DatapathPeerCalls = typeof calls;

await serveCalls(calls);
