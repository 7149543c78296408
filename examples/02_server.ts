/**
 * A server: the responder's end of RFC 9329 connections. It answers every IKE message in text and sends every ESP packet
 * back. Give it a port, or 0 for any; it prints where it listens, and serves until it is told to stop.
 */

import process from "node:process";
import { EncapsulatedConnection } from "iketcp";
import { listenTcp } from "iketcp/runtime";
import type { Connection } from "iketcp/transport";

const [port = "4500"] = process.argv.slice(2);
const listener = await listenTcp({ hostname: "127.0.0.1", port: Number(port) });
console.log(`listening on 127.0.0.1 port ${listener.address.port}`);
process.on("SIGTERM", () => listener.close());

for await (const socket of listener.connections) {
  serve(socket).catch((error) => console.error(`${socket.remoteAddress.hostname}: ${error.message}`));
}

async function serve(socket: Connection): Promise<void> {
  // The same as an `EncapsulationStream` between two pipes, joined to the connection itself: less memory, fewer hops. As
  // responder it demands the prefix, and resets the connection at the first octet that is none of it.
  const vpn = new EncapsulatedConnection(socket, { role: "responder" });
  await Promise.all([vpn.closed, answerIke(vpn), vpn.esp.readable.pipeTo(vpn.esp.writable)]);
}

async function answerIke(vpn: EncapsulatedConnection): Promise<void> {
  const writer = vpn.ike.writable.getWriter();
  for await (const batch of vpn.ike.readable) {
    for (const message of batch) {
      await writer.write(new TextEncoder().encode(`got ${message.byteLength} octets`));
    }
  }
  await writer.close();
}
