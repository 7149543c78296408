/**
 * The UDP source port of a client, as the responder's daemon sees it: kept across reconnects, since daemons go on sending to
 * the port from which they last heard a client.
 */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { connectTcp } from "../../lib/runtime/node_tcp.ts";
import { sleep, until } from "../_support/streams.ts";
import { esp, frame, ike, ikeSaInit, PREFIX } from "./_messages.ts";
import { RawStream, type ResponderScene, withResponder } from "./_scene.ts";

/** Sends messages on a new stream; gives the stream, and the port from which the daemon heard the last of them. */
async function send(scene: ResponderScene, ...messages: Uint8Array[]): Promise<[RawStream, number]> {
  const stream = await scene.client(...messages);
  return [stream, await portOf(scene, ...messages)];
}

async function portOf(scene: ResponderScene, ...messages: Uint8Array[]): Promise<number> {
  let port = 0;
  for (const message of messages) port = (await scene.daemon.expect(message)).from.port;
  return port;
}

/** Ends a stream, and waits until the relay has noticed. */
async function lose(scene: ResponderScene, stream: RawStream): Promise<void> {
  const ended = scene.eventsOf("stream_ended").length;
  stream.reset();
  await scene.expectEvent("stream_ended", ended + 1);
}

const PAIR = { spiI: 7, spiR: 8 };

