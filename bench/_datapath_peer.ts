/** The other end of the datapath bench, in a process of its own. */

import { accept, type Accepting, bareCipher, receive, type Taken, type Transfer } from "./_datapath_ends.ts";
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
  /** Opens messages alone. */
  open: (transfer: Transfer): Taken => bareCipher("open", transfer),
};

/** What the bench may ask for. */
export type DatapathPeerCalls = typeof calls;

await serveCalls(calls);
