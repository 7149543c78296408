import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  connectCarrier,
  connectTcp,
  connectWebSocket,
  detectRuntime,
  listenCarrier,
  listenTcp,
  listenTls,
  listenWebSocket,
} from "../../lib/runtime/mod.ts";
import type { TlsListener } from "../../lib/runtime/tls_listener.ts";
import { parseCarrierUrl } from "../../lib/transport/mod.ts";
import type { TransportAddress } from "../../lib/transport/address.ts";
import type { Connection } from "../../lib/transport/types.ts";
import { CA, identity } from "../_support/certificates.ts";
import { runProxy, targetOf } from "../_support/scripted_proxy.ts";
import { readAll, rejection, sleep, until } from "../_support/streams.ts";
import { testConnection } from "../compliance/connection_suite.ts";
import { testListener } from "../compliance/listener_suite.ts";

async function webSocketPair(): Promise<[Connection, Connection]> {
  const listener = await listenWebSocket({ hostname: "127.0.0.1", port: 0 });
  const reader = listener.connections.getReader();
  const [client, { value: server }] = await Promise.all([connectWebSocket(listener.address), reader.read()]);
  await listener.close();
  return [client, server!];
}

testConnection("WebSocket", {
  pair: webSocketPair,
  // Also in Deno, whose sockets end without a reset: what ends without a Close frame is a break.
  aborts: "reset",
  // As TCP, with one more queue at each end.
  capacity: 12_000_000,
});

testListener("WebSocket listener", {
  connect: connectWebSocket,
  listen: listenWebSocket,
  address: { hostname: "127.0.0.1", port: 0 },
});

async function securePair(): Promise<[Connection, Connection]> {
  const listener = await listenWebSocket({ hostname: "127.0.0.1", port: 0 }, {
    secure: true,
    tls: identity("server"),
  });
  const reader = listener.connections.getReader();
  const [client, { value: server }] = await Promise.all([
    connectWebSocket(listener.address, { secure: true, tls: { ca: CA, sni: "localhost" } }),
    reader.read(),
  ]);
  await listener.close();
  return [client, server!];
}

testConnection("WebSocket in TLS", {
  pair: securePair,
  aborts: "reset",
  // The queues of TLS come on top.
  capacity: 16_000_000,
  programs: 10,
});

/** What a port for WebSockets may be sent instead of a request. */
const NO_REQUESTS = {
  "an RFC 9329 stream": Uint8Array.from([0x49, 0x4b, 0x45, 0x54, 0x43, 0x50, 0, 30, 0, 0, 0, 0]),
  "a TLS ClientHello": Uint8Array.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]),
  "an SSH banner": new TextEncoder().encode("SSH-2.0-OpenSSH_9.2\r\n"),
  "zeros": new Uint8Array(64),
  "a preface of HTTP/2": new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
};

describe("wss:// URLs", () => {
  it("are carried, and report every layer", async () => {
    const listener = await listenCarrier(parseCarrierUrl("wss://127.0.0.1:0/vpn", { listen: true }), {
      tls: identity("server"),
    });
    const url = parseCarrierUrl(`wss://127.0.0.1:${listener.address.port}/vpn`);
    const [client, { value: server }] = await Promise.all([
      connectCarrier(url, { tls: { ca: CA, sni: "localhost" } }),
      listener.connections.getReader().read(),
    ]);
    assert.deepEqual(client.layers?.map(({ layer }) => layer), ["tls", "websocket"]);
    const sent = new Response("hello").body!.pipeTo(client.writable);
    assert.equal(new TextDecoder().decode(await readAll(server!.readable)), "hello");
    await sent;
    await Promise.all([client.close(), server!.close(), listener.close()]);
  });

  it("know their server by the name of sni, whatever its address", async () => {
    const listener = listenTls(await listenTcp({ hostname: "127.0.0.1", port: 0 }), identity("server"));
    const { port } = listener.address;
    const url = parseCarrierUrl(`wss://127.0.0.1:${port}/vpn?sni=gw.example`);
    const attempt = rejection(connectCarrier(url, { tls: { ca: CA } }));
    const { value: server } = await listener.connections.getReader().read();
    const reader = server!.readable.getReader();
    const { value } = await reader.read();
    assert.match(
      new TextDecoder().decode(value),
      new RegExp(`^GET /vpn HTTP/1.1\\r\\nHost: gw\\.example:${port}\\r\\n`),
    );
    await server!.writable.close();
    await attempt;
    await Promise.all([server!.close(), listener.close()]);
    await sleep(20);
  });

  it("go through a proxy", async () => {
    const listener = await listenCarrier(parseCarrierUrl("wss://127.0.0.1:0/vpn", { listen: true }), {
      tls: identity("server"),
    });
    const proxy = await listenTcp({ hostname: "127.0.0.1", port: 0 });
    const requests: string[] = [];
    const proxied = runProxy(proxy, async (turn) => {
      const request = await turn.request();
      requests.push(request);
      const target = await connectTcp(targetOf(request));
      await turn.send("HTTP/1.1 200 Connection established\r\n\r\n");
      await turn.join(target);
    });
    const text = `wss://127.0.0.1:${listener.address.port}/vpn?proxy=${
      encodeURIComponent(`http://me:secret@127.0.0.1:${proxy.address.port}`)
    }`;
    const [client, { value: server }] = await Promise.all([
      connectCarrier(parseCarrierUrl(text), { tls: { ca: CA, sni: "localhost" } }),
      listener.connections.getReader().read(),
    ]);
    assert.deepEqual(client.layers?.map(({ layer }) => layer), ["proxy", "tls", "websocket"]);
    assert.match(requests[0]!, /^CONNECT 127\.0\.0\.1:\d+ HTTP\/1\.1/);
    const sent = new Response("hello").body!.pipeTo(client.writable);
    assert.equal(new TextDecoder().decode(await readAll(server!.readable)), "hello");
    await sent;
    await Promise.all([client.close(), server!.close(), listener.close(), proxy.close()]);
    await proxied;
  });

  it("say that the certificate is wrong before anything else", async () => {
    const listener = await listenCarrier(parseCarrierUrl("wss://127.0.0.1:0/vpn", { listen: true }), {
      tls: identity("stranger"),
    });
    const url = parseCarrierUrl(`wss://127.0.0.1:${listener.address.port}/vpn`);
    const error = await rejection(connectCarrier(url, { tls: { ca: CA, sni: "localhost" } }));
    assert.match(error.code!, /^ERR_TRANSPORT_TLS/);
    await listener.close();
    await sleep(20); // the client lets go when it has seen the server's end
    const bare = parseCarrierUrl("wss://127.0.0.1:0/vpn", { listen: true });
    assert.equal((await rejection(listenCarrier(bare))).code, "ERR_CONFIG_OPTION");
  });
});

