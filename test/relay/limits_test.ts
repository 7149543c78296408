/**
 * One test for each limit of the relay (DESIGN.md, section 3.7): a relay whose limit is low reaches it, and what then happens.
 * The table is a record, so that a limit without a test does not compile, and is noticed when it runs, too.
 */

import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { TransportError } from "../../lib/errors.ts";
import { RELAY_LIMITS, type RelayLimitName, relayLimits } from "../../lib/relay/mod.ts";
import { connectTcp as connectRaw } from "../../lib/runtime/node_tcp.ts";
import { openBlackHole } from "../_support/black_hole.ts";
import { settlesWithin, sleep, until } from "../_support/streams.ts";
import { esp, frame, ike, ikeSaInit, PREFIX, sequenceOf } from "./_messages.ts";
import {
  type OriginatorScene,
  QUIET,
  RawStream,
  type ResponderScene,
  withOriginator,
  withResponder,
} from "./_scene.ts";

/** Reaches a limit, on a relay of its own. */
interface LimitTest {
  /** What happens then. */
  readonly then: string;
  readonly run: () => Promise<void>;
}

const REFUSAL = new TransportError("ERR_TRANSPORT_REFUSED", "Cannot connect: connection refused");

/** What a queue counts for a message over its octets. */
const OVERHEAD = 64;