describe("The UDP port of a client", () => {
  it(
    "is kept when the first ESP packet of the next stream has an SPI last seen there (R-REC-7, R-REC-10)",
    withResponder(async (scene) => {
      const [first, port] = await send(scene, ikeSaInit(7), ike(PAIR), esp(5, 1));
      await lose(scene, first);
      const [second, again] = await send(scene, esp(5, 2));
      assert.equal(again, port);
      assert.equal(scene.counters.socketsAdopted, 1);
      assert.equal((await scene.expectEvent("socket_adopted")).local.port, port);
      scene.daemon.send(esp(6, 1), { hostname: "127.0.0.1", port });
      assert.deepEqual(await second.expectMessages(1), [esp(6, 1)]);
    }),
  );

  it(
    "is kept when the first IKE message of the next stream has an SPI pair last seen there (R-REC-7)",
    withResponder(async (scene) => {
      const [first, port] = await send(scene, ikeSaInit(7), ike(PAIR));
      await lose(scene, first);
      assert.equal((await send(scene, ike({ ...PAIR, body: 4 })))[1], port);
    }),
  );

  it(
    "is kept over any number of reconnects, whatever ends the streams",
    withResponder(async (scene) => {
      let [stream, port] = await send(scene, ike(PAIR), esp(5));
      const ends: ((stream: RawStream) => unknown)[] = [
        (stream) => stream.reset(),
        (stream) => stream.end(),
        (stream) => stream.write(Uint8Array.of(0, 0)),
        (stream) => stream.write(Uint8Array.of(0, 100)).then(() => stream.end()),
      ];
      for (const [i, end] of ends.entries()) {
        await end(stream);
        await scene.expectEvent("stream_ended", i + 1);
        let again: number;
        [stream, again] = await send(scene, i % 2 === 0 ? esp(5) : ike(PAIR));
        assert.equal(again, port);
      }
      assert.equal(scene.endpoints.length, 1);
    }),
  );

  it(
    "is kept for a client that comes back from another address (R-REC-5)",
    withResponder(async (scene) => {
      const [first, port] = await send(scene, ike(PAIR));
      await lose(scene, first);
      const second = new RawStream(
        await connectTcp(scene.address, { localAddress: { hostname: "127.0.0.9", port: 0 } }),
      );
      await second.write(PREFIX, frame(ike(PAIR)));
      assert.equal(await portOf(scene, ike(PAIR)), port);
      await second.release();
    }),
  );

  it(
    "is a new one for a second stream while the first one lives (R-CHO-11)",
    withResponder(async (scene) => {
      const [first, port] = await send(scene, ike(PAIR), esp(5, 1));
      const [, other] = await send(scene, esp(5, 2));
      assert.notEqual(other, port);
      scene.daemon.send(esp(6, 1), { hostname: "127.0.0.1", port });
      assert.deepEqual(await first.expectMessages(1), [esp(6, 1)]);
      assert.equal(scene.counters.socketsAdopted, 0);
    }),
  );

  it(
    "is a new one for IKE_SA_INIT, even with an initiator's SPI seen before",
    withResponder(async (scene) => {
      const [first, port] = await send(scene, ikeSaInit(7), ike(PAIR));
      await lose(scene, first);
      const [, other] = await send(scene, ikeSaInit(7));
      assert.notEqual(other, port);
    }),
  );

  it(
    "is a new one for SPIs that nobody has seen, and after them the old one for an IKE SPI pair that is known",
    withResponder(async (scene) => {
      const [first, port] = await send(scene, ike(PAIR), esp(5));
      await lose(scene, first);
      const [second, other] = await send(scene, esp(6, 1));
      assert.notEqual(other, port);
      await second.send(esp(6, 2), ike(PAIR), esp(6, 3));
      assert.equal(await portOf(scene, esp(6, 2)), port); // it came with what follows
      assert.equal(await portOf(scene, ike(PAIR), esp(6, 3)), port);
      scene.daemon.send(ike(PAIR), { hostname: "127.0.0.1", port });
      assert.deepEqual(await second.expectMessages(1), [ike(PAIR)]);
    }),
  );

  it(
    "is the old one for a known ESP packet behind an IKE_SA_INIT",
    withResponder(async (scene) => {
      const [first, port] = await send(scene, ike(PAIR), esp(5));
      await lose(scene, first);
      const [second, other] = await send(scene, ikeSaInit(9));
      assert.notEqual(other, port);
      await second.send(esp(5, 2));
      assert.equal(await portOf(scene, esp(5, 2)), port);
    }),
  );

  it(
    "depends on the first message of each kind only",
    withResponder(async (scene) => {
      const [first, port] = await send(scene, ike(PAIR), esp(5));
      await lose(scene, first);
      const [second, other] = await send(scene, esp(6), ikeSaInit(9));
      assert.notEqual(other, port);
      await second.send(esp(5), ike(PAIR));
      assert.equal(await portOf(scene, esp(5), ike(PAIR)), other);
    }),
  );

  it(
    "is that of the client that last sent the SPI",
    withResponder(async (scene) => {
      const [first] = await send(scene, ike(PAIR), esp(5));
      const [second, other] = await send(scene, esp(5));
      await lose(scene, second);
      await lose(scene, first);
      assert.equal((await send(scene, esp(5)))[1], other);
    }),
  );

  it(
    "goes over to the next stream while answers to a half-closed one are still on their way",
    withResponder(async (scene) => {
      const [first, port] = await send(scene, ike(PAIR));
      await first.end();
      await sleep(20);
      const [second, again] = await send(scene, ike(PAIR));
      assert.equal(again, port);
      scene.daemon.send(esp(6, 1), { hostname: "127.0.0.1", port });
      assert.deepEqual(await second.expectMessages(1), [esp(6, 1)]);
      await first.expectEnd();
      scene.daemon.send(esp(6, 2), { hostname: "127.0.0.1", port });
      await second.expectMessages(2);
      assert.deepEqual(first.messages, []);
    }),
  );

  it(
    "is let go with the stream of a client that could not be told again",
    withResponder(async (scene) => {
      const [first, port] = await send(scene, ikeSaInit(7));
      await lose(scene, first);
      scene.daemon.send(ike(), { hostname: "127.0.0.1", port });
      await send(scene, esp(1)); // and so some time has passed
      assert.equal(scene.counters.datagramsDropped, 0, "nobody hears it any more");
    }),
  );

  it(
    "is remembered by the last 256 SPIs of a client",
    withResponder(async (scene) => {
      const [first, port] = await send(scene, esp(1));
      for (let spi = 2; spi <= 257; spi++) {
        await first.send(esp(spi));
        if (spi % 32 === 0) await until(() => scene.counters.messagesFromStream === spi, "they are read");
      }
      await until(() => scene.counters.messagesFromStream === 257, "all are read");
      await portOf(scene, ...Array.from({ length: 256 }, (_, i) => esp(i + 2)));
      await lose(scene, first);
      const [second, other] = await send(scene, esp(1));
      assert.notEqual(other, port);
      await lose(scene, second);
      assert.equal((await send(scene, esp(2)))[1], port);
    }),
  );
});
