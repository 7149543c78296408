import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sendAll } from "../../lib/relay/send_all.ts";
import { DatagramSendQueue } from "../../lib/transport/mod.ts";

/** A socket that has sent what it was given one macrotask later, and whose bound is so many messages. */
function slowSocket(bound: number) {
  const queue = new DatagramSendQueue(bound);
  const sent: number[] = [];
  let dropped = 0;
  return {
    sent,
    get dropped() {
      return dropped;
    },
    get ready() {
      return queue.ready;
    },
    send(message: Uint8Array) {
      if (!queue.enter(1)) return void dropped++;
      setTimeout(() => {
        sent.push(message[0]!);
        queue.leave(1);
      });
    },
  };
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => Uint8Array.of(i));

describe("sendAll", () => {
  it("sends many times as many messages as the socket has room for, in order, and loses none", async () => {
    const socket = slowSocket(8);
    const messages = numbered(100);
    await sendAll(socket, messages);
    while (socket.sent.length < 100) await new Promise((resolve) => setTimeout(resolve));
    assert.equal(socket.dropped, 0);
    assert.deepEqual(socket.sent, messages.map(([number]) => number));
  });

  it("returns no promise while there is room", async () => {
    const socket = slowSocket(8);
    assert.equal(sendAll(socket, numbered(2)), undefined);
    assert.equal(sendAll(socket, []), undefined);
    while (socket.sent.length < 2) await new Promise((resolve) => setTimeout(resolve));
  });
});
