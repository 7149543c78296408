/** An HTTP server of the runtime's own, such as somebody has already, with the runtime's `WebSocketUpgrades` in it. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { BunServer } from "../../lib/runtime/bun.ts";
import type { WebSocketUpgradesOptions } from "../../lib/runtime/node.ts";
import { detectRuntime } from "../../lib/runtime/mod.ts";
import type { Connection } from "../../lib/transport/types.ts";

/** A server; what is not for the handler is answered with `hello`. */
export interface UpgradeServer {
  readonly port: number;
  readonly upgrades: { readonly connections: ReadableStream<Connection>; close(): void };
  close(): Promise<unknown>;
}

interface DenoServer {
  readonly addr: { readonly port: number };
  shutdown(): Promise<void>;
}

interface Globals {
  Deno: { serve(options: object, handler: (request: Request, info: never) => Response): DenoServer };
  Bun: { serve(options: object): BunServer & { readonly port: number; stop(force: boolean): Promise<void> } };
}

/** Starts it on a free port. */
export async function startUpgradeServer(options: WebSocketUpgradesOptions = {}): Promise<UpgradeServer> {
  const globals = globalThis as unknown as Globals;
  switch (detectRuntime().name) {
    case "deno": {
      const { WebSocketUpgrades } = await import("../../lib/runtime/deno.ts");
      const upgrades = new WebSocketUpgrades(options);
      const server = globals.Deno.serve(
        { hostname: "127.0.0.1", port: 0, onListen() {} },
        (request, info) => upgrades.handle(request, info) ?? new Response("hello"),
      );
      return { port: server.addr.port, upgrades, close: () => server.shutdown() };
    }
    case "bun": {
      const { WebSocketUpgrades } = await import("../../lib/runtime/bun.ts");
      const upgrades = new WebSocketUpgrades(options);
      const server = globals.Bun.serve({
        hostname: "127.0.0.1",
        port: 0,
        websocket: upgrades.websocket,
        fetch(request: Request, server: BunServer) {
          const answer = upgrades.handle(request, server);
          return answer === "upgraded" ? undefined : answer ?? new Response("hello");
        },
      });
      return { port: server.port, upgrades, close: () => server.stop(true) };
    }
    default: {
      const { WebSocketUpgrades } = await import("../../lib/runtime/node.ts");
      const upgrades = new WebSocketUpgrades(options);
      const server = createServer((_request, response) => {
        response.end("hello");
      });
      server.on("upgrade", (request, socket, head) => {
        if (upgrades.handle(request, socket, head)) return;
        socket.on("error", () => {});
        socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return {
        port: (server.address() as AddressInfo).port,
        upgrades,
        close: () => new Promise((resolve) => server.close(resolve)),
      };
    }
  }
}
