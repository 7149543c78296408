/** The two ends of a bulk transfer over loopback, in each of the ways that are compared. */

import { EncapsulatedConnection } from "../lib/encap/encapsulated_connection.ts";
import { InPlaceFramer } from "../lib/encap/in_place_framer.ts";
import { DeframerStream, EncapsulationStream, FramerStream, type MessageChunk } from "../lib/encap/mod.ts";
import { connectTcp, listenTcp } from "../lib/runtime/mod.ts";
import type { Connection } from "../lib/transport/types.ts";
import { HOST, type RawSocket, rawTcp } from "./_raw_sockets.ts";
import { CHUNK_LENGTH, makeBatch, PACKET_LENGTH, sinkOf, sourceOf } from "./_traffic.ts";

/**
 * A way to move bulk: the runtime's sockets, read into the same memory or into new; our connections; and messages over our connections, by framing alone in pipes, by
 * the whole of RFC 9329 in pipes, joined to the connection, and joined with ESP packets in lent memory, as an ESP datapath
 * has it: received in the read buffer, and sent from where they were encrypted.
 */
export type Way =
  | "raw"
  | "raw, new memory"
  | "Connection"
  | "framer and deframer"
  | "EncapsulationStream"
  | "EncapsulatedConnection"
  | "EncapsulatedConnection, lent";

/** All ways, those to compare with first. */
export const WAYS: readonly Way[] = [
  "raw",
  "raw, new memory",
  "Connection",
  "framer and deframer",
  "EncapsulationStream",
  "EncapsulatedConnection",
  "EncapsulatedConnection, lent",
];

const CHUNK = new Uint8Array(CHUNK_LENGTH).fill(0x5a);
const BATCH = makeBatch(PACKET_LENGTH);
/** With the place of a Length in front of each message. */
const ROOMY_BATCH = makeBatch(PACKET_LENGTH, 2);

/** What a way is compared with: the raw loop that reads into memory of the same kind; a stream gives its memory away. */
export function rawOf(way: Way): Way | undefined {
  if (isRaw(way)) return undefined;
  return way === "EncapsulatedConnection, lent" ? "raw" : "raw, new memory";
}

/** One end of a connection. */
export interface End {
  /** Sends so many chunks of 64 KiB, or batches of as many messages as fill one, and ends. */
  send(chunks: number): Promise<void>;
  /** Receives to the end; gives octets (`raw`, `Connection`) or messages. */
  receive(): Promise<number>;
  /** Closes it. */
  close(): Promise<void> | void;
}

/** A listening end. */
export interface ListeningEnd {
  /** Where. */
  readonly port: number;
  /** The one connection that it takes. */
  readonly accepted: Promise<End>;
}

function isRaw(way: Way): boolean {
  return way === "raw" || way === "raw, new memory";
}

function countsOctets(way: Way): boolean {
  return isRaw(way) || way === "Connection";
}

/** What `receive` gives when nothing was lost. */
export function expectedCount(way: Way, chunks: number): number {
  return chunks * (countsOctets(way) ? CHUNK_LENGTH : BATCH.length);
}

/** Octets on the wire. */
export function octetsOf(way: Way, chunks: number): number {
  const octets = countsOctets(way) ? CHUNK_LENGTH : BATCH.length * (2 + PACKET_LENGTH);
  return chunks * octets;
}

/** Listens for one connection. */
export async function listenForOne(way: Way): Promise<ListeningEnd> {
  if (isRaw(way)) {
    const listener = await rawTcp(memoryOf(way)).listen();
    const accepted = listener.accept().then((socket) => {
      listener.close();
      return rawEnd(socket);
    });
    return { port: listener.port, accepted };
  }
  const listener = await listenTcp({ hostname: HOST, port: 0 });
  const reader = listener.connections.getReader();
  const accepted = reader.read().then(async ({ value }) => {
    await listener.close();
    return endOf(way, "responder", value!);
  });
  return { port: listener.address.port, accepted };
}

/** Connects. */
export async function connectTo(way: Way, port: number): Promise<End> {
  if (isRaw(way)) return rawEnd(await rawTcp(memoryOf(way)).connect(port));
  return endOf(way, "originator", await connectTcp({ hostname: HOST, port }));
}

function memoryOf(way: Way): "same" | "new" {
  return way === "raw" ? "same" : "new";
}

function rawEnd(socket: RawSocket): End {
  return {
    send: (chunks) => socket.pour(CHUNK, chunks),
    async receive() {
      let received = 0;
      await socket.drain((octets) => received += octets);
      return received;
    },
    close: () => socket.close(),
  };
}

function endOf(way: Way, role: "originator" | "responder", connection: Connection): End {
  const { readable, writable } = connection;
  const close = () => connection.close();
  const batches = (chunks: number) => sourceOf<MessageChunk>([BATCH], chunks);
  switch (way) {
    case "EncapsulationStream": {
      const whole = new EncapsulationStream({ role });
      const piped = readable.pipeThrough(whole).pipeTo(writable).catch(() => {});
      return {
        async send(chunks) {
          await Promise.all([whole.ike.writable.close(), batches(chunks).pipeTo(whole.esp.writable)]);
          await piped;
        },
        receive: () => countMessages(whole.esp.readable),
        close,
      };
    }
    case "EncapsulatedConnection": {
      const whole = new EncapsulatedConnection(connection, { role });
      return {
        async send(chunks) {
          await Promise.all([whole.ike.writable.close(), batches(chunks).pipeTo(whole.esp.writable)]);
        },
        receive: () => countMessages(whole.esp.readable),
        close,
      };
    }
    case "EncapsulatedConnection, lent": {
      let received = 0;
      const onEsp = (packets: Uint8Array[]) => void (received += packets.length);
      const whole = new EncapsulatedConnection(connection, { role, onEsp, framer: new InPlaceFramer() });
      return {
        async send(chunks) {
          const writer = whole.esp.writable.getWriter();
          for (let i = 0; i < chunks; i++) await writer.write(ROOMY_BATCH);
          await Promise.all([writer.close(), whole.ike.writable.close()]);
        },
        async receive() {
          for await (const _ of whole.ike.readable); // ends with the stream
          return received;
        },
        close,
      };
    }
    case "framer and deframer":
      return {
        send: (chunks) => batches(chunks).pipeThrough(new FramerStream()).pipeTo(writable),
        receive: () => countMessages(readable.pipeThrough(new DeframerStream())),
        close,
      };
    default:
      return {
        send: (chunks) => sourceOf([CHUNK], chunks).pipeTo(writable),
        async receive() {
          let received = 0;
          await readable.pipeTo(sinkOf((chunk) => received += chunk.length));
          return received;
        },
        close,
      };
  }
}

async function countMessages(readable: ReadableStream<Uint8Array[]>): Promise<number> {
  let received = 0;
  await readable.pipeTo(sinkOf((batch) => received += batch.length));
  return received;
}
