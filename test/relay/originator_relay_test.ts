/** The relay beside an initiator's daemon, with real sockets: what crosses, how streams begin, and how lost ones are replaced. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { concat } from "../../lib/bytes/mod.ts";
import { TransportError } from "../../lib/errors.ts";
import { settlesWithin, sleep, until } from "../_support/streams.ts";
import {
  esp,
  frame,
  ike,
  ikeSaInit,
  ikeWithoutMarker,
  KEEPALIVE,
  length,
  PREFIX,
  sequenceOf,
  text,
} from "./_messages.ts";
import { type OriginatorScene, QUIET, type RawStream, withOriginator } from "./_scene.ts";

/** Short delays, so that nobody waits; what they are by default is in the table of limits. */
const QUICK = { reconnect_delay: 20, max_reconnect_delay: 80 };

/** Every stream begins with the prefix, once, and holds whole messages behind it. */
function assertOriginatorStream(stream: RawStream, messages: readonly Uint8Array[]): void {
  assert.deepEqual(stream.received, concat([PREFIX, ...messages.map(frame)]));
}

/** The ways in which the other end can lose a stream. */
const losses: readonly [name: string, lose: (stream: RawStream) => void | Promise<void>][] = [
  ["a reset", (stream) => stream.reset()],
  ["an end", (stream) => stream.end()],
  ["an end inside a message", (stream) => stream.write(length(100)).then(() => stream.end())],
  ["a Length of 0", (stream) => stream.write(length(0))],
];

async function openStream(scene: OriginatorScene): Promise<RawStream> {
  const daemon = await scene.daemon();
  daemon.send(ikeSaInit(1));
  const stream = await scene.accept();
  await stream.expectMessages(1);
  return stream;
}

