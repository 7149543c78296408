/**
 * Our stages with Bun's own files and sockets: a file's stream through a deframer, and the core of a stage in the callbacks
 * of `Bun.listen`, which have no streams. Runs on Bun.
 */

import process from "node:process";
import { Deframer, DeframerStream, Framer } from "iketcp/encap";

/** The part of Bun that is used. */
interface BunApi {
  file(path: string): { stream(): ReadableStream<Uint8Array> };
  write(path: string, data: Uint8Array): Promise<number>;
  listen<Data>(options: SocketOptions<Data>): { readonly port: number; stop(): void };
  connect<Data>(options: SocketOptions<Data>): Promise<BunSocket<Data>>;
}

interface BunSocket<Data> {
  data: Data;
  write(octets: Uint8Array): number;
  end(): void;
}

interface SocketOptions<Data> {
  hostname: string;
  port: number;
  socket: {
    open?(socket: BunSocket<Data>): void;
    data(socket: BunSocket<Data>, octets: Uint8Array): void;
  };
}

const Bun = (globalThis as { Bun?: BunApi }).Bun;
if (Bun === undefined) {
  console.log("This example is for Bun: npx bun examples/12_bun_files_and_sockets.ts");
  process.exit(0);
}

/** Frames messages into one array. */
function frame(...texts: string[]): Uint8Array {
  let framed = new Uint8Array(0);
  new Framer().handle(texts.map((text) => new TextEncoder().encode(text)), (octets) => {
    framed = new Uint8Array(octets);
  });
  return framed;
}

// A file is a stream of bytes.
const path = `${process.env["TMPDIR"] ?? "/tmp"}/iketcp-example-${process.pid}`;
await Bun.write(path, frame("from", "a file"));
for await (const batch of Bun.file(path).stream().pipeThrough(new DeframerStream())) {
  for (const message of batch) console.log("file:", new TextDecoder().decode(message));
}
await import("node:fs").then(({ rmSync }) => rmSync(path));

// A socket of Bun calls back. The core of a stage needs no streams: bytes in, messages out.
let finish = () => {};
const finished = new Promise<void>((resolve) => finish = resolve);
const server = Bun.listen<Deframer>({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      socket.data = new Deframer();
    },
    data(socket, octets) {
      // Bun uses the memory of `octets` again, and messages are views of it.
      socket.data.handle(octets.slice(), (messages) => {
        for (const message of messages) console.log("socket:", new TextDecoder().decode(message));
      });
      socket.end();
      finish();
    },
  },
});
const client = await Bun.connect<undefined>({
  hostname: "127.0.0.1",
  port: server.port,
  socket: { data() {} },
});
client.write(frame("through", "a socket"));
await finished;
client.end();
server.stop();
