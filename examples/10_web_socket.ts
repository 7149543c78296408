/**
 * The stream of RFC 9329 through a WebSocket: a responder at a path of a port, and an originator that reaches it as a browser
 * would, through whatever lets the web pass. What goes into the WebSocket is what would go into a TCP socket.
 */

import { EncapsulationStream } from "iketcp";
import { connectWebSocket, listenWebSocket } from "iketcp/runtime";
import type { Connection } from "iketcp/transport";

const listener = await listenWebSocket({ hostname: "127.0.0.1", port: 0 }, { path: "/vpn" });
const served = serve();

const connection = await connectWebSocket(listener.address, { path: "/vpn" });
console.log(connection.layers?.map((layer) => JSON.stringify(layer)).join());

const vpn = encapsulate(connection, "originator");
const ike = vpn.ike.writable.getWriter();
await ike.write(new TextEncoder().encode("an IKE message"));
const { value: answers = [] } = await vpn.ike.readable.getReader().read();
for (const answer of answers) console.log("IKE:", new TextDecoder().decode(answer));

await connection.close();
await listener.close();
await served;

/** Sends every IKE message back, until the listener closes. */
async function serve(): Promise<void> {
  for await (const connection of listener.connections) {
    const { ike } = encapsulate(connection, "responder");
    ike.readable.pipeTo(ike.writable).catch(() => {}).finally(() => connection.close());
  }
}

/** RFC 9329 on a connection, whatever carries it. */
function encapsulate(connection: Connection, role: "originator" | "responder"): EncapsulationStream {
  const stage = new EncapsulationStream({ role });
  connection.readable.pipeThrough(stage).pipeTo(connection.writable).catch(() => {});
  return stage;
}
