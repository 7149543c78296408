/** The relay beside a responder's daemon, with real sockets: what crosses, how streams begin, and how they end. */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { concat } from "../../lib/bytes/mod.ts";
import { EncapError } from "../../lib/errors.ts";
import { ResponderRelay } from "../../lib/relay/mod.ts";
import { listenTcp } from "../../lib/runtime/mod.ts";
import { cutsOf } from "../_support/cuts.ts";
import { settlesWithin, sleep, until } from "../_support/streams.ts";
import { esp, frame, ike, ikeSaInit, KEEPALIVE, length, PREFIX, text } from "./_messages.ts";
import { IPV4, QUIET, withResponder } from "./_scene.ts";

describe("ResponderRelay", () => {
  it(
    "hands messages to the daemon octet for octet, markers included (R-FRM-3, R-FRM-17)",
    withResponder(async (scene) => {
      const messages = [
        ikeSaInit(1, 1500),
        ike({ spiI: 1 }),
        esp(5, 1),
        esp(5, 2, 4),
        esp(5, 3, 8000),
        ike(),
      ];
      await scene.client(...messages);
      for (const message of messages) await scene.daemon.expect(message);
      assert.equal(scene.counters.messagesFromStream, 6);
      assert.equal(scene.counters.octetsFromStream, concat(messages).byteLength);
    }),
  );

  it(
    "hands the daemon's datagrams to the client octet for octet, without a prefix (R-PFX-3)",
    withResponder(async (scene) => {
      const client = await scene.client(ikeSaInit(1));
      const { from } = await scene.daemon.next();
      const answers = [ike({ spiI: 1, spiR: 9 }), ike(), ike({ body: 3000 })];
      for (const answer of answers) scene.daemon.send(answer, from);
      await client.expectMessages(3);
      scene.daemon.send(esp(5, 1, 4), from);
      scene.daemon.send(esp(5, 2, 9000), from);
      await client.expectMessages(5);
      assert.deepEqual(client.received, concat([...answers, esp(5, 1, 4), esp(5, 2, 9000)].map(frame)));
      assert.equal(scene.counters.messagesToStream, 5);
      assert.equal(scene.counters.octetsToStream, client.received.byteLength - 5 * 2);
    }),
  );

  it(
    "reads a stream alike however it is cut (R-PFX-6, R-FRM-14, R-FRM-15)",
    withResponder(async (scene) => {
      const messages = [ikeSaInit(1, 20), esp(5, 1, 30), esp(5, 2, 300), ike({ body: 40 })];
      const stream = concat([PREFIX, ...messages.map(frame)]);
      for (const { name, chunks } of cutsOf(stream)) {
        const client = await scene.connect();
        for (const chunk of chunks) await client.write(chunk);
        for (const message of messages) {
          const { data } = await scene.daemon.next();
          assert.deepEqual(new Uint8Array(data), message, name);
        }
        await client.release();
      }
    }),
  );

  it(
    "gives each client a socket of its own, so that no answer goes to another",
    withResponder(async (scene) => {
      const count = 20;
      const clients = await Promise.all(
        Array.from({ length: count }, (_, i) => scene.client(ikeSaInit(i + 1), esp(i + 1, 1))),
      );
      await until(() => scene.daemon.received.length === 2 * count, "all messages come");
      const ports = new Map<number, number>();
      for (const { data, from } of scene.daemon.received) {
        if (data[0] !== 0 || data[3] === 0) continue; // ESP
        ports.set(data[3]!, from.port);
      }
      assert.equal(new Set(ports.values()).size, count);
      for (const [spi, port] of ports) scene.daemon.send(esp(spi, 2), { ...IPV4, port });
      for (const [i, client] of clients.entries()) {
        assert.deepEqual(await client.expectMessages(1), [esp(i + 1, 2)]);
      }
      assert.equal(scene.counters.streams, count);
    }),
  );

  it(
    "works over IPv6",
    withResponder(async (scene) => {
      const client = await scene.client(ikeSaInit(1));
      const { from } = await scene.daemon.expect(ikeSaInit(1));
      assert.equal(from.hostname, "::1");
      scene.daemon.send(ike(), from);
      assert.deepEqual(await client.expectMessages(1), [ike()]);
    }, { hostname: "::1" }),
  );

  it(
    "drops keepalives, empty messages and runts of a client in silence (R-KAL-2, R-FRM-8, R-FRM-18)",
    withResponder(async (scene) => {
      const client = await scene.client(ike());
      await scene.daemon.expect(ike());
      await client.write(frame(KEEPALIVE), length(2), frame(Uint8Array.of(1, 2, 3)), frame(Uint8Array.of(0)));
      await client.send(esp(5, 1));
      await scene.daemon.expect(esp(5, 1));
      const { keepalives, empty, runts, streamsFaulty } = scene.counters;
      assert.deepEqual({ keepalives, empty, runts, streamsFaulty }, {
        keepalives: 1,
        empty: 1,
        runts: 2,
        streamsFaulty: 0,
      });
    }),
  );

  it(
    "swallows keepalives and runts of the daemon (R-KAL-1)",
    withResponder(async (scene) => {
      const client = await scene.client(ike());
      const { from } = await scene.daemon.next();
      for (const data of [KEEPALIVE, Uint8Array.of(1), new Uint8Array(3), esp(5)]) {
        scene.daemon.send(data, from);
      }
      assert.deepEqual(await client.expectMessages(1), [esp(5)]);
      assert.equal(scene.counters.keepalives, 1);
      assert.equal(scene.counters.runts, 2);
    }),
  );

  it(
    "never dials a client that has gone (R-REC-4), and counts what the daemon still sends it",
    withResponder(async (scene) => {
      const client = await scene.client(ike());
      const { from } = await scene.daemon.next();
      client.reset();
      await scene.expectEvent("stream_ended");
      scene.daemon.send(ike(), from);
      scene.daemon.send(esp(5), from);
      await until(() => scene.counters.datagramsDropped === 2, "both are counted");
      assert.equal(scene.counters.streams, 0);
      assert.equal(scene.counters.streamsOpened, 1);
    }),
  );

  it(
    "keeps the client's socket open for answers when the client only half-closes",
    withResponder(async (scene) => {
      const client = await scene.client(ikeSaInit(1));
      await client.end();
      const { from } = await scene.daemon.next();
      await sleep(20);
      scene.daemon.send(ike({ spiI: 1, spiR: 2 }), from);
      assert.deepEqual(await client.expectMessages(1), [ike({ spiI: 1, spiR: 2 })]);
      assert.equal(await client.expectEnd(), "end");
      assert.equal((await scene.expectEvent("stream_ended")).error, undefined);
    }),
  );

  it(
    "delivers what came before a fatal Length, then resets the connection (R-FRM-7)",
    withResponder(async (scene) => {
      const client = await scene.connect();
      await client.write(PREFIX, frame(ike()), frame(esp(5, 1)), length(1), frame(esp(5, 2)));
      await scene.daemon.expect(ike());
      await scene.daemon.expect(esp(5, 1));
      await client.expectEnd();
      const { error } = await scene.expectEvent("stream_ended");
      assert.equal(error?.code, "ERR_ENCAP_LENGTH");
      await scene.daemon.expectNothing();
      assert.equal(scene.counters.streamsFaulty, 1);
      assert.equal(scene.counters.streams, 0);
    }),
  );

  it(
    "sends no octet to who sends a wrong prefix, and says what it looks like (R-PFX-11, R-PFX-12)",
    withResponder(async (scene) => {
      const openings: readonly [Uint8Array, RegExp][] = [
        [text("GET / HTTP/1.1\r\nHost: gw\r\n\r\n"), /47 45 54 20.*: this looks like an HTTP request$/],
        [Uint8Array.of(0x16, 3, 1, 0, 200, 1, 0, 0, 196), /16 03 01.*: this looks like a TLS ClientHello/],
        [text("SSH-2.0-OpenSSH_9.2\r\n"), /53 53 48 2d.*: this looks like SSH$/],
        [text("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"), /: this looks like a PROXY protocol header/],
        [frame(ikeSaInit(1)), /: this looks like messages of RFC 9329 without the prefix$/],
        [text("IKETCQ"), /got 49 4b 45 54 43 51$/],
      ];
      for (const [i, [octets, message]] of openings.entries()) {
        const client = await scene.connect();
        await client.write(octets);
        await client.expectEnd();
        assert.equal(client.received.byteLength, 0);
        const { error } = await scene.expectEvent("stream_ended", i + 1);
        assert.ok(error instanceof EncapError);
        assert.equal(error.code, "ERR_ENCAP_PREFIX");
        assert.deepEqual(error.octets, octets.subarray(0, 16));
        assert.match(error.message, message);
      }
      await scene.daemon.expectNothing();
      assert.equal(scene.endpoints.length, 0);
      assert.equal(scene.counters.streamsFaulty, openings.length);
    }),
  );

  it(
    "goes on with others when a client's UDP socket cannot be opened",
    async () => {
      const events: unknown[] = [];
      const listener = await listenTcp(IPV4);
      const relay = new ResponderRelay({
        listener,
        openEndpoint: () => Promise.reject(new Error("no sockets left")),
        onEvent: (event) => events.push(event),
      });
      const { connectTcp } = await import("../../lib/runtime/mod.ts");
      for (let i = 1; i <= 2; i++) {
        const connection = await connectTcp(listener.address);
        const writer = connection.writable.getWriter();
        await writer.write(concat([PREFIX, frame(ike())]));
        await until(() => relay.counters.streamsOpened === i && relay.counters.streams === 0, "it is ended");
        await writer.abort().catch(() => {});
      }
      await relay.close();
      assert.match(
        JSON.stringify(events.at(-1), (_, value) => value instanceof Error ? value.message : value),
        /no sockets left/,
      );
    },
  );

  it(
    "counts messages that no datagram can hold",
    withResponder(async (scene) => {
      await scene.client(esp(5, 1, 65533), esp(5, 2));
      await scene.daemon.expect(esp(5, 2));
      await until(() => scene.counters.datagramsUnsent > 0, "it is counted"); // twice by Bun, which also reports it later
    }),
  );

  it(
    "sends what waits when it is closed, ends every stream in order, and accepts no more",
    withResponder(async (scene) => {
      const clients = await Promise.all([1, 2, 3].map((i) => scene.client(esp(i))));
      for (let i = 0; i < 3; i++) {
        const { from } = await scene.daemon.next();
        scene.daemon.send(ike({ spiI: 9 }), from);
      }
      for (const client of clients) await client.expectMessages(1);
      const closed = scene.relay.close();
      for (const client of clients) assert.equal(await client.expectEnd(), "end");
      await closed;
      await scene.relay.closed;
      for (const { error } of scene.eventsOf("stream_ended")) assert.equal(error, undefined);
      await assert.rejects(scene.connect());
      await scene.relay.close(); // again
    }),
  );

  it(
    "can be closed while clients are in any state",
    withResponder(async (scene) => {
      const states = [[], [PREFIX.subarray(0, 3)], [PREFIX], [PREFIX, length(50)], [PREFIX, frame(ike())]];
      for (const octets of states) await (await scene.connect()).write(...octets);
      await scene.connect({ reading: false });
      await until(() => scene.counters.streamsOpened === states.length + 1, "all are accepted");
      assert.ok(await settlesWithin(scene.relay.close(), 5000), "closes");
      assert.equal(scene.counters.streams, 0);
    }),
  );

  it(
    "forgets a cut message with its stream: the next one starts clean (R-FRM-16)",
    withResponder(async (scene) => {
      const client = await scene.connect();
      await client.write(PREFIX, frame(ike()), frame(esp(5, 1, 500)).subarray(0, 300));
      await scene.daemon.expect(ike());
      await client.end();
      await client.expectEnd();
      await until(() => scene.counters.partial === 1, "it is counted");
      await scene.client(esp(5, 2));
      await scene.daemon.expect(esp(5, 2));
    }),
  );

  it(
    "holds a client back while its socket has no room, rather than lose what it sends",
    withResponder(async (scene) => {
      const client = await scene.client(esp(5, 1));
      await scene.daemon.expect(esp(5, 1));
      let resume!: () => void;
      let full: Promise<void> | undefined = new Promise((resolve) => resume = resolve);
      Object.defineProperty(scene.endpoints[0]!, "ready", { get: () => full });
      await client.send(esp(5, 2));
      await scene.daemon.expect(esp(5, 2));
      await client.send(esp(5, 3));
      await scene.daemon.expectNothing();
      await (await scene.client(esp(6, 1))).send(esp(6, 2)); // another client has a socket of its own
      await scene.daemon.expect(esp(6, 1));
      await scene.daemon.expect(esp(6, 2));
      full = undefined;
      resume();
      await scene.daemon.expect(esp(5, 3));
    }),
  );

  it(
    "tells nobody about a connection before its first octet",
    withResponder(async (scene) => {
      const client = await scene.connect();
      await sleep(QUIET);
      assert.equal(client.received.byteLength, 0);
      assert.equal(scene.endpoints.length, 0);
    }),
  );
});
