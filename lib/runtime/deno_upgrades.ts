/** WebSockets of somebody's own HTTP server in Deno: a part of the handler of `Deno.serve`. */

import type { TransportAddress } from "../transport/address.ts";
import { MAX_FRAME_LENGTH } from "../transport/web_socket/frame_reader.ts";
import { adoptWebSocket } from "../transport/web_socket/platform.ts";
import { deno } from "./_deno.ts";
import { headOf, refusal, Upgrades } from "./_upgrades.ts";

/** What `Deno.serve` tells of a request. */
export interface DenoServeInfo {
  /** Who sent it. */
  readonly remoteAddr: { readonly transport: string; readonly hostname?: string; readonly port?: number };
}

/**
 * Takes the requests for its path. The connections are Deno's own WebSockets: see `adoptWebSocket` for what those cannot do,
 * and `listenWebSocket` for a port of its own. Deno puts the frames of a message together, up to 64 MiB, before anybody sees it:
 * `maxFrameLength` is the limit of a whole message here, as in Bun. A client that never answers a Close frame keeps its socket open for as
 * long as it likes, which nobody here can drop. `WebSocketUpgrades` of `iketcp/node` on a server of `node:http` has neither of the
 * two, in Deno as well.
 *
 * @example
 * ```ts
 * import { WebSocketUpgrades } from "iketcp/deno";
 *
 * const upgrades = new WebSocketUpgrades({ path: "/vpn" });
 * function handle(request: Request): Response {
 *   return upgrades.handle(request) ?? new Response("hello");
 * }
 * upgrades.close();
 * handle(new Request("http://127.0.0.1/"));
 * ```
 */
export class WebSocketUpgrades extends Upgrades {
  /** The response to a request for this handler's path; undefined when it is another's. `info` tells the client's address. */
  handle(request: Request, info?: DenoServeInfo): Response | undefined {
    const { hostname, port, pathname, protocol } = new URL(request.url);
    if (!this.wants(pathname)) return undefined;
    const decision = this.decide(headOf(request));
    if (!decision.accepted) return refusal(decision);
    const remote = info?.remoteAddr;
    const addresses = {
      localAddress: { hostname, port: Number(port) || (protocol === "https:" ? 443 : 80) },
      remoteAddress: { hostname: remote?.hostname ?? "", port: remote?.port ?? 0 } as TransportAddress,
    };
    // Deno pings after `idleTimeout` seconds, and drops a client that does not answer within as many.
    const { pingInterval, maxFrameLength: maxMessageLength = MAX_FRAME_LENGTH } = this.options;
    const { response, socket } = deno().upgradeWebSocket(request, {
      ...(decision.protocol !== undefined && { protocol: decision.protocol }),
      ...(pingInterval !== undefined && { idleTimeout: Math.ceil(pingInterval / 1000) }),
    });
    socket.addEventListener(
      "open",
      () => this.handleConnection(adoptWebSocket(socket, { ...addresses, maxMessageLength })),
    );
    return response;
  }
}
