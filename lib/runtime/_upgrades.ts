/** What the upgrade handlers of all runtimes share: their options, and the queue of connections that they give. */

import { AcceptQueue } from "../transport/accept_queue.ts";
import type { HttpRequestHead } from "../transport/http_request_head.ts";
import type { Connection } from "../transport/types.ts";
import type { WebSocketOptions } from "../transport/web_socket/connection.ts";
import {
  checkUpgradeRequest,
  refusalFields,
  type UpgradeDecision,
  type UpgradeRules,
} from "../transport/web_socket/handshake.ts";

/** Options of `WebSocketUpgrades`, whose `path` tells which requests are for it. */
export interface WebSocketUpgradesOptions extends UpgradeRules, WebSocketOptions {
  /** Connections that may wait to be taken; requests past them are answered with 503. Default 511. */
  readonly backlog?: number;
}

/** Connections that somebody else's HTTP server accepted. */
export abstract class Upgrades {
  /** Each connection. Cancelling it takes no more. */
  readonly connections: ReadableStream<Connection>;

  /** As given. */
  protected readonly options: WebSocketUpgradesOptions;
  readonly #queue: AcceptQueue;

  /** Makes a handler; the server is told of it. */
  constructor(options: WebSocketUpgradesOptions = {}) {
    this.options = options;
    this.#queue = new AcceptQueue({ limit: options.backlog });
    this.connections = this.#queue.connections;
  }

  /** Takes no more requests; connections that were handed out live on, those that wait are reset. The server goes on. */
  close(): void {
    this.#queue.handleEnd();
  }

  /** Whether a request is for this handler at all. */
  protected wants(path: string): boolean {
    return this.options.path === undefined || path === this.options.path;
  }

  /** Decides about a request. */
  protected decide(head: HttpRequestHead): UpgradeDecision {
    const decision = checkUpgradeRequest(head, this.options);
    if (!decision.accepted || !this.#queue.full) return decision;
    return { accepted: false, status: 503, reason: "Too many connections wait" };
  }

  /** Hands a connection on. */
  protected handleConnection(connection: Connection): void {
    if (!this.#queue.handleConnection(connection)) connection.writable.abort().catch(() => {});
  }
}

/** The head of a request that a server has parsed. */
export function headOf(request: Request): HttpRequestHead {
  const { pathname, search } = new URL(request.url);
  const fields = new Map([...request.headers].map(([name, value]) => [name.toLowerCase(), value]));
  return { method: request.method, target: `${pathname}${search}`, minorVersion: 1, fields };
}

/** The response that refuses. */
export function refusal(decision: UpgradeDecision & { accepted: false }): Response {
  const { Connection: _, ...headers } = refusalFields(decision.status);
  return new Response(`${decision.reason}\n`, { status: decision.status, headers });
}
