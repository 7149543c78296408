/**
 * Pipe a socket through the stages: the client's end of an RFC 9329 connection. It sends one IKE message and three ESP
 * packets, and prints what comes back. Give it the host and port of a responder, for example `02_server.ts`.
 */

import process from "node:process";
import { EncapsulationStream } from "iketcp";
import { connectTcp } from "iketcp/runtime";

const [hostname = "127.0.0.1", port = "4500"] = process.argv.slice(2);
const socket = await connectTcp({ hostname, port: Number(port) });

// The stage stands where a TransformStream would: bytes of the socket in, bytes for the socket out.
const vpn = new EncapsulationStream({ role: "originator" });
const piped = socket.readable.pipeThrough(vpn).pipeTo(socket.writable);

// On its other side are messages. The prefix, the lengths and the markers are its business.
const ike = vpn.ike.writable.getWriter();
const esp = vpn.esp.writable.getWriter();
await ike.write(new TextEncoder().encode("an IKE message"));
for (let sequence = 1; sequence <= 3; sequence++) await esp.write(espPacket(sequence));

const answers = vpn.ike.readable.getReader();
for (const message of (await answers.read()).value ?? []) {
  console.log("IKE:", new TextDecoder().decode(message));
}

let packets = 0;
for await (const batch of vpn.esp.readable) {
  for (const packet of batch) {
    console.log("ESP: SPI", new DataView(packet.buffer, packet.byteOffset).getUint32(0), "back");
  }
  packets += batch.length;
  if (packets === 3) break;
}

// Closing both kinds ends the connection.
await Promise.all([ike.close(), esp.close(), piped.catch(() => {})]);

function espPacket(sequence: number): Uint8Array {
  const packet = new Uint8Array(64);
  const view = new DataView(packet.buffer);
  view.setUint32(0, 0x1001); // SPI
  view.setUint32(4, sequence);
  return packet;
}