const TESTS: Readonly<Record<RelayLimitName, LimitTest>> = {
  prefix_timeout: {
    then: "the stream is reset, unless the prefix is whole by then",
    run: withResponder(async (scene) => {
      const silent = await scene.connect();
      const slow = await scene.connect();
      await slow.write(PREFIX.subarray(0, 5));
      const whole = await scene.connect();
      await whole.write(PREFIX);
      await Promise.all([silent.expectEnd(), slow.expectEnd()]);
      await scene.expectEvent("stream_ended", 2);
      for (const { error } of scene.eventsOf("stream_ended")) {
        assert.equal(error?.code, "ERR_RELAY_PREFIX_TIMEOUT");
        assert.match(error.message, /expected the prefix within 80 ms$/);
      }
      await whole.send(ike());
      await scene.daemon.expect(ike());
    }, { limits: { prefix_timeout: 80 } }),
  },

  first_message_timeout: {
    then: "the stream is reset, unless a message has come",
    run: withResponder(async (scene) => {
      const busy = await scene.client(ike());
      await scene.daemon.expect(ike());
      const silent = await scene.client();
      await silent.expectEnd();
      assert.equal(
        (await scene.expectEvent("stream_ended")).error?.code,
        "ERR_RELAY_FIRST_MESSAGE_TIMEOUT",
      );
      await busy.send(esp(5));
      await scene.daemon.expect(esp(5));
      assert.equal(scene.counters.streamsFaulty, 1);
    }, { limits: { first_message_timeout: 150 } }),
  },

  stream_idle_time: {
    then: "the stream is ended in order; traffic in either direction keeps it",
    run: withResponder(async (scene) => {
      const idle = await scene.client(ikeSaInit(1));
      await scene.daemon.next();
      const busy = await scene.client(ikeSaInit(2));
      const { from } = await scene.daemon.next();
      for (let i = 0; idle.ending === undefined; i++) {
        if (i % 2 === 0) scene.daemon.send(ike(), from);
        else await busy.send(esp(5, i));
        await sleep(20);
      }
      assert.equal(idle.ending, "end");
      await idle.end();
      assert.equal((await scene.expectEvent("stream_ended")).error, undefined);
      assert.equal(busy.ending, undefined);
    }, { limits: { stream_idle_time: 400 } }),
  },

  max_connections: {
    then: "the next connection is reset at once, until one has ended",
    run: withResponder(async (scene) => {
      await expectRefusal(scene, "max_connections", ike());
    }, { limits: { max_connections: 2 } }),
  },

  max_half_open: {
    then: "the next connection is reset at once, until one has sent a message",
    run: withResponder(async (scene) => {
      const first = await expectRefusal(scene, "max_half_open");
      await first.send(ike());
      await scene.daemon.expect(ike());
      await scene.client(esp(6));
      await scene.daemon.expect(esp(6));
    }, { limits: { max_half_open: 2 } }),
  },

  max_connections_per_source: {
    then: "the next connection of that address is reset at once, one of another address is not",
    run: withResponder(async (scene) => {
      await expectRefusal(scene, "max_connections_per_source", ike());
      const localAddress = { hostname: "127.0.0.9", port: 0 };
      const other = new RawStream(await connectRaw(scene.address, { localAddress }));
      await other.write(PREFIX, frame(esp(7)));
      await scene.daemon.expect(esp(7));
      await other.release();
    }, { limits: { max_connections_per_source: 2 } }),
  },

  max_kept_sockets: {
    then: "the UDP socket that has waited longest is closed",
    run: withResponder(async (scene) => {
      const ports: number[] = [];
      for (const spi of [1, 2, 3]) ports.push(await visit(scene, esp(spi)));
      assert.notEqual(await visit(scene, esp(1)), ports[0]); // and pushes the second one out
      assert.equal(await visit(scene, esp(3)), ports[2]);
      assert.notEqual(await visit(scene, esp(2)), ports[1]);
    }, { limits: { max_kept_sockets: 2 } }),
  },

  kept_socket_time: {
    then: "the UDP socket of an ended stream is closed",
    run: withResponder(async (scene) => {
      const port = await visit(scene, esp(1));
      assert.equal(await visit(scene, esp(1)), port);
      await sleep(450);
      assert.notEqual(await visit(scene, esp(1)), port);
    }, { limits: { kept_socket_time: 300 } }),
  },

  max_peers: {
    then: "the next UDP peer is not heard, and counted",
    run: withOriginator(async (scene) => {
      for (let i = 1; i <= 2; i++) {
        (await scene.daemon()).send(ikeSaInit(i));
        await (await scene.accept()).expectMessages(1);
      }
      (await scene.daemon()).send(ikeSaInit(3));
      await until(() => scene.counters.peersRefused === 1, "it is counted");
      assert.equal(scene.counters.peers, 2);
      assert.equal(scene.dials.length, 2);
    }, { limits: { max_peers: 2 } }),
  },

  peer_idle_time: {
    then: "the UDP peer is forgotten and its stream ended in order; traffic in either direction keeps it",
    run: withOriginator(async (scene) => {
      const [idle, busy] = [await scene.daemon(), await scene.daemon()];
      idle.send(ikeSaInit(1));
      const idleStream = await scene.accept();
      await idleStream.expectMessages(1);
      busy.send(ikeSaInit(2));
      const busyStream = await scene.accept();
      for (let i = 0; idleStream.ending === undefined; i++) {
        if (i % 2 === 0) busy.send(esp(5, i));
        else await busyStream.send(esp(6, i));
        await sleep(20);
      }
      assert.equal(idleStream.ending, "end");
      await idleStream.end();
      const { client } = await scene.expectEvent("peer_forgotten");
      assert.equal(client.port, idle.address.port);
      assert.equal((await scene.expectEvent("stream_ended")).error, undefined);
      assert.equal(busyStream.ending, undefined);
      assert.equal(scene.counters.peers, 1);
    }, { limits: { peer_idle_time: 400 } }),
  },

  max_opening_datagrams: {
    then: "the oldest ESP packets that wait for the stream go",
    run: withOriginator(async (scene) => {
      scene.refusal = REFUSAL;
      const daemon = await scene.daemon();
      for (const message of [esp(5, 1), esp(5, 2), ike(), esp(5, 3), esp(5, 4)]) daemon.send(message);
      await until(() => scene.counters.datagramsDropped === 2, "two are dropped");
      scene.refusal = undefined;
      const stream = await scene.accept();
      assert.deepEqual(await stream.expectMessages(3), [ike(), esp(5, 3), esp(5, 4)]);
    }, { limits: { max_opening_datagrams: 3, reconnect_delay: 20 } }),
  },

  max_opening_octets: {
    then: "the oldest ESP packets that wait for the stream go",
    run: withOriginator(async (scene) => {
      scene.refusal = REFUSAL;
      const daemon = await scene.daemon();
      for (let i = 1; i <= 5; i++) daemon.send(esp(5, i, 100));
      await until(() => scene.counters.datagramsDropped === 3, "three are dropped");
      scene.refusal = undefined;
      const stream = await scene.accept();
      assert.deepEqual((await stream.expectMessages(2)).map(sequenceOf), [4, 5]);
    }, { limits: { max_opening_octets: 2 * (100 + OVERHEAD), reconnect_delay: 20 } }),
  },

  max_queue: {
    then: "the oldest ESP packets that wait for a slow stream go, and IKE overtakes those that are left",
    run: withOriginator(async (scene) => {
      const daemon = await scene.daemon();
      daemon.send(esp(5, 0));
      const stream = await scene.accept({ reading: false });
      let sent = 0;
      while (scene.counters.datagramsDropped <= 1) { // the system's own buffers hold megabytes
        const packets = Array.from({ length: 5 }, () => esp(5, ++sent, 8000));
        await daemon.sendMany(packets);
        await sleep(1); // the relay reads these before more come: what the system has no room for, nobody counts
      }
      daemon.send(ike());
      daemon.send(esp(5, ++sent));
      await until(() => scene.counters.datagramsDropped > 1, "one more is dropped for them");
      stream.startReading();
      await until(
        () => scene.counters.messagesToStream + scene.counters.datagramsDropped === sent + 2,
        "all go",
      );
      const messages = await stream.expectMessages(scene.counters.messagesToStream);
      const last = messages.slice(messages.findIndex((message) => message.byteLength === ike().byteLength));
      assert.deepEqual(last[0], ike());
      assert.equal(sequenceOf(last.at(-1)!), sent);
      const octets = last.reduce((sum, message) => sum + message.byteLength + OVERHEAD, 0);
      assert.ok(octets <= 100_000, `expected at most 100000 octets in the queue, got ${octets}`);
    }, { limits: { max_queue: 100_000 } }),
  },

  max_message_length: {
    then: "the stream is reset, on either side; a message of just that length passes",
    run: async () => {
      const limits = { max_message_length: 200 };
      await withResponder(async (scene) => {
        await (await scene.client()).send(esp(5, 1, 200), esp(5, 2, 201), esp(5, 3));
        await scene.daemon.expect(esp(5, 1, 200));
        assert.equal((await scene.expectEvent("stream_ended")).error?.code, "ERR_ENCAP_MESSAGE_TOO_LONG");
        await scene.daemon.expectNothing();
      }, { limits })();
      await withOriginator(async (scene) => {
        const daemon = await scene.daemon();
        daemon.send(ike());
        await (await scene.accept()).send(esp(5, 1, 200), esp(5, 2, 201), esp(5, 3));
        await daemon.expect(esp(5, 1, 200));
        assert.equal((await scene.expectEvent("stream_ended")).error?.code, "ERR_ENCAP_MESSAGE_TOO_LONG");
        await daemon.expectNothing();
      }, { limits })();
    },
  },

  connect_timeout: {
    then: "the attempt is given up, and another follows",
    run: async () => {
      const hole = await openBlackHole();
      try {
        await withOriginator(async (scene) => {
          const { target } = scene;
          scene.target = hole.address;
          (await scene.daemon()).send(ike());
          const { error } = await scene.expectEvent("stream_failed");
          assert.equal(error.code, "ERR_TRANSPORT_TIMEOUT");
          assert.match(error.message, /no answer within 0.15 s$/);
          scene.target = target;
          assert.deepEqual(await (await scene.accept()).expectMessages(1), [ike()]);
        }, { limits: { connect_timeout: 150, reconnect_delay: 20 } })();
      } finally {
        await hole.close();
      }
    },
  },

  reconnect_delay: {
    then: "the second attempt comes after it, less a quarter at most, the third after twice that",
    run: withOriginator(async (scene) => {
      assertBetween(await delaysOf(2, scene), [[90, 120], [180, 240]]);
    }, { limits: { reconnect_delay: 120 } }),
  },

  max_reconnect_delay: {
    then: "attempts come no further apart",
    run: withOriginator(async (scene) => {
      assertBetween(await delaysOf(4, scene), [[15, 20], [24, 32], [24, 32], [24, 32]]);
    }, { limits: { reconnect_delay: 20, max_reconnect_delay: 32 } }),
  },

  stable_stream_time: {
    then: "the next stream is opened without delay",
    run: withOriginator(async (scene) => {
      const daemon = await scene.daemon();
      daemon.send(ike());
      for (const stable of [true, false]) {
        const stream = await scene.accept();
        await stream.send(esp(5)); // who has answered is dialled again without being asked
        await daemon.expect(esp(5));
        if (stable) await sleep(350);
        const dials = scene.dials.length;
        const began = performance.now();
        stream.reset();
        await until(() => scene.dials.length > dials, "it dials");
        const delay = scene.dials.at(-1)! - began;
        assert.ok(stable ? delay < 500 : delay >= 700, `stable: ${stable}, got ${delay} ms`);
      }
      assert.deepEqual(scene.unanswered, [0, 0, 0], "each stream had answered");
    }, { limits: { stable_stream_time: 300, reconnect_delay: 60_000, max_reconnect_delay: 60_000 } }),
  },

  unanswered_request_time: {
    then: "the stream is reset, and the request goes out on a new one",
    run: withOriginator(async (scene) => {
      const daemon = await scene.daemon();
      const request = ikeSaInit(1);
      daemon.send(request);
      const dead = await scene.accept();
      await dead.expectMessages(1);
      while (scene.eventsOf("stream_ended").length === 0) {
        daemon.send(request);
        await sleep(20);
      }
      assert.equal(scene.eventsOf("stream_ended")[0]!.error?.code, "ERR_RELAY_UNANSWERED");
      await dead.expectEnd();
      const next = await scene.accept();
      assert.deepEqual((await next.expectMessages(1))[0], request);

      // Any answer shows that the path works, whatever the daemon goes on to send.
      const began = performance.now();
      while (performance.now() - began < 700) {
        daemon.send(request);
        await next.send(esp(5));
        await sleep(20);
      }
      assert.equal(scene.eventsOf("stream_ended").length, 1);
    }, { limits: { unanswered_request_time: 300, reconnect_delay: 20 } }),
  },

  stalled_write_time: {
    then: "a stream that takes nothing is reset, though no request is unanswered, and another one carries",
    run: withOriginator(async (scene) => {
      const daemon = await scene.daemon();
      daemon.send(esp(5));
      const dead = await scene.accept({ reading: false });
      while (scene.eventsOf("stream_ended").length === 0) {
        await daemon.sendMany(Array.from({ length: 50 }, (_, i) => esp(5, i, 8000)));
      }
      assert.equal(scene.eventsOf("stream_ended")[0]!.error?.code, "ERR_RELAY_STALLED");
      const next = await scene.accept();
      daemon.send(esp(6));
      await next.expectMessages(1);
      // One that takes what there is lives on.
      await sleep(400);
      assert.equal(scene.eventsOf("stream_ended").length, 1);
      dead.reset();
    }, { limits: { stalled_write_time: 200, reconnect_delay: 20 } }),
  },

  close_timeout: {
    then: "a stream that takes no more is reset",
    run: withResponder(async (scene) => {
      const client = await scene.connect({ reading: false });
      await client.write(PREFIX, frame(ike()));
      const { from } = await scene.daemon.expect(ike());
      while (scene.counters.datagramsDropped === 0) {
        await scene.daemon.sendMany(Array.from({ length: 50 }, (_, i) => esp(5, i, 8000)), from);
      }
      assert.ok(await settlesWithin(scene.relay.close(), 5000), "closes");
      assert.equal((await scene.expectEvent("stream_ended")).error?.code, "ERR_RELAY_CLOSE_TIMEOUT");
    }, { limits: { close_timeout: 100, max_queue: 100_000 } }),
  },
};

