/** WebSockets of somebody's own HTTP server in Node: a handler for its `upgrade` event. */

import type { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketConnection } from "../transport/web_socket/connection.ts";
import { writeRefusal, writeUpgradeResponse } from "../transport/web_socket/handshake.ts";
import { Upgrades } from "./_upgrades.ts";
import { adoptSocket } from "./node_tcp.ts";

/**
 * Takes the requests for its path, and leaves others to the server's other listeners.
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
  ) => void this.handle(request, socket, head);

  /** Answers a request; false when its path is another's, and nothing was done. */
  handle(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const target = request.url ?? "/";
    if (!this.wants(target.replace(/[?#].*$/s, ""))) return false;
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
      stream.writable.getWriter().write(writeRefusal(decision.status, decision.reason)).catch(() => {});
      stream.close();
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
