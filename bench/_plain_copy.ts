/**
 * What anybody would write first: datagrams to a TCP stream and back, each behind its length, by the runtime's own sockets
 * and nothing else. No prefix, no limits, no queue, no reconnect, one client. The relay is compared with it.
 */

import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { connect, createServer, type Socket } from "node:net";
import { deno, type DenoDatagramConn, type DenoTcpConn } from "../lib/runtime/_deno.ts";
import { detectRuntime } from "../lib/runtime/detect.ts";
import { HOST } from "./_raw_sockets.ts";

/** The two programs; each gives the port it listens on. */
export interface PlainCopy {
  /** Hears datagrams and writes them to a TCP connection. */
  udpToTcp(tcpPort: number): Promise<number>;
  /** Accepts a TCP connection and sends what comes to a UDP port. */
  tcpToUdp(udpPort: number): Promise<number>;
}

/** The plain copy of this runtime. */
export function plainCopy(): PlainCopy {
  return detectRuntime().name === "deno" ? DENO : NODE;
}

const NODE: PlainCopy = {
  async udpToTcp(tcpPort) {
    const tcp = connect(tcpPort, HOST).setNoDelay(true);
    const udp = createSocket("udp4");
    await new Promise<void>((resolve) => udp.bind(0, HOST, resolve));
    let client = 0;
    udp.on("message", (data, from) => {
      client = from.port;
      tcp.write(withLength(data));
    });
    pump(tcp, (data) => udp.send(data, client, HOST));
    return udp.address().port;
  },
  async tcpToUdp(udpPort) {
    const server = createServer((tcp) => {
      tcp.setNoDelay(true);
      const udp: UdpSocket = createSocket("udp4");
      udp.connect(udpPort, HOST, () => {
        udp.on("message", (data) => tcp.write(withLength(data)));
        pump(tcp, (data) => udp.send(data));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
    return (server.address() as { port: number }).port;
  },
};

function pump(tcp: Socket, send: (data: Uint8Array) => void): void {
  let rest: Uint8Array = new Uint8Array(0);
  tcp.on("data", (data) => rest = sendAll(rest, data as Uint8Array, send));
}

const DENO: PlainCopy = {
  async udpToTcp(tcpPort) {
    const tcp = await deno().connect({ hostname: HOST, port: tcpPort });
    const udp = deno().listenDatagram!({ hostname: HOST, port: 0, transport: "udp" });
    copyDeno(udp, tcp, 0);
    return udp.addr.port;
  },
  // deno-lint-ignore require-await
  async tcpToUdp(udpPort) {
    const listener = deno().listen({ hostname: HOST, port: 0 });
    listener.accept().then((tcp) => {
      copyDeno(deno().listenDatagram!({ hostname: HOST, port: 0, transport: "udp" }), tcp, udpPort);
    });
    return listener.addr.port;
  },
};

function copyDeno(udp: DenoDatagramConn, tcp: DenoTcpConn, port: number): void {
  tcp.setNoDelay(true);
  let peer = port;
  const out = async () => {
    const buffer = new Uint8Array(65536);
    for (;;) {
      const [data, from] = await udp.receive(buffer);
      peer = from.port;
      const frame = withLength(data);
      for (let sent = 0; sent < frame.length;) sent += await tcp.write(frame.subarray(sent));
    }
  };
  const back = async () => {
    const buffer = new Uint8Array(65536);
    let rest: Uint8Array = new Uint8Array(0);
    for (;;) {
      const length = await tcp.read(buffer);
      if (length === null) return;
      rest = sendAll(rest, buffer.slice(0, length), (data) => {
        udp.send(data, { transport: "udp", hostname: HOST, port: peer });
      });
    }
  };
  out();
  back();
}

function withLength(data: Uint8Array): Uint8Array {
  const frame = new Uint8Array(2 + data.length);
  frame[0] = frame.length >> 8;
  frame[1] = frame.length;
  frame.set(data, 2);
  return frame;
}

/** Sends every whole message; gives what is left. */
function sendAll(rest: Uint8Array, data: Uint8Array, send: (data: Uint8Array) => void): Uint8Array {
  let bytes = data;
  if (rest.length > 0) {
    bytes = new Uint8Array(rest.length + data.length);
    bytes.set(rest);
    bytes.set(data, rest.length);
  }
  let offset = 0;
  while (bytes.length - offset >= 2) {
    const length = bytes[offset]! << 8 | bytes[offset + 1]!;
    if (offset + length > bytes.length) break;
    send(bytes.subarray(offset + 2, offset + length));
    offset += length;
  }
  return bytes.subarray(offset);
}
