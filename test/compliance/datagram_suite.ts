/** What every `DatagramEndpoint` must do, whatever carries it. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TransportError } from "../../lib/errors.ts";
import type { Datagram, DatagramEndpoint, UdpOptions } from "../../lib/transport/types.ts";
import { patternAt, rejection, settlesWithin, sleep, until } from "../_support/streams.ts";

/** What the suite must know of a carrier. */
export interface DatagramFixture {
  open(options?: UdpOptions): Promise<DatagramEndpoint>;
  /** An IP address of this machine to bind, and one that is not. */
  readonly hostname: string;
  readonly foreign: string;
  /** Whether an endpoint with a remote hears that nobody listens there. */
  readonly hearsRefusals: boolean;
}

/** Runs every case for a carrier. */
export function testDatagrams(name: string, fixture: DatagramFixture): void {
  const { open, hostname } = fixture;
  const local = { hostname, port: 0 };

  describe(name, () => {
    it("carries datagrams whole, and says who sent them", async () => {
      const [here, there] = [await open({ local }), await open({ local })];
      const received = collect(there, 4);
      for (const size of [1, 1400, 9000, 0]) here.send(patternAt(0, size), there.localAddress);
      const datagrams = await received;
      assert.deepEqual(
        datagrams.map(({ data }) => [...data]),
        [1, 1400, 9000, 0].map((size) => [...patternAt(0, size)]),
      );
      for (const { from, data } of datagrams) {
        assert.deepEqual(from, here.localAddress);
        assert.equal(data.constructor, Uint8Array);
      }
      await closeAll(here, there);
    });

    it("has a local address with the port that the system chose", async () => {
      const endpoint = await open({ local });
      assert.equal(endpoint.localAddress.hostname, hostname);
      assert.ok(endpoint.localAddress.port > 0);
      await closeAll(endpoint);
    });

    it("keeps the order in which they were sent", async () => {
      const [here, there] = [await open({ local }), await open({ local })];
      const sent = Array.from({ length: 40 }, (_, i) => i);
      const received = collect(there, sent.length);
      for (const i of sent) here.send(Uint8Array.of(i), there.localAddress);
      assert.deepEqual((await received).map(({ data }) => data[0]), sent);
      await closeAll(here, there);
    });

    it("gives everything that waits as one batch, and datagrams that belong to the reader", async () => {
      const [here, there] = [await open({ local }), await open({ local })];
      for (let i = 0; i < 50; i++) here.send(new Uint8Array(100).fill(i), there.localAddress);
      await sleep(100);
      const reader = there.readable.getReader();
      const { value: batch } = await reader.read();
      assert.equal(batch?.length, 50);
      for (const { data } of batch!) data.fill(0xff);
      here.send(Uint8Array.of(1, 2, 3), there.localAddress);
      const { value: next } = await reader.read();
      assert.deepEqual(next?.map(({ data }) => [...data]), [[1, 2, 3]]);
      await closeAll(here, there);
    });

    it("answers to where a datagram came from", async () => {
      const [here, there] = [await open({ local }), await open({ local })];
      here.send(Uint8Array.of(1), there.localAddress);
      const [question] = await collect(there, 1);
      there.send(Uint8Array.of(2), question!.from);
      const [answer] = await collect(here, 1);
      assert.deepEqual([...answer!.data], [2]);
      await closeAll(here, there);
    });

    it("with a remote needs no address to send to, and hears nobody else", async () => {
      const [server, stranger] = [await open({ local }), await open({ local })];
      const client = await open({ remote: server.localAddress });
      client.send(Uint8Array.of(1));
      const [question] = await collect(server, 1);
      assert.equal(question!.from.port, client.localAddress.port);
      stranger.send(Uint8Array.of(66), question!.from);
      server.send(Uint8Array.of(2), question!.from);
      stranger.send(Uint8Array.of(67), question!.from);
      client.send(Uint8Array.of(3), server.localAddress);
      await sleep(50);
      const { value: batch } = await client.readable.getReader().read();
      assert.deepEqual(batch?.map(({ data }) => [...data]), [[2]]);
      await closeAll(server, stranger, client);
    });

    it("with a remote and a local address binds the one and sends to the other", async () => {
      const server = await open({ local });
      const client = await open({ local, remote: server.localAddress });
      client.send(Uint8Array.of(1));
      const [question] = await collect(server, 1);
      assert.deepEqual(question!.from, client.localAddress);
      await closeAll(server, client);
    });

    it("drops the newest past its bound, counts them, and goes on once somebody reads", async () => {
      const [here, there] = [await open({ local }), await open({ local, maxReceiveQueue: 10_000 })];
      const sent = 50;
      for (let i = 0; i < sent; i++) here.send(new Uint8Array(872).fill(i), there.localAddress);
      await until(() => there.counters.receiveDropped === sent - 10, `${sent - 10} of ${sent} are dropped`);
      const reader = there.readable.getReader();
      const { value: batch } = await reader.read();
      assert.deepEqual(batch?.map(({ data }) => data[0]), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      here.send(Uint8Array.of(200), there.localAddress);
      const { value: next } = await reader.read();
      assert.deepEqual([...next![0]!.data], [200]);
      await closeAll(here, there);
    });

    it("bounds empty datagrams too", async () => {
      const [here, there] = [await open({ local }), await open({ local, maxReceiveQueue: 1280 })];
      for (let i = 0; i < 20; i++) here.send(new Uint8Array(0), there.localAddress);
      await until(() => there.counters.receiveDropped === 10, "10 of 20 are dropped");
      await closeAll(here, there);
    });

    it("drops and counts what is more than may wait to be sent", async () => {
      const [here, there] = [await open({ local, maxSendQueue: 1128 }), await open({ local })];
      here.send(new Uint8Array(1001), there.localAddress);
      assert.equal(here.counters.sendDropped, 1);
      here.send(new Uint8Array(1000), there.localAddress);
      const [datagram] = await collect(there, 1);
      assert.equal(datagram!.data.length, 1000);
      await closeAll(here, there);
    });

    it("says when there is room for more, so that who waits for it loses nothing", async () => {
      const [here, there] = [await open({ local, maxSendQueue: 12_000 }), await open({ local })];
      for (let batch = 0; batch < 20; batch++) {
        for (let i = 0; i < 8; i++) here.send(new Uint8Array(1000), there.localAddress);
        const { ready } = here;
        assert.notEqual(ready, undefined, "more than a quarter waits");
        await ready;
      }
      assert.deepEqual(here.counters, { receiveDropped: 0, sendDropped: 0, sendFailed: 0 });
      here.send(new Uint8Array(11_000), there.localAddress);
      const { ready } = here;
      await closeAll(here, there);
      await ready;
    });

    it("counts a datagram that is too long, and goes on", async () => {
      const [here, there] = [await open({ local }), await open({ local })];
      here.send(new Uint8Array(66_000), there.localAddress);
      await until(() => here.counters.sendFailed === 1, "it is counted");
      here.send(Uint8Array.of(1), there.localAddress);
      await collect(there, 1);
      await closeAll(here, there);
    });

    it("survives a port where nobody listens, and is heard there once somebody does", async () => {
      const gone = await open({ local });
      await gone.close();
      const here = await open({ remote: gone.localAddress });
      for (let i = 0; i < 3; i++) {
        here.send(Uint8Array.of(i));
        await sleep(20);
      }
      if (fixture.hearsRefusals) assert.ok(here.counters.sendFailed > 0);
      const there = await open({ local: gone.localAddress });
      // The refusal of an earlier datagram may still swallow one.
      here.send(Uint8Array.of(10));
      await sleep(20);
      here.send(Uint8Array.of(11));
      const [datagram] = await collect(there, 1);
      assert.ok(datagram!.data[0]! >= 10);
      await closeAll(here, there);
    });

    it("refuses addresses that no caller should pass", async () => {
      const [here, there] = [await open({ local }), await open({ local })];
      const client = await open({ remote: there.localAddress });
      const one = Uint8Array.of(1);
      assert.throws(() => here.send(one), { name: "TypeError", code: "ERR_OPTION_RANGE" });
      assert.throws(() => here.send(one, { hostname: "localhost", port: 4500 }), { name: "TypeError" });
      assert.throws(() => here.send(one, { hostname, port: 0 }), { name: "RangeError" });
      assert.throws(() => client.send(one, here.localAddress), { name: "TypeError" });
      assert.equal((await rejection(open({ remote: { hostname, port: 0 } }))).code, "ERR_OPTION_RANGE");
      assert.equal((await rejection(open({ local: { hostname, port: 65536 } }))).code, "ERR_OPTION_RANGE");
      assert.equal((await rejection(open({ local, maxReceiveQueue: -1 }))).code, "ERR_OPTION_RANGE");
      await closeAll(here, there, client);
    });

    it("says that the address is in use, not of this machine, or cannot be resolved", async () => {
      const first = await open({ local });
      const cases = [
        [{ local: first.localAddress }, "ERR_TRANSPORT_ADDRESS_IN_USE"],
        [{ local: { hostname: fixture.foreign, port: 0 } }, "ERR_TRANSPORT_ADDRESS_NOT_AVAILABLE"],
        [{ local: { hostname: "does-not-exist.invalid", port: 4500 } }, "ERR_TRANSPORT_RESOLVE"],
        [{ remote: { hostname: "does-not-exist.invalid", port: 4500 } }, "ERR_TRANSPORT_RESOLVE"],
      ] as const;
      for (const [options, code] of cases) {
        const error = await rejection(open(options));
        assert.ok(error instanceof TransportError);
        assert.equal(error.code, code);
        assert.match(error.message, /^Cannot open udp /);
      }
      await closeAll(first);
    });

    it("ends its reader when it closes, any number of times, and drops what is sent after", async () => {
      const [here, there] = [await open({ local }), await open({ local })];
      const read = here.readable.getReader().read();
      await Promise.all([here.close(), here.close()]);
      assert.equal((await read).done, true);
      here.send(Uint8Array.of(1), there.localAddress);
      assert.equal(here.counters.sendDropped, 1);
      const again = await open({ local: here.localAddress });
      await closeAll(again, there, here);
    });

    it("closes when its reader cancels", async () => {
      const here = await open({ local });
      await here.readable.cancel();
      await here.close();
      const again = await open({ local: here.localAddress });
      await closeAll(again);
    });

    it("closes when its signal aborts, before or later", async () => {
      const reason = new Error("why");
      assert.equal(await rejection(open({ local, signal: AbortSignal.abort(reason) })), reason);
      const controller = new AbortController();
      const here = await open({ local, signal: controller.signal });
      const read = here.readable.getReader().read();
      controller.abort(reason);
      assert.equal((await read).done, true);
      await here.close();
      const again = await open({ local: here.localAddress });
      await closeAll(again);
    });

    it("takes a flood without losing its way", async () => {
      const [here, there] = [await open({ local }), await open({ local })];
      const rounds = 200;
      let received = 0;
      const reading = (async () => {
        for await (const batch of there.readable) received += batch.length;
      })();
      for (let round = 0; round < rounds; round++) {
        for (let i = 0; i < 10; i++) here.send(new Uint8Array(1400), there.localAddress);
        await sleep(0);
      }
      await until(() => received + there.counters.receiveDropped >= rounds * 5, "at least half arrives");
      await closeAll(here, there);
      assert.ok(await settlesWithin(reading, 1000));
    });
  });
}

/** The next `count` datagrams, in as many batches as it takes. */
async function collect(endpoint: DatagramEndpoint, count: number): Promise<Datagram[]> {
  const datagrams: Datagram[] = [];
  const reader = endpoint.readable.getReader();
  while (datagrams.length < count) {
    const { done, value } = await reader.read();
    assert.ok(!done, `expected ${count} datagrams, the endpoint ended after ${datagrams.length}`);
    datagrams.push(...value);
  }
  reader.releaseLock();
  return datagrams;
}

async function closeAll(...endpoints: DatagramEndpoint[]): Promise<void> {
  await Promise.all(endpoints.map((endpoint) => endpoint.close()));
}
