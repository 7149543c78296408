/** What every `Listener`, and the function that connects to it, must do, whatever carries them. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TransportError } from "../../lib/errors.ts";
import type { TransportAddress } from "../../lib/transport/address.ts";
import type { Connection, ConnectOptions, Listener, ListenOptions } from "../../lib/transport/types.ts";
import { readAll, rejection } from "../_support/streams.ts";

/** What the suite must know of a carrier. */
export interface ListenerFixture {
  connect(address: TransportAddress, options?: ConnectOptions): Promise<Connection>;
  listen(address: TransportAddress, options?: ListenOptions): Promise<Listener>;
  /** Where to listen; the port is 0. */
  readonly address: TransportAddress;
}

/** Connections at once; more than any socket's default backlog of old, fewer than the default of files. */
const MANY = 200;

/** Runs every case for a carrier. */
export function testListener(name: string, { connect, listen, address }: ListenerFixture): void {
  describe(name, () => {
    it("gives the port that the system chose", async () => {
      const listener = await listen(address);
      assert.equal(listener.address.hostname, address.hostname);
      assert.ok(listener.address.port > 0);
      await listener.close();
    });

    it(`accepts ${MANY} connections at once, and keeps them apart`, async () => {
      const listener = await listen(address);
      const served = serve(listener);
      const answers = await Promise.all(Array.from({ length: MANY }, async (_, i) => {
        const connection = await connect(listener.address);
        const writer = connection.writable.getWriter();
        await writer.write(new TextEncoder().encode(`question ${i}\n`));
        const answer = await readLine(connection);
        await connection.close();
        return answer;
      }));
      await listener.close();
      assert.equal(await served, MANY);
      assert.deepEqual(answers, Array.from({ length: MANY }, (_, i) => `echo of question ${i}`));
    });

    it("takes connections in order, also those that came before anybody asked", async () => {
      const listener = await listen(address);
      const clients = [await connect(listener.address), await connect(listener.address)];
      const servers: Connection[] = [];
      for await (const server of listener.connections) {
        servers.push(server);
        if (servers.length === clients.length) break;
      }
      assert.deepEqual(
        servers.map((each) => each.remoteAddress),
        clients.map((each) => each.localAddress),
      );
      await Promise.all([...clients, ...servers].map((each) => each.close()));
      await listener.close();
    });

    it("leaves connections alone that were handed out when it closes, and takes no more", async () => {
      const listener = await listen(address);
      const reader = listener.connections.getReader();
      const [client, { value: server }] = await Promise.all([connect(listener.address), reader.read()]);
      const next = reader.read();
      await listener.close();
      assert.equal((await next).done, true);
      assert.equal((await rejection(connect(listener.address))).code, "ERR_TRANSPORT_REFUSED");
      const sent = new Response("still here").body!.pipeTo(client.writable);
      assert.equal(new TextDecoder().decode(await readAll(server!.readable)), "still here");
      await sent;
      await Promise.all([client.close(), server!.close()]);
    });

    it("frees its port when it closes, any number of times", async () => {
      const first = await listen(address);
      await Promise.all([first.close(), first.close()]);
      await first.close();
      const second = await listen(first.address);
      assert.deepEqual(second.address, first.address);
      await second.close();
    });

    it("closes when the stream of connections is cancelled", async () => {
      const listener = await listen(address);
      await listener.connections.cancel();
      await listener.close();
      assert.equal((await rejection(connect(listener.address))).code, "ERR_TRANSPORT_REFUSED");
    });

    it("breaks connections that nobody took when it closes", async () => {
      const listener = await listen(address);
      const client = await connect(listener.address);
      await listener.close();
      const reader = client.readable.getReader();
      // A reset, or where the carrier cannot reset, an end.
      const outcome = await reader.read().then(({ done }) => done, () => true);
      assert.equal(outcome, true);
      await client.writable.abort().catch(() => {});
      await client.close();
    });

    it("says that the address is in use", async () => {
      const listener = await listen(address);
      const error = await rejection(listen(listener.address));
      assert.ok(error instanceof TransportError);
      assert.equal(error.code, "ERR_TRANSPORT_ADDRESS_IN_USE");
      assert.match(error.message, /^Cannot listen on .*: the address is in use$/);
      await listener.close();
    });

    it("says that nobody listens", async () => {
      const listener = await listen(address);
      await listener.close();
      const error = await rejection(connect(listener.address));
      assert.ok(error instanceof TransportError);
      assert.equal(error.code, "ERR_TRANSPORT_REFUSED");
      assert.match(error.message, /^Cannot connect to /);
    });

    it("closes when its signal aborts, before or later", async () => {
      const reason = new Error("why");
      assert.equal(await rejection(listen(address, { signal: AbortSignal.abort(reason) })), reason);
      const controller = new AbortController();
      const listener = await listen(address, { signal: controller.signal });
      const read = listener.connections.getReader().read();
      controller.abort(reason);
      assert.equal((await read).done, true);
      await listener.close();
      const again = await listen(listener.address);
      await again.close();
    });

    it("does not connect when the signal has aborted, and forgets it once connected", async () => {
      const listener = await listen(address);
      const reason = new Error("why");
      assert.equal(await rejection(connect(listener.address, { signal: AbortSignal.abort(reason) })), reason);
      const controller = new AbortController();
      const client = await connect(listener.address, { signal: controller.signal });
      controller.abort(reason);
      for await (const server of listener.connections) {
        const sent = new Response("still here").body!.pipeTo(client.writable);
        assert.equal(new TextDecoder().decode(await readAll(server.readable)), "still here");
        await sent;
        await Promise.all([client.close(), server.close()]);
        break;
      }
      await listener.close();
    });
  });
}

/** Answers a line on every connection until the listener closes; gives how many there were. */
async function serve(listener: Listener): Promise<number> {
  const jobs: Promise<void>[] = [];
  for await (const connection of listener.connections) {
    jobs.push((async () => {
      const question = await readLine(connection);
      const writer = connection.writable.getWriter();
      await writer.write(new TextEncoder().encode(`echo of ${question}\n`));
      await connection.close();
    })());
  }
  await Promise.all(jobs);
  return jobs.length;
}

/** What comes before the first line end: not every carrier can end one direction alone. */
async function readLine(connection: Connection): Promise<string> {
  const reader = connection.readable.getReader();
  for (let text = "";;) {
    const { done, value } = await reader.read();
    assert.ok(!done, `expected a line, got ${JSON.stringify(text)} and the end`);
    text += new TextDecoder().decode(value);
    if (text.endsWith("\n")) return text.trimEnd();
  }
}