describe("A limit of the relay", () => {
  for (const [name, { then, run }] of Object.entries(TESTS)) it(`${name}: ${then}`, run);

  it("has a test, whatever its name", () => {
    assert.deepEqual(Object.keys(TESTS).sort(), Object.keys(RELAY_LIMITS).sort());
  });

  it("has the default of DESIGN.md, and is a whole number of its range", () => {
    const defaults = relayLimits();
    for (const [name, { default: usual, most }] of Object.entries(RELAY_LIMITS)) {
      assert.equal(defaults[name as RelayLimitName], usual);
      for (const value of [0, -1, 1.5, NaN, most + 1]) {
        assert.throws(() => relayLimits({ [name]: value }), { name: "RangeError", code: "ERR_OPTION_RANGE" });
      }
      assert.equal(relayLimits({ [name]: most })[name as RelayLimitName], most);
    }
    const { prefix_timeout, first_message_timeout, max_connections, max_half_open } = defaults;
    assert.deepEqual([prefix_timeout, first_message_timeout], [10_000, 30_000]);
    assert.deepEqual([max_connections, max_half_open, defaults.max_connections_per_source], [
      10_000,
      1000,
      100,
    ]);
    assert.deepEqual([defaults.max_message_length, defaults.max_queue], [65533, 1_048_576]);
    assert.deepEqual([defaults.max_peers, defaults.peer_idle_time], [1000, 600_000]);
    assert.deepEqual([defaults.max_opening_datagrams, defaults.max_opening_octets], [64, 262_144]);
    assert.equal(defaults.kept_socket_time, 300_000);
    assert.equal(defaults.stalled_write_time, 60_000);
  });
});

