/** What runs in the page of `encap_test.ts`: `iketcp/encap`, the browser's own WebSocketStream, and nothing else. */

import { EncapsulationStream } from "../../lib/encap/mod.ts";

/** What came back. */
export interface EchoedMessages {
  /** IKE messages. */
  readonly ike: number[][];
  /** How many ESP packets. */
  readonly esp: number;
  /** Octets of these. */
  readonly octets: number;
  /** Whether each is as it was sent. */
  readonly same: boolean;
}

interface OpenedStream {
  readonly readable: ReadableStream<ArrayBuffer>;
  readonly writable: WritableStream<Uint8Array>;
}

declare const WebSocketStream: new (url: string, options: { readonly protocols: readonly string[] }) => {
  readonly opened: Promise<OpenedStream>;
  close(): void;
};

/** Sends two IKE messages and `count` ESP packets, and waits for all of them to come back. */
export async function talk(url: string, count: number): Promise<EchoedMessages> {
  const socket = new WebSocketStream(url, { protocols: ["iketcp"] });
  const { readable, writable } = await socket.opened;
  const encapsulation = new EncapsulationStream({ role: "originator" });
  readable
    .pipeThrough(
      new TransformStream<ArrayBuffer, Uint8Array>({
        transform: (chunk, controller) => controller.enqueue(new Uint8Array(chunk)),
      }),
    )
    .pipeThrough(encapsulation)
    .pipeTo(writable)
    .catch(() => {});

  const packet = Uint8Array.from({ length: 1400 }, (_, i) => i & 0xff || 1);
  const sent = send(encapsulation, packet, count);
  const ike: number[][] = [];
  const messages = encapsulation.ike.readable.getReader();
  while (ike.length < 2) {
    for (const message of (await messages.read()).value ?? []) ike.push([...message]);
  }
  let [esp, octets, same] = [0, 0, true];
  const packets = encapsulation.esp.readable.getReader();
  while (esp < count) {
    for (const one of (await packets.read()).value ?? []) {
      esp++;
      octets += one.length;
      same &&= one.length === packet.length && one.every((octet, i) => octet === packet[i]);
    }
  }
  await sent;
  socket.close();
  return { ike, esp, octets, same };
}

async function send({ ike, esp }: EncapsulationStream, packet: Uint8Array, count: number): Promise<void> {
  await ike.writable.getWriter().write([Uint8Array.of(1, 2, 3), Uint8Array.of(4)]);
  const writer = esp.writable.getWriter();
  for (let i = 0; i < count; i += 10) await writer.write(Array.from({ length: 10 }, () => packet.slice()));
}
