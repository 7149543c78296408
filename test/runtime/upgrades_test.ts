/** WebSockets of a server that somebody has already, in each runtime, against our client. */

import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { WebSocketUpgrades as NodeUpgrades } from "../../lib/runtime/node.ts";
import { connectTcp, connectWebSocket, detectRuntime } from "../../lib/runtime/mod.ts";
import type { Connection } from "../../lib/transport/types.ts";
import { testConnection } from "../compliance/connection_suite.ts";
import { readAll, rejection, settlesWithin } from "../_support/streams.ts";
import { startUpgradeServer } from "../_support/upgrade_server.ts";

const { name } = detectRuntime();
const hostname = "127.0.0.1";

async function upgradePair(): Promise<[Connection, Connection]> {
  const server = await startUpgradeServer({ path: "/vpn" });
  const reader = server.upgrades.connections.getReader();
  const [client, { value: accepted }] = await Promise.all([
    connectWebSocket({ hostname, port: server.port }, { path: "/vpn" }),
    reader.read(),
  ]);
  const over = Promise.allSettled([client.closed, accepted!.closed]);
  over.then(() => server.close());
  return [client, accepted!];
}

testConnection(
  `A WebSocket of ${name}'s HTTP server`,
  name === "node"
    ? { pair: upgradePair, aborts: "reset", capacity: 12_000_000, programs: 15 }
    // The runtime's own WebSocket is underneath.
    : {
      pair: upgradePair,
      aborts: "reset",
      capacity: 0,
      programs: 15,
      addresses: "of a hop",
      backPressure: false,
      endsWhole: true,
      halfClose: false,
    },
);

describe(`WebSocketUpgrades of ${name}`, () => {
  it("leaves the server's other requests to it", async () => {
    const server = await startUpgradeServer({ path: "/vpn" });
    assert.equal(await (await fetch(`http://${hostname}:${server.port}/`)).text(), "hello");
    const error = await rejection(connectWebSocket({ hostname, port: server.port }, { path: "/other" }));
    assert.equal(error.code, "ERR_TRANSPORT_WEBSOCKET");
    server.upgrades.close();
    await server.close();
  });

  it("tells a request that is for it what is wrong", async () => {
    const server = await startUpgradeServer({ path: "/vpn", origins: ["https://vpn.example"] });
    const open = (headers: Record<string, string>) =>
      rejection(connectWebSocket({ hostname, port: server.port }, { path: "/vpn", headers }));
    assert.match((await open({ Origin: "https://evil.example" })).message, /got 403 Forbidden$/);
    server.upgrades.close();
    await server.close();
  });

  it("answers with 503 when too many connections wait, and resets them when it closes", async () => {
    const server = await startUpgradeServer({ backlog: 1 });
    const address = { hostname, port: server.port };
    const waiting = await connectWebSocket(address);
    // Taken once the handshake is done on the server's side, too.
    const error = await rejection((async () => {
      for (;;) await (await connectWebSocket(address)).close();
    })());
    assert.match(error.message, /got 503/);
    server.upgrades.close();
    assert.equal((await rejection(waiting.closed)).code, "ERR_TRANSPORT_RESET");
    await server.close();
  });

  it("says that a client left without a Close frame", async () => {
    const server = await startUpgradeServer();
    const reader = server.upgrades.connections.getReader();
    const plain = await connectTcp({ hostname, port: server.port });
    await plain.writable.getWriter().write(new TextEncoder().encode(request("/")));
    const { value: connection } = await reader.read();
    await plain.close();
    const error = await rejection(connection!.closed);
    assert.equal(error.code, "ERR_TRANSPORT_RESET");
    assert.match(error.message, /ended without a Close frame$/);
    server.upgrades.close();
    await server.close();
  });

  it("closes for text and for a message that is too long; takes fragments", async () => {
    const server = await startUpgradeServer({ maxFrameLength: 1000 });
    const reader = server.upgrades.connections.getReader();
    const mask = [0, 0, 0, 0];
    const cases: [frame: number[], code: number | undefined][] = [
      [[0x81, 0x82, ...mask, 0x68, 0x69], 1003],
      [[0x82, 0xfe, 0x03, 0xe9, ...mask, ...new Array<number>(1001).fill(7)], 1009],
      [[0x02, 0x81, ...mask, 7, 0x80, 0x82, ...mask, 8, 9], undefined],
    ];
    for (const [frame, code] of cases) {
      const plain = await connectTcp({ hostname, port: server.port });
      const writer = plain.writable.getWriter();
      await writer.write(new TextEncoder().encode(request("/")));
      const { value: connection } = await reader.read();
      await writer.write(Uint8Array.from(frame));
      if (code === undefined) {
        const read = connection!.readable.getReader();
        const octets: number[] = [];
        while (octets.length < 3) octets.push(...(await read.read()).value!);
        assert.deepEqual(octets, [7, 8, 9]);
        read.releaseLock();
      } else {
        const error = await rejection(readAll(connection!.readable));
        assert.match(error.code!, /^ERR_TRANSPORT_(WEBSOCKET|RESET)$/, `${code}: ${error.message}`);
      }
      await plain.writable.abort().catch(() => {});
      writer.abort().catch(() => {});
      await plain.close();
      await connection!.close();
      assert.ok(await settlesWithin(connection!.closed, 3000));
    }
    server.upgrades.close();
    await server.close();
  });
});

describe("The handler of iketcp/node for node:http", () => {
  for (
    const [target, status] of [["/vpn", 101], ["http://gw.example/vpn?x", 101], ["/other", 404]] as const
  ) {
    it(`answers ${target} with ${status}, alone at a server`, async () => {
      const upgrades = new NodeUpgrades({ path: "/vpn" });
      const server = createServer();
      server.on("upgrade", upgrades.handler);
      const plain = await connectTcp({ hostname, port: await listen(server) });
      await plain.writable.getWriter().write(new TextEncoder().encode(request(target)));
      const { value } = await plain.readable.getReader().read();
      assert.match(new TextDecoder().decode(value), new RegExp(`^HTTP/1\\.1 ${status} `));
      await plain.close();
      upgrades.close();
      await new Promise((resolve) => server.close(resolve));
    });
  }

  it("leaves other paths to other listeners", async () => {
    const upgrades = new NodeUpgrades({ path: "/vpn" });
    const server = createServer();
    server.on("upgrade", upgrades.handler);
    server.on("upgrade", (_request, socket) => socket.end("HTTP/1.1 418 I'm a teapot\r\n\r\n"));
    const plain = await connectTcp({ hostname, port: await listen(server) });
    await plain.writable.getWriter().write(new TextEncoder().encode(request("/other")));
    assert.match(new TextDecoder().decode(await readAll(plain.readable)), /^HTTP\/1\.1 418 [^]*$/);
    await plain.close();
    upgrades.close();
    await new Promise((resolve) => server.close(resolve));
  });
});

function request(target: string): string {
  return `GET ${target} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, hostname, resolve));
  return (server.address() as AddressInfo).port;
}
