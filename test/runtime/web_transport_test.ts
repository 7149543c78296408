/** WebTransport, both ends, where the runtime has it. */

import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import { listenWebTransport } from "../../lib/runtime/deno_web_transport.ts";
import { connectCarrier, detectRuntime, listenCarrier } from "../../lib/runtime/mod.ts";
import {
  type Connection,
  connectWebTransport,
  parseCarrierUrl,
  type PlatformWebTransport,
  platformWebTransport,
  type PlatformWebTransportConstructor,
  type TransportAddress,
  type WebTransportStreamConnection,
} from "../../lib/transport/mod.ts";
import { testConnection } from "../compliance/connection_suite.ts";
import { identity } from "../_support/certificates.ts";
import { patternAt, readAll, readAtLeast, rejection, sleep, until } from "../_support/streams.ts";

const hostname = "127.0.0.1";
const tls = identity("server");
const pin = [createHash("sha256").update(new X509Certificate(tls.cert).raw).digest("hex")];

function fingerprint(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(pin[0]!.match(/../g)!, (hex) => parseInt(hex, 16));
}

/** A session of another's making: it knows nothing of what our ends say beside the stream. */
async function plainSession(url: string): Promise<PlatformWebTransport> {
  const WebTransport = platformWebTransport() as PlatformWebTransportConstructor;
  const session = new WebTransport(url, {
    allowPooling: false,
    serverCertificateHashes: [{ algorithm: "sha-256", value: fingerprint() }],
  });
  session.closed.catch(() => {});
  await session.ready;
  return session;
}

/** A QUIC connection in which nobody says anything. */
async function plainQuic(
  address: TransportAddress,
): Promise<{ readonly closed: Promise<{ reason?: string }> }> {
  const { connectQuic } = (globalThis as unknown as { Deno: { connectQuic: CallableFunction } }).Deno;
  return await connectQuic({
    ...address,
    alpnProtocols: ["h3"],
    serverCertificateHashes: [{ algorithm: "sha-256", value: fingerprint() }],
  });
}

async function pair(): Promise<[WebTransportStreamConnection, WebTransportStreamConnection]> {
  const listener = await listenWebTransport({ hostname, port: 0 }, { tls });
  const reader = listener.connections.getReader();
  const [client, { value: server }] = await Promise.all([
    connectWebTransport(`https://${hostname}:${listener.address.port}/`, { pin }),
    reader.read(),
  ]);
  await listener.close();
  return [client, server as WebTransportStreamConnection];
}