describe("OriginatorRelay", () => {
  it(
    "holds a stream back while the daemon's socket has no room, rather than lose what comes",
    withOriginator(async (scene) => {
      let resume!: () => void;
      let full: Promise<void> | undefined = new Promise((resolve) => resume = resolve);
      Object.defineProperty(scene.endpoint, "ready", { get: () => full });
      const daemon = await scene.daemon();
      const stream = await openAfter(scene, () => daemon.send(ikeSaInit(1)));
      await stream.send(esp(5, 1));
      await daemon.expect(esp(5, 1));
      await stream.send(esp(5, 2));
      await daemon.expectNothing();
      full = undefined;
      resume();
      await daemon.expect(esp(5, 2));
    }),
  );

  it(
    "sends the prefix first and once, then each datagram as a message (R-PFX-1 to R-PFX-5, R-CON-2, R-FRM-2)",
    withOriginator(async (scene) => {
      const daemon = await scene.daemon();
      const messages = [ikeSaInit(1, 1500), esp(5, 1, 4), esp(5, 2, 9000), ike(), ike({ body: 30_000 })];
      const stream = await openAfter(scene, () => daemon.send(messages[0]!));
      for (const [i, message] of messages.entries()) {
        if (i > 0) daemon.send(message);
        await stream.expectMessages(i + 1);
      }
      assertOriginatorStream(stream, messages);
      assert.equal(scene.counters.messagesToStream, 5);
      assert.equal(scene.counters.octetsToStream, concat(messages).byteLength);
    }),
  );

  it(
    "hands messages of the stream to the daemon that it belongs to, octet for octet",
    withOriginator(async (scene) => {
      const daemons = await Promise.all([scene.daemon(), scene.daemon(), scene.daemon()]);
      const streams: RawStream[] = [];
      for (const [i, daemon] of daemons.entries()) {
        streams.push(await openAfter(scene, () => daemon.send(ikeSaInit(i + 1))));
      }
      for (const [i, stream] of streams.entries()) {
        await stream.send(ike({ spiI: i + 1 }), esp(i + 1, 1, 4), esp(i + 1, 2, 8000), ike({ body: 20_000 }));
      }
      for (const [i, daemon] of daemons.entries()) {
        assertOriginatorStream(streams[i]!, [ikeSaInit(i + 1)]);
        await daemon.expect(ike({ spiI: i + 1 }));
        await daemon.expect(esp(i + 1, 1, 4));
        await daemon.expect(esp(i + 1, 2, 8000));
        await daemon.expect(ike({ body: 20_000 }));
        await daemon.expectNothing();
      }
      assert.equal(scene.counters.peers, 3);
      assert.equal(scene.counters.streams, 3);
      assert.equal(scene.counters.messagesFromStream, 12);
    }),
  );

  it(
    "uses one stream for all datagrams of an address and port (R-CON-11)",
    withOriginator(async (scene) => {
      const daemon = await scene.daemon();
      const stream = await openAfter(scene, () => daemon.send(ikeSaInit(1)));
      for (let i = 1; i <= 50; i++) {
        daemon.send(esp(i));
        await sleep(1);
      }
      await stream.expectMessages(51);
      assert.equal(scene.counters.streamsOpened, 1);
    }),
  );

  it(
    "works over IPv6",
    withOriginator(async (scene) => {
      const daemon = await scene.daemon();
      const stream = await openAfter(scene, () => daemon.send(ikeSaInit(1)));
      await stream.expectMessages(1);
      await stream.send(ike());
      await daemon.expect(ike());
    }, { hostname: "::1" }),
  );

  it(
    "swallows keepalives and runts of the daemon, and opens no stream for them (R-KAL-1)",
    withOriginator(async (scene) => {
      const daemon = await scene.daemon();
      for (const data of [KEEPALIVE, Uint8Array.of(1), new Uint8Array(3), new Uint8Array(0)]) {
        daemon.send(data);
      }
      await until(() => scene.counters.keepalives + scene.counters.runts === 4, "all are counted");
      assert.deepEqual([scene.dials.length, scene.counters.peers], [0, 0]);
      daemon.send(ike());
      const stream = await scene.accept();
      await stream.expectMessages(1);
      daemon.send(KEEPALIVE);
      daemon.send(new Uint8Array(2));
      daemon.send(esp(5));
      await stream.expectMessages(2);
      assertOriginatorStream(stream, [ike(), esp(5)]);
      assert.equal(scene.counters.keepalives, 2);
      assert.equal(scene.counters.runts, 4);
    }),
  );

  it(
    "drops keepalives, empty messages and runts of the other end in silence (R-KAL-2, R-FRM-8)",
    withOriginator(async (scene) => {
      const daemon = await scene.daemon();
      const stream = await openAfter(scene, () => daemon.send(ikeSaInit(1)));
      await stream.write(frame(KEEPALIVE), length(2), length(2), frame(Uint8Array.of(7)), frame(esp(5)));
      await daemon.expect(esp(5));
      const { keepalives, empty, runts } = scene.counters;
      assert.deepEqual({ keepalives, empty, runts }, { keepalives: 1, empty: 2, runts: 1 });
    }),
  );

  it(
    "says once when a daemon sends IKE without the non-ESP marker",
    withOriginator(async (scene) => {
      const daemon = await scene.daemon();
      daemon.send(ikeWithoutMarker({ exchange: 34 }));
      daemon.send(ikeWithoutMarker({ exchange: 34 }));
      const stream = await scene.accept();
      await stream.expectMessages(2);
      const { client } = await scene.expectEvent("marker_missing");
      assert.equal(client.port, daemon.address.port);
      assert.equal(scene.eventsOf("marker_missing").length, 1);
    }),
  );

  for (const [name, lose] of losses) {
    it(
      `replaces at once a stream that had answered and is lost by ${name} (R-REC-3, R-PFX-7)`,
      withOriginator(async (scene) => {
        const daemon = await scene.daemon();
        for (let i = 1; i <= 3; i++) {
          const stream = await openAfter(scene, () => i === 1 && daemon.send(ike()));
          await stream.send(esp(5, i));
          await daemon.expect(esp(5, i));
          await lose(stream);
        }
        const last = await scene.accept();
        await until(
          () => last.received.byteLength === PREFIX.byteLength,
          "the prefix comes without a message",
        );
        daemon.send(esp(6));
        await last.expectMessages(1);
        assertOriginatorStream(last, [esp(6)]);
        assert.equal(scene.counters.streamsOpened, 4);
        assert.equal(scene.counters.streams, 1);
      }, { limits: QUICK }),
    );
  }

  it(
    "replaces a stream that never answered when the daemon next sends",
    withOriginator(async (scene) => {
      const daemon = await scene.daemon();
      const stream = await openAfter(scene, () => daemon.send(ike({ spiI: 1 })));
      await stream.expectMessages(1);
      stream.reset();
      await scene.expectEvent("stream_ended");
      await sleep(QUIET);
      assert.equal(scene.dials.length, 1);
      daemon.send(ike({ spiI: 2 }));
      const next = await scene.accept();
      await next.expectMessages(1);
      assertOriginatorStream(next, [ike({ spiI: 2 })]);
    }, { limits: QUICK }),
  );

  it(
    "gives a message that was cut by the loss to nobody (R-FRM-16)",
    withOriginator(async (scene) => {
      const daemon = await scene.daemon();
      const stream = await openAfter(scene, () => daemon.send(ike()));
      await stream.write(frame(esp(5, 1)), frame(esp(5, 2, 1000)).subarray(0, 500));
      await daemon.expect(esp(5, 1));
      await stream.end();
      const next = await scene.accept();
      await next.send(esp(5, 3));
      await daemon.expect(esp(5, 3));
      assert.equal(scene.counters.partial, 1);
    }, { limits: QUICK }),
  );

  it(
    "spaces attempts with growing delays up to a bound while the other end refuses (R-REC-11)",
    withOriginator(async (scene) => {
      scene.refusal = new TransportError("ERR_TRANSPORT_REFUSED", "Cannot connect: connection refused");
      const daemon = await scene.daemon();
      daemon.send(ike());
      await scene.expectEvent("stream_failed", 6);
      const delays = scene.eventsOf("stream_failed").map(({ retryIn }) => retryIn);
      for (const [i, whole] of [20, 40, 80, 80, 80, 80].entries()) {
        assert.ok(delays[i]! >= whole * 0.75 && delays[i]! <= whole, `${delays}`);
      }
      for (let i = 1; i < 6; i++) {
        const gap = scene.dials[i]! - scene.dials[i - 1]!;
        assert.ok(gap >= delays[i - 1]! - 2, `expected a gap of ${delays[i - 1]} ms, got ${gap}`);
      }
      assert.equal(scene.eventsOf("stream_failed")[0]!.error.code, "ERR_TRANSPORT_REFUSED");
      scene.refusal = undefined;
      const stream = await scene.accept();
      await stream.expectMessages(1);
      assertOriginatorStream(stream, [ike()]);
      assert.ok(scene.counters.streamsFailed >= 6);
    }, { limits: QUICK }),
  );

  it(
    "makes an error of its own of whatever a dial function throws",
    withOriginator(async (scene) => {
      scene.refusal = new Error("out of luck");
      (await scene.daemon()).send(ike());
      const { error } = await scene.expectEvent("stream_failed");
      assert.equal(error.code, "ERR_TRANSPORT_FAILED");
      assert.match(error.message, /^Cannot open stream: out of luck$/);
    }, { limits: QUICK }),
  );

  it(
    "does not turn in circles when the other end accepts and closes at once, even while the daemon floods",
    withOriginator(async (scene) => {
      const daemon = await scene.daemon();
      let closing = true;
      const closer = (async () => {
        while (closing) await (await scene.accept()).end().catch(() => {});
      })();
      const until = performance.now() + 500;
      for (let i = 1; performance.now() < until; i++) {
        daemon.send(esp(5, i));
        await sleep(1);
      }
      // 20 + 40 + 80 + 80 … ms, each shortened by up to a quarter: at most 10 fit into half a second.
      assert.ok(scene.dials.length <= 11, `expected at most 11 attempts, got ${scene.dials.length}`);
      assert.ok(scene.dials.length >= 3, `expected several attempts, got ${scene.dials.length}`);
      // R-MBX-3: whoever dials learns that a way leads nowhere, and may take another.
      assert.deepEqual(scene.unanswered, scene.dials.map((_, i) => i));
      closing = false;
      let ended = false;
      const end = closer.finally(() => ended = true);
      // What meets a stream that is just being closed is lost with it; a daemon sends again.
      while (!ended) {
        daemon.send(ike());
        await sleep(20);
      }
      await end;
    }, { limits: QUICK }),
  );

  it(
    "says what is wrong with a responder that echoes the prefix, and with one that sends something else",
    withOriginator(async (scene) => {
      const first = await openStream(scene);
      await first.write(PREFIX);
      assert.equal((await scene.expectEvent("stream_ended", 1)).error?.code, "ERR_ENCAP_PREFIX_ECHO");
      const second = await openStream(scene);
      await second.write(length(1));
      assert.equal((await scene.expectEvent("stream_ended", 2)).error?.code, "ERR_ENCAP_LENGTH");
      assert.equal(scene.counters.streamsFaulty, 2);
    }, { limits: QUICK }),
  );

  it(
    "says what it is that answers in another protocol, however its greeting is cut",
    withOriginator(async (scene) => {
      const greetings: readonly [string | Uint8Array, RegExp][] = [
        ["SSH-2.0-OpenSSH_9.2p1\r\n", /^Cannot read stream: .* 53 53 48 2d .*: this looks like SSH$/],
        ["HTTP/1.1 400 Bad Request\r\n\r\n", /: this looks like an HTTP response; .*ws:\/\/ may be meant$/],
        [
          Uint8Array.of(0x15, 3, 3, 0, 2, 2, 70),
          /: this looks like TLS; a carrier of tls:\/\/ may be meant$/,
        ],
      ];
      let streams = 0;
      for (const [greeting, message] of greetings) {
        const octets = typeof greeting === "string" ? text(greeting) : greeting;
        for (const cut of [octets.byteLength, 3]) {
          const stream = await openStream(scene);
          for (let i = 0; i < octets.byteLength && stream.ending === undefined; i += cut) {
            await stream.write(octets.subarray(i, i + cut)).catch(() => {});
          }
          const { error } = await scene.expectEvent("stream_ended", ++streams);
          assert.equal(error?.code, "ERR_RELAY_FOREIGN_PROTOCOL");
          assert.match(error.message, message);
        }
      }
      // A message that only begins alike passes.
      const stream = await openStream(scene);
      await stream.write(length(0x4854), text("TP"), new Uint8Array(0x4854 - 4));
      await until(() => scene.counters.messagesFromStream === 1, "it passes");
    }, { limits: QUICK }),
  );

  it(
    "sends what came while the stream was being opened, IKE first",
    withOriginator(async (scene) => {
      scene.refusal = new TransportError("ERR_TRANSPORT_REFUSED", "Cannot connect: connection refused");
      const daemon = await scene.daemon();
      const messages = [esp(5, 1), esp(5, 2), ike({ spiI: 1 }), esp(5, 3), ike({ spiI: 2 })];
      for (const message of messages) daemon.send(message);
      await scene.expectEvent("stream_failed");
      await sleep(20);
      scene.refusal = undefined;
      const stream = await scene.accept();
      await stream.expectMessages(5);
      assertOriginatorStream(stream, [2, 4, 0, 1, 3].map((i) => messages[i]!));
    }, { limits: QUICK }),
  );

  it(
    "sends what waits when it is closed, and ends every stream in order",
    withOriginator(async (scene) => {
      const streams = [await openStream(scene), await openStream(scene)];
      const ends = streams.map(async (stream) => {
        assert.equal(await stream.expectEnd(), "end");
        await stream.end();
      });
      assert.ok(await settlesWithin(scene.relay.close(), 5000), "closes");
      await Promise.all(ends);
      await scene.relay.closed;
      for (const { error } of scene.eventsOf("stream_ended")) assert.equal(error, undefined);
      assert.deepEqual([scene.counters.peers, scene.counters.streams], [0, 0]);
      await scene.relay.close(); // again
    }),
  );

  it(
    "can be closed while a stream is being opened, and while it waits for the next attempt",
    withOriginator(async (scene) => {
      const daemon = await scene.daemon();
      daemon.send(ike());
      await until(() => scene.dials.length === 1, "it dials");
      scene.refusal = new TransportError("ERR_TRANSPORT_REFUSED", "Cannot connect: connection refused");
      (await scene.daemon()).send(ike());
      await scene.expectEvent("stream_failed");
      assert.ok(await settlesWithin(scene.relay.close(), 5000), "closes");
      const dials = scene.dials.length;
      await sleep(QUIET);
      assert.equal(scene.dials.length, dials);
    }),
  );

  it(
    "sends the daemon's messages of one read in one order",
    withOriginator(async (scene) => {
      const daemon = await scene.daemon();
      const stream = await openAfter(scene, () => daemon.send(ike()));
      await daemon.sendMany(Array.from({ length: 500 }, (_, i) => esp(5, i, 200)));
      const [, ...messages] = await stream.expectMessages(501);
      assert.deepEqual(messages.map(sequenceOf), Array.from({ length: 500 }, (_, i) => i));
    }),
  );
});

async function openAfter(scene: OriginatorScene, step: () => unknown): Promise<RawStream> {
  step();
  return await scene.accept();
}
