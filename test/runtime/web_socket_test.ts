import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  connectCarrier,
  connectTcp,
  connectWebSocket,
  detectRuntime,
  listenCarrier,
  listenTcp,
  listenWebSocket,
} from "../../lib/runtime/mod.ts";
import { parseCarrierUrl } from "../../lib/transport/mod.ts";
import type { TransportAddress } from "../../lib/transport/address.ts";
import type { Connection } from "../../lib/transport/types.ts";
import { CA, identity } from "../_support/certificates.ts";
import { runProxy, targetOf } from "../_support/scripted_proxy.ts";
import { readAll, rejection, until } from "../_support/streams.ts";
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
    const bare = parseCarrierUrl("wss://127.0.0.1:0/vpn", { listen: true });
    assert.equal((await rejection(listenCarrier(bare))).code, "ERR_CONFIG_OPTION");
  });
});

describe("listenWebSocket", () => {
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
