/**
 * TCP as plainly as each runtime has it, read by the same method as our connections are: what those are compared with.
 *
 * Node: `node:net`, `onread` with one buffer where it connects, `data` events where it accepts. Bun: the same.
 * Deno: `conn.read` into one buffer and `conn.write`. Whoever keeps what is read gets a new buffer for each read.
 */

import { connect, createServer, type Socket } from "node:net";
import { deno, type DenoTcpConn } from "../lib/runtime/_deno.ts";
import { detectRuntime } from "../lib/runtime/detect.ts";
import { CHUNK_LENGTH } from "./_traffic.ts";

/** A socket in one direction at a time. */
export interface RawSocket {
  /** Reads to the end of the stream. */
  drain(onOctets: (octets: number) => void): Promise<void>;
  /** Writes a chunk so many times, each time after `prepare`, and half-closes. */
  pour(chunk: Uint8Array, times: number, prepare?: () => void): Promise<void>;
  /** Closes it. */
  close(): void;
}

/** A listening socket on loopback. */
export interface RawListener {
  /** Where it listens. */
  readonly port: number;
  /** The next connection. */
  accept(): Promise<RawSocket>;
  /** Stops. */
  close(): void;
}

/** How a runtime listens and connects on loopback. */
export interface RawTcp {
  /** Listens on a port that the system chooses. */
  listen(): Promise<RawListener>;
  /** Connects. */
  connect(port: number): Promise<RawSocket>;
}

/** Shared by all sockets, where nobody keeps what is read. */
const READ_BUFFER = new Uint8Array(CHUNK_LENGTH);

/** Where everything happens. */
export const HOST = "127.0.0.1";

/** The plain sockets of this runtime, read into the same memory again, or into new memory that the reader could keep. */
export function rawTcp(memory: "same" | "new" = "same"): RawTcp {
  const readBuffer = memory === "same" ? () => READ_BUFFER : () => new Uint8Array(CHUNK_LENGTH);
  return detectRuntime().name === "deno" ? denoTcp(readBuffer) : nodeTcp(readBuffer);
}

const nodeTcp = (readBuffer: () => Uint8Array): RawTcp => ({
  async listen() {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
    const { port } = server.address() as { port: number };
    return {
      port,
      accept: () =>
        new Promise((resolve) =>
          server.once("connection", (socket) => {
            socket.setNoDelay(true);
            resolve(rawNodeSocket(socket, (onOctets) => {
              socket.on("data", (data) => onOctets(data.length));
              socket.resume();
            }));
          })
        ),
      close: () => void server.close(),
    };
  },
  connect(port) {
    return new Promise((resolve, reject) => {
      let handler = (_octets: number): void => {};
      const socket = connect({
        ...{ host: HOST, port, allowHalfOpen: true },
        onread: {
          buffer: readBuffer,
          callback(octets) {
            handler(octets);
            return true;
          },
        },
      });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.setNoDelay(true);
        resolve(rawNodeSocket(socket, (onOctets) => handler = onOctets));
      });
    });
  },
});

function rawNodeSocket(socket: Socket, read: (onOctets: (octets: number) => void) => void): RawSocket {
  return {
    drain(onOctets) {
      return new Promise((resolve, reject) => {
        socket.once("error", reject);
        socket.once("end", resolve);
        read(onOctets);
      });
    },
    pour(chunk, times, prepare = () => {}) {
      return new Promise((resolve, reject) => {
        socket.once("error", reject);
        let left = times;
        const write = () => {
          while (left-- > 0) {
            prepare();
            if (!socket.write(chunk)) {
              socket.once("drain", write);
              return;
            }
          }
          socket.end(resolve);
        };
        write();
      });
    },
    close: () => void socket.destroy(),
  };
}

const denoTcp = (readBuffer: () => Uint8Array): RawTcp => ({
  // deno-lint-ignore require-await
  async listen() {
    const listener = deno().listen({ hostname: HOST, port: 0 });
    return {
      port: listener.addr.port,
      accept: async () => rawDenoSocket(await listener.accept(), readBuffer),
      close: () => listener.close(),
    };
  },
  connect: async (port) => rawDenoSocket(await deno().connect({ hostname: HOST, port }), readBuffer),
});

function rawDenoSocket(conn: DenoTcpConn, readBuffer: () => Uint8Array): RawSocket {
  conn.setNoDelay(true);
  return {
    async drain(onOctets) {
      for (;;) {
        const octets = await conn.read(readBuffer());
        if (octets === null) return;
        onOctets(octets);
      }
    },
    async pour(chunk, times, prepare = () => {}) {
      for (let i = 0; i < times; i++) {
        prepare();
        for (let sent = 0; sent < chunk.length;) sent += await conn.write(chunk.subarray(sent));
      }
      await conn.closeWrite();
    },
    close: () => conn.close(),
  };
}