/**
 * Two clients pass, a third is refused because of `limit`; when one of them has gone, the next passes. Gives a client that has
 * sent no more than `messages`.
 */
async function expectRefusal(
  scene: ResponderScene,
  limit: RelayLimitName,
  ...messages: Uint8Array[]
): Promise<RawStream> {
  const clients = [await scene.client(...messages), await scene.client(...messages)];
  await until(() => scene.counters.messagesFromStream === 2 * messages.length, "all messages come");
  await until(() => scene.counters.streams === 2, "both are accepted");
  // Within one process the reset may come before the connection is seen to be open.
  await scene.connect().then((refused) => refused.expectEnd(), ({ code }) => {
    assert.equal(code, "ERR_TRANSPORT_RESET");
  });
  assert.equal((await scene.expectEvent("stream_refused")).limit, limit);
  assert.equal(scene.counters.streamsRefused, 1);
  assert.equal(scene.counters.streamsFaulty, 0);

  clients[0]!.reset();
  await scene.expectEvent("stream_ended");
  const next = await scene.client(...messages);
  await until(() => scene.counters.streams === 2, "the next one is accepted");
  await sleep(QUIET);
  assert.equal(next.ending, undefined);
  for (const { data } of scene.daemon.received) assert.deepEqual(new Uint8Array(data), messages[0]);
  while (messages.length > 0 && scene.daemon.received.length < 3) await sleep(5);
  for (let i = 0; i < 3 * messages.length; i++) await scene.daemon.next();
  return next;
}

