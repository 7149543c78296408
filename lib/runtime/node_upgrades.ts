/** WebSockets of somebody's own HTTP server in Node: a handler for its `upgrade` event. */

import type { Buffer } from "node:buffer";
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { pathOfTarget } from "../transport/http_request_target.ts";
import { WebSocketConnection } from "../transport/web_socket/connection.ts";
import type { Connection } from "../transport/types.ts";
import {
  type UpgradeRefusal,
  writeRefusal,
  writeUpgradeResponse,
} from "../transport/web_socket/handshake.ts";
import { Upgrades } from "./_upgrades.ts";
import { adoptSocket } from "./node_tcp.ts";

/**
 * Takes the requests for its path, and leaves others to the server's other listeners; where it is the only one, it answers them with
 * 404, since Node has no time-out for an upgrade that nobody answers.
 *
 * @example
 * ```ts
 * import { WebSocketUpgrades } from "iketcp/node";
 * import { createServer } from "node:http";
 *
 * async function serve(): Promise<void> {
 *   const server = createServer((_request, response) => response.end("hello"));
 *   const upgrades = new WebSocketUpgrades({ path: "/vpn" });
 *   server.on("upgrade", upgrades.handler);
 *   server.listen(8080);
 *   for await (const connection of upgrades.connections) connection.readable.pipeTo(connection.writable);
 * }
 * ```
 */
export class WebSocketUpgrades extends Upgrades {
  /** For `server.on("upgrade", …)`, of `node:http` and `node:https`. */
  readonly handler: (request: IncomingMessage, socket: Duplex, head: Buffer) => void = (
    request,
    socket,
    head,
  ) => {
    if (this.handle(request, socket, head)) return;
    const { server } = socket as Duplex & { readonly server?: Server };
    if (server?.listenerCount("upgrade") !== 1) return;
    refuse(adoptSocket(socket as Socket), 404, "There is nothing at this path");
  };

  /** Answers a request; false when its path is another's, and nothing was done. */
  handle(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const target = request.url ?? "/";
    if (!this.wants(pathOfTarget(target))) return false;
    const fields = new Map(
      Object.entries(request.headers).map(([name, value]) => [name, String(value ?? "")]),
    );
    const decision = this.decide({
      method: request.method ?? "",
      target,
      minorVersion: request.httpVersionMinor === 0 ? 0 : 1,
      fields,
    });
    const stream = adoptSocket(socket as Socket);
    if (!decision.accepted) {
      refuse(stream, decision.status, decision.reason);
      return true;
    }
    void this.#open(stream, new Uint8Array(head), decision.key, decision.protocol);
    return true;
  }

  async #open(
    stream: ReturnType<typeof adoptSocket>,
    rest: Uint8Array,
    key: string,
    protocol: string | undefined,
  ): Promise<void> {
    const reader = stream.readable.getReader();
    const writer = stream.writable.getWriter();
    try {
      await writer.write(await writeUpgradeResponse(key, protocol));
    } catch {
      return; // The client has left.
    }
    this.handleConnection(
      new WebSocketConnection(stream, { ...this.options, role: "server", reader, writer, rest, protocol }),
    );
  }
}

function refuse(stream: Connection, status: UpgradeRefusal, reason: string): void {
  stream.writable.getWriter().write(writeRefusal(status, reason)).catch(() => {});
  stream.close();
}