/** What a client that sends `octets`, and then waits, is answered. */
async function answerTo(address: TransportAddress, octets: Uint8Array): Promise<string> {
  const client = await connectTcp(address);
  const writer = client.writable.getWriter();
  await writer.write(octets);
  const answer = new TextDecoder().decode(await readAll(client.readable));
  await writer.close().catch(() => {});
  await client.close();
  return answer;
}

/** Any time-out of a test that passes is far below this one. */
const LONG = 600_000;

describe("listenWebSocket", () => {
  for (const [name, octets] of Object.entries(NO_REQUESTS)) {
    it(`answers ${name} at once`, { timeout: 20_000 }, async () => {
      const refused: Error[] = [];
      const listener = await listenWebSocket({ hostname: "127.0.0.1", port: 0 }, {
        handshakeTimeout: LONG,
        onRefused: (_client, error) => refused.push(error),
      });
      assert.match(await answerTo(listener.address, octets), /^HTTP\/1.1 400 Bad Request\r\n/);
      await until(() => refused.length === 1, "the refusal is told");
      assert.match(refused[0]!.message, /with status 400: Expected an HTTP request$/);
      await listener.close();
    });
  }

  it("gives up who sends half a request after the time that a carrier's options say", async () => {
    const url = parseCarrierUrl("ws://127.0.0.1:0/vpn", { listen: true });
    const listener = await listenCarrier(url, { handshakeTimeout: 50 });
    const half = new TextEncoder().encode("GET /vpn HTTP/1.1\r\nHost: x\r\n");
    assert.match(await answerTo(listener.address, half), /^HTTP\/1.1 408 Request Timeout\r\n/);
    await listener.close();
  });

  it("gives up who says nothing to wss:// after the time that a carrier's options say", async () => {
    const url = parseCarrierUrl("wss://127.0.0.1:0/vpn", { listen: true });
    const refused: Error[] = [];
    const listener = await listenCarrier(url, {
      tls: identity("server"),
      handshakeTimeout: 50,
      onRefused: (_client, error) => refused.push(error),
    });
    const client = await connectTcp(listener.address);
    await until(() => refused.length === 1, "the refusal is told");
    assert.equal((refused[0] as Error & { code?: string }).code, "ERR_TRANSPORT_TIMEOUT");
    await client.close();
    await listener.close();
  });

  it("takes other certificates without dropping connections", async () => {
    const listener = await listenCarrier(parseCarrierUrl("wss://127.0.0.1:0/vpn", { listen: true }), {
      tls: identity("server"),
    });
    const reader = listener.connections.getReader();
    const fingerprint = async () => {
      // Another object each time, and a server that is verified, or Deno resumes its session all the same: a resumed session has
      // the certificate of the first.
      const url = parseCarrierUrl(`wss://127.0.0.1:${listener.address.port}/vpn`);
      const [client, { value: server }] = await Promise.all([
        connectCarrier(url, { tls: { ca: CA } }),
        reader.read(),
      ]);
      await Promise.all([client.close(), server!.close()]);
      const [tls] = client.layers!;
      assert.ok(tls?.layer === "tls");
      return tls.peerCertificate?.fingerprint;
    };
    const before = await fingerprint();
    (listener as TlsListener).reload(identity("renewed"));
    const after = await fingerprint();
    assert.ok(before !== undefined && after !== undefined && before !== after, `${before}, ${after}`);
    await listener.close();
  });

  it("bounds the handshakes of one address, and tells of whom it refused", async () => {
    const refused: [TransportAddress, Error & { code?: string }][] = [];
    const listener = await listenWebSocket({ hostname: "127.0.0.1", port: 0 }, {
      path: "/vpn",
      maxHandshakesPerSource: 2,
      onRefused: (client, error) => refused.push([client, error]),
    });
    const wrong = await rejection(connectWebSocket(listener.address, { path: "/other" }));
    assert.match(wrong.message, /got 404 Not Found$/);
    await until(() => refused.length === 1, "the wrong path is told");
    assert.match(refused[0]![1].message, /with status 404/);
    const slow = [await connectTcp(listener.address), await connectTcp(listener.address)];
    const late = await rejection((async () => {
      for (;;) await (await connectWebSocket(listener.address, { path: "/vpn" })).close();
    })());
    assert.match(
      late.code!,
      /^ERR_TRANSPORT_(RESET|HTTP|CLOSED)$/,
      `${detectRuntime().name}: ${late.message}`,
    );
    await until(() => refused.length >= 2, "the refusal is told");
    assert.match(refused[1]![1].message, /too many handshakes/);
    await listener.close();
    await Promise.all(slow.map((each) => each.close()));
  });
});