/** Sends a message on a stream of its own; gives the port from which the daemon heard it. */
async function visit(scene: ResponderScene, message: Uint8Array): Promise<number> {
  const ended = scene.eventsOf("stream_ended").length;
  const stream = await scene.client(message);
  const { from } = await scene.daemon.expect(message);
  stream.reset();
  await scene.expectEvent("stream_ended", ended + 1);
  return from.port;
}

/** The delays that a relay announces before its attempts to connect when all fail. */
async function delaysOf(count: number, scene: OriginatorScene): Promise<number[]> {
  scene.refusal = REFUSAL;
  (await scene.daemon()).send(ike());
  await scene.expectEvent("stream_failed", count);
  await until(() => scene.dials.length > count, "the attempts come");
  const delays = scene.eventsOf("stream_failed").slice(0, count).map(({ retryIn }) => retryIn);
  for (const [i, delay] of delays.entries()) {
    const gap = scene.dials[i + 1]! - scene.dials[i]!;
    assert.ok(gap >= delay - 2, `expected a gap of ${delay} ms, got ${gap}`);
  }
  return delays;
}

function assertBetween(values: readonly number[], bounds: readonly (readonly [number, number])[]): void {
  for (const [i, [least, most]] of bounds.entries()) {
    assert.ok(values[i]! >= least && values[i]! <= most, `expected ${least} to ${most}, got ${values}`);
  }
}