if (detectRuntime().name === "deno") {
  testConnection("WebTransport", {
    pair,
    aborts: "reset",
    // What QUIC lets the peer send ahead, and our queues.
    capacity: 16_000_000,
    addresses: "of a hop",
    programs: 15,
  });

  describe("listenWebTransport", () => {
    it("serves its path alone", async () => {
      const listener = await listenWebTransport({ hostname, port: 0 }, { tls, path: "/vpn" });
      const url = `https://${hostname}:${listener.address.port}`;
      // Depending on who is faster, it is not even opened.
      const other = rejection(
        (async () => await (await connectWebTransport(`${url}/other`, { pin })).closed)(),
      );
      assert.match((await other).code!, /^ERR_TRANSPORT_(WEBTRANSPORT|RESET)$/);
      const [client, { value: server }] = await Promise.all([
        connectWebTransport(`${url}/vpn`, { pin }),
        listener.connections.getReader().read(),
      ]);
      assert.deepEqual(server!.layers, [{ layer: "webtransport" }]);
      await Promise.all([client.close(), server!.close()]);
      await listener.close();
    });

    it("gives up a client whose stream does not come, and refuses those past its limit", async () => {
      const listener = await listenWebTransport(
        { hostname, port: 0 },
        { tls, handshakeTimeout: 300, maxHandshakes: 1 },
      );
      const url = `https://${hostname}:${listener.address.port}/`;
      const slow = await plainSession(url);
      const error = await rejection(connectWebTransport(url, { pin }));
      assert.equal(error.code, "ERR_TRANSPORT_WEBTRANSPORT");
      assert.match(error.message, /^Cannot connect to https:.*refused/);
      const closed = await slow.closed;
      assert.equal(closed?.reason, "too slow");
      await listener.close();
    });

    it("bounds the handshakes of one address, and tells of whom it refused, and why", async () => {
      const refused: [TransportAddress, Error & { code?: string }][] = [];
      const listener = await listenWebTransport({ hostname, port: 0 }, {
        ...{ tls, path: "/vpn", handshakeTimeout: 1000, maxHandshakesPerSource: 2 },
        onRefused: (client, error) => refused.push([client, error]),
      });
      const url = `https://${hostname}:${listener.address.port}`;
      await rejection((async () => await (await connectWebTransport(`${url}/other`, { pin })).closed)());
      await until(() => refused.length === 1, "the wrong path is told");
      assert.equal(refused[0]![0].hostname, hostname);
      assert.equal(refused[0]![1].code, "ERR_TRANSPORT_WEBTRANSPORT");
      assert.match(
        refused[0]![1].message,
        /^Cannot accept WebTransport from 127\.0\.0\.1:\d+: expected the path \/vpn, got "\/other"$/,
      );

      const slow = [await plainSession(`${url}/vpn`), await plainSession(`${url}/vpn`)];
      const late = await plainQuic(listener.address);
      assert.equal((await late.closed).reason, "too many handshakes");
      await until(() => refused.length === 2, "one too many is told");
      assert.equal(refused[1]![1].code, "ERR_TRANSPORT_REFUSED");
      assert.match(refused[1]![1].message, /too many handshakes/);
      for (const session of slow) assert.equal((await session.closed)?.reason, "too slow");
      await until(() => refused.length === 4, "slow ones are told");
      assert.equal(refused[3]![1].code, "ERR_TRANSPORT_TIMEOUT");
      const [client, { value: server }] = await Promise.all([
        connectWebTransport(`${url}/vpn`, { pin }),
        listener.connections.getReader().read(),
      ]);
      await Promise.all([client.close(), server!.close()]);
      await listener.close();
    });

    it("takes the end of a session for the end of the stream, of a client that says no more", async () => {
      const listener = await listenWebTransport({ hostname, port: 0 }, { tls });
      const session = await plainSession(`https://${hostname}:${listener.address.port}/`);
      const stream = await session.createBidirectionalStream();
      const writer = stream.writable.getWriter();
      await writer.write(Uint8Array.of(1, 2, 3));
      const { value: server } = await listener.connections.getReader().read();
      const reader = server!.readable.getReader();
      assert.deepEqual([...await readAtLeast(reader, 3)], [1, 2, 3]);
      session.close();
      assert.equal((await reader.read()).done, true);
      assert.equal(
        (await rejection(server!.writable.getWriter().write(Uint8Array.of(1)))).code,
        "ERR_TRANSPORT_RESET",
      );
      await server!.close();
      await listener.close();
    });

    it("reads one stream of a session, and lets no other one do harm", async () => {
      const listener = await listenWebTransport({ hostname, port: 0 }, { tls });
      const session = await plainSession(`https://${hostname}:${listener.address.port}/`);
      const first = await session.createBidirectionalStream();
      await first.writable.getWriter().write(Uint8Array.of(1));
      const { value: server } = await listener.connections.getReader().read();
      for (let i = 0; i < 3; i++) {
        const more = await session.createBidirectionalStream();
        await more.writable.getWriter().write(Uint8Array.of(9));
        const said = await session.createUnidirectionalStream();
        await said.getWriter().write(Uint8Array.of(7, 7, 7)).catch(() => {});
      }
      const reader = server!.readable.getReader();
      assert.deepEqual([...await readAtLeast(reader, 1)], [1]);
      session.close();
      assert.equal((await reader.read()).done, true);
      await server!.close();
      await listener.close();
    });

    it("refuses what is no certificate, and a port that is taken", async () => {
      const bad = await rejection(
        listenWebTransport({ hostname, port: 0 }, { tls: { cert: "x", key: "y" } }),
      );
      assert.match(bad.code!, /^ERR_TRANSPORT_/);
      assert.equal((await rejection(listenWebTransport({ hostname, port: 0 }))).code, "ERR_CONFIG_OPTION");
      const listener = await listenWebTransport({ hostname, port: 0 }, { tls });
      const taken = await rejection(listenWebTransport(listener.address, { tls }));
      assert.equal(taken.code, "ERR_TRANSPORT_ADDRESS_IN_USE");
      await listener.close();
    });
  });

  describe("connectWebTransport", () => {
    it("refuses a server with another certificate than the pinned one", async () => {
      const listener = await listenWebTransport({ hostname, port: 0 }, { tls });
      const url = `https://${hostname}:${listener.address.port}/`;
      const error = await rejection(connectWebTransport(url, { pin: ["ab".repeat(32)] }));
      assert.equal(error.code, "ERR_TRANSPORT_WEBTRANSPORT");
      await listener.close();
    });

    it("gives up when its signal aborts, and after its time", async () => {
      const listener = await listenWebTransport({ hostname, port: 0 }, { tls });
      const url = `https://${hostname}:${listener.address.port}/`;
      const reason = new Error("why");
      assert.equal(
        await rejection(connectWebTransport(url, { pin, signal: AbortSignal.abort(reason) })),
        reason,
      );
      await listener.close();
    });
  });

  describe("Datagrams of a WebTransport session", () => {
    it("arrive while the stream is full, and count what is lost", async () => {
      const [client, server] = await pair();
      // The stream is full: nobody reads it.
      const writer = client.writable.getWriter();
      for (let i = 0; i < 400; i++) writer.write(new Uint8Array(65536)).catch(() => {});
      const received: Uint8Array[] = [];
      const reading = (async () => {
        for await (const batch of server.datagrams.readable) {
          for (const { data, from } of batch) {
            assert.deepEqual(from, server.remoteAddress);
            received.push(data);
          }
        }
      })();
      for (let i = 0; received.length < 20 && i < 200; i++) {
        client.datagrams.send(patternAt(i, 1000));
        await sleep(2);
      }
      assert.ok(received.length >= 20);
      assert.ok(received.every((data) => data.byteLength === 1000));
      client.datagrams.send(new Uint8Array(70_000));
      assert.equal(client.datagrams.counters.sendFailed, 1);
      server.datagrams.send(Uint8Array.of(0xff));
      const { value: back } = await client.datagrams.readable.getReader().read();
      assert.deepEqual([...back![0]!.data], [0xff]);
      await writer.abort().catch(() => {});
      await Promise.all([client.close(), server.close()]);
      await reading;
    });
  });

  describe("https:// URLs", () => {
    it("are carried", async () => {
      const listener = await listenCarrier(parseCarrierUrl(`https://${hostname}:0/vpn`, { listen: true }), {
        tls,
      });
      const url = parseCarrierUrl(`https://${hostname}:${listener.address.port}/vpn?pin=${pin}`);
      const [client, { value: server }] = await Promise.all([
        connectCarrier(url),
        listener.connections.getReader().read(),
      ]);
      const sent = new Response("hello").body!.pipeTo(client.writable);
      assert.equal(new TextDecoder().decode(await readAll(server!.readable)), "hello");
      await sent;
      await Promise.all([client.close(), server!.close(), listener.close()]);
    });

    it("refuse what WebTransport cannot do, and say what can", async () => {
      const url = parseCarrierUrl("https://gw.example/vpn");
      for (
        const options of [
          { localAddress: { hostname: "127.0.0.1", port: 0 } },
          { tls: { ca: "x" } },
          { tls: { insecure: true } },
          { headers: { A: "b" } },
        ]
      ) {
        const error = await rejection(connectCarrier(url, options));
        assert.equal(error.code, "ERR_TRANSPORT_UNSUPPORTED", error.message);
        assert.match(error.message, /wss:|pin=/);
      }
    });
  });
} else {
  describe("https:// URLs", () => {
    it("are refused where there is no WebTransport, naming what has it", async () => {
      const opens: Promise<Connection | object>[] = [
        connectCarrier(parseCarrierUrl("https://gw.example/vpn")),
        listenCarrier(parseCarrierUrl("https://127.0.0.1:0/vpn", { listen: true }), { tls }),
      ];
      for (const open of opens) {
        const error = await rejection(open);
        assert.equal(error.code, "ERR_TRANSPORT_UNSUPPORTED");
        assert.match(error.message, /Deno with --unstable-net/);
      }
    });
  });
}
