/** The platform's own WebSocket objects against our server, and the objects of `ws` at either end. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, it } from "node:test";
import { connectWebSocket, detectRuntime, listenWebSocket } from "../../lib/runtime/mod.ts";
import {
  adoptWebSocket,
  type Connection,
  connectPlatformWebSocket,
  type PlatformConnectOptions,
  type PlatformWebSocket,
  type PlatformWebSocketConstructor,
} from "../../lib/transport/mod.ts";
import { testConnection } from "../compliance/connection_suite.ts";

type Use = NonNullable<PlatformConnectOptions["use"]>;
const { WebSocket, WebSocketStream } = globalThis as unknown as Use;
/** An implementation made by others, as it comes: its types are not needed. */
const ws = createRequire(import.meta.url)("ws") as {
  WebSocket: PlatformWebSocketConstructor;
  WebSocketServer: new (options: object) => {
    on(event: string, listener: (socket: PlatformWebSocket) => void): void;
    once(event: string, listener: (socket: PlatformWebSocket) => void): void;
    address(): { port: number };
    close(): void;
  };
};

/** A client of the platform's, and our server. */
async function pair(use: Use | undefined): Promise<[Connection, Connection]> {
  const listener = await listenWebSocket({ hostname: "127.0.0.1", port: 0 });
  const reader = listener.connections.getReader();
  const [client, { value: server }] = await Promise.all([
    connectPlatformWebSocket(`ws://127.0.0.1:${listener.address.port}`, { ...(use && { use }) }),
    reader.read(),
  ]);
  await listener.close();
  return [client, server!];
}

/** What every adapter of such an object lacks. */
const WHOLE = {
  aborts: "reset",
  halfClose: false,
  endsWhole: true,
  addresses: "of a hop",
  programs: 15,
} as const;

if (WebSocket !== undefined) {
  testConnection("The platform's WebSocket and our server", {
    ...WHOLE,
    pair: () => pair({ WebSocket }),
    capacity: 0,
    backPressure: false,
  });
}

if (WebSocketStream !== undefined) {
  testConnection("The platform's WebSocketStream and our server", {
    ...WHOLE,
    pair: () => pair({ WebSocketStream }),
    capacity: 16_000_000,
  });
}

describe("connectPlatformWebSocket", () => {
  it("takes the WebSocket by itself, also where there is a WebSocketStream", {
    skip: WebSocket === undefined && "this runtime has no WebSocket",
  }, async () => {
    const platform = globalThis as unknown as { WebSocketStream?: unknown };
    const before = Object.getOwnPropertyDescriptor(platform, "WebSocketStream");
    Object.defineProperty(platform, "WebSocketStream", {
      configurable: true,
      value: class {
        constructor() {
          throw new Error("A tab would not survive this");
        }
      },
    });
    try {
      const [client, server] = await pair(undefined);
      assert.deepEqual(client.layers, [{ layer: "websocket", protocol: "iketcp" }]);
      await Promise.all([client.close(), server.close()]);
    } finally {
      if (before === undefined) delete platform.WebSocketStream;
      else Object.defineProperty(platform, "WebSocketStream", before);
    }
  });
});

// Deno and Bun have servers of their own, and what they have in place of `ws` is not it.
if (detectRuntime().name === "node") {
  testConnection("A WebSocket of the package ws and our server", {
    ...WHOLE,
    pair: () => pair({ WebSocket: ws.WebSocket }),
    capacity: 16_000_000,
  });

  testConnection("A server of the package ws and our client", {
    ...WHOLE,
    pair: async () => {
      const server = new ws.WebSocketServer({
        host: "127.0.0.1",
        port: 0,
        perMessageDeflate: true,
        handleProtocols: () => "iketcp",
      });
      await new Promise<void>((resolve) => server.once("listening", () => resolve()));
      const accepted = new Promise<Connection>((resolve) =>
        server.once("connection", (socket) => resolve(adoptWebSocket(socket)))
      );
      const client = await connectWebSocket({ hostname: "127.0.0.1", port: server.address().port });
      const pair = [client, await accepted] as const;
      server.close();
      return pair;
    },
    capacity: 16_000_000,
  });
}
