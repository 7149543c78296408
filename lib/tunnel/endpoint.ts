/**
 * One end of tunnels, as initiator or responder: the only place where an engine, connections and datapaths meet. Messages come in by
 * connection; IKE goes to the engine, ESP to the session that has the SPI. What the engine tells makes and ends sessions.
 */

import type { EncapsulationRole } from "../encap/mod.ts";
import {
  type ChildSaDeleted,
  type ChildSaForgotten,
  type IkeEngine,
  IkeEngineHost,
  type IkeEvent,
  type IkePath,
  type IkeSaFailed,
  type IkeSaId,
} from "../ike/mod.ts";
import type { Connection, DatagramEndpoint } from "../transport/mod.ts";
import { DatagramLink } from "./datagram_link.ts";
import type { Link, LinkOwner, LinkPath } from "./link.ts";
import { Session, type SessionHost, type SessionOptions } from "./session.ts";
import { StreamLink } from "./stream_link.ts";

/** What an {@linkcode Endpoint} takes. */
export interface EndpointOptions extends SessionOptions {
  /** The engine, which nobody else feeds. */
  readonly engine: IkeEngine;
  /** Which end of its connections this is: the one that opened them, or the one that accepted. */
  readonly role: EncapsulationRole;
  /** A session has begun: its IKE SA is established. */
  readonly onSession: (session: Session) => void;
  /** An attempt has failed. */
  readonly onFailed?: (event: IkeSaFailed) => void;
  /** Told everything that the engine tells, keys of child SAs excepted. */
  readonly onEvent?: (event: IkeEvent) => void;
  /** ESP packets that no session has the SPI of were dropped; their sender is told, though not of each. */
  readonly onUnknownSpi?: (spi: number, path: IkePath) => void;
  /** Answers what only the outside can. */
  readonly onNeed?: (need: unknown) => unknown | Promise<unknown>;
}

/** How long peers have to answer a deletion when everything is closed, and how often they are asked on UDP, where a message may get lost. */
const CLOSE_TIMEOUT_MS = 2000;
const CLOSE_AGAIN_MS = 400;

/** One end of tunnels. */
export class Endpoint implements SessionHost, LinkOwner {
  readonly #options: EndpointOptions;
  readonly #host: IkeEngineHost;
  readonly #links: Set<Link> = new Set();
  readonly #sessions: Map<IkeSaId, Session> = new Map();
  /** Who receives with an SPI. */
  readonly #spis: Map<number, Session> = new Map();
  #opened = 0;
  #closing: Promise<void> | null = null;
  /** Called when everything is closed and no IKE SA is left. */
  #onNothingLeft: (() => void) | null = null;

  /** Begins without a connection. */
  constructor(options: EndpointOptions) {
    this.#options = options;
    this.#host = new IkeEngineHost(options.engine, {
      transmit: (path, messages) => linkOf(path).sendIke(messages, path),
      onEvent: (event) => this.#handleEvent(event),
      onPathUnused: (path) => linkOf(path).release(path),
      onNeed: options.onNeed,
      maxQueuedEvents: 0,
    });
  }

  /** Sessions that have not ended. */
  get sessions(): IterableIterator<Session> {
    return this.#sessions.values();
  }

  /** Connections and UDP sockets in use. */
  get linkCount(): number {
    return this.#links.size;
  }

  /** Speaks on a connection from now on; gives the path that inputs name it by. */
  addConnection(connection: Connection): LinkPath {
    const link = new StreamLink(connection, this.#options.role, `stream ${++this.#opened}`, this);
    this.#links.add(link);
    return link.path;
  }

  /**
   * Speaks on a UDP socket from now on, with whoever is heard there. `marked` says whether IKE messages have the non-ESP marker, as
   * on port 4500 (RFC 3948, section 2.2); without it, as on port 500, there is no ESP.
   */
  addDatagrams(endpoint: DatagramEndpoint, options: { readonly marked?: boolean } = {}): DatagramLink {
    const link = new DatagramLink(endpoint, options.marked ?? true, this);
    this.#links.add(link);
    return link;
  }

  /** A path leads nowhere any more. */
  handlePathLost(path: IkePath): void {
    this.handle({ kind: "path_lost", path });
  }

  /** A link is closed. */
  handleLinkEnd(link: Link): void {
    this.#links.delete(link);
  }

  /** IKE messages have come, without markers. They are copied: the engine keeps requests, which should not hold a read buffer. */
  handleIke(messages: readonly Uint8Array[], path: IkePath): void {
    this.#host.handleMessages(path, messages.map((message) => message.slice()));
    this.#noteLeft();
  }

  /** ESP packets with one SPI have come; they are given away. */
  handleEsp(packets: Uint8Array[], spi: number, path: IkePath): void {
    const session = this.#spis.get(spi);
    if (session !== undefined) return session.handleEsp(packets, path);
    this.handle({ kind: "unknown_spi", path, spi });
    this.#options.onUnknownSpi?.(spi, path);
  }

  /** Feeds the engine. */
  handle(input: Parameters<SessionHost["handle"]>[0]): void {
    this.#host.handle(input);
    this.#noteLeft();
  }

  #noteLeft(): void {
    if (this.#onNothingLeft !== null && this.#options.engine.counters.ikeSas === 0) this.#onNothingLeft();
  }

  /** Sends ESP packets that have room for their Lengths in front. */
  sendEsp(path: IkePath, packets: Uint8Array[]): Promise<void> | void {
    return linkOf(path).sendEsp(packets, path);
  }

  /** Ends every session in order as far as peers answer in time, then the connections. Safe to repeat. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** IKE SAs that have no session any more, because another one replaces them, are waited for as well. */
  async #close(): Promise<void> {
    const nothingLeft = new Promise<void>((resolve) => this.#onNothingLeft = resolve);
    const ask = () => this.handle({ kind: "delete_all" });
    ask();
    const again = setInterval(ask, CLOSE_AGAIN_MS);
    await withinTime(nothingLeft, CLOSE_TIMEOUT_MS);
    clearInterval(again);
    this.#host.close();
    for (const ikeSa of [...this.#sessions.keys()]) this.#end(ikeSa, undefined);
    await Promise.all(Array.from(this.#links, (link) => link.close()));
  }

  #handleEvent(event: IkeEvent): void {
    switch (event.type) {
      case "ike_sa_established": {
        const replaced = event.replaces === undefined ? undefined : this.#sessions.get(event.replaces);
        if (replaced === undefined) {
          const session = new Session(event, this, this.#options);
          this.#sessions.set(event.ikeSa, session);
          this.#options.onSession(session);
        } else {
          // Where both ends were authenticated anew, the old IKE SA has child SAs until it is deleted.
          replaced.handleReplaced(event);
          this.#sessions.set(event.ikeSa, replaced);
        }
        break;
      }
      case "ike_sa_deleted":
        this.#end(event.ikeSa, event.by === "failure" ? event.text ?? event.reason : undefined);
        break;
      case "ike_sa_failed":
        this.#options.onFailed?.(event);
        break;
      case "child_sa_installed": {
        const session = this.#sessions.get(event.ikeSa);
        if (session === undefined) break;
        this.#spis.set(event.childSa.inbound.spi, session);
        session.handleInstalled(event);
        break;
      }
      case "child_sa_switched":
        this.#sessions.get(event.ikeSa)?.handleSwitched(event.child);
        break;
      case "child_sa_deleted":
        if (event.receivesFor === undefined) this.#forget(event);
        else this.#sessions.get(event.ikeSa)?.handleRetired(event.child);
        break;
      case "child_sa_forgotten":
        this.#forget(event);
        break;
      case "child_sas_moved":
        this.#sessions.get(event.from)?.handleMoved(event.from, event.to);
        this.#sessions.delete(event.from);
        break;
      case "path_changed":
        this.#sessions.get(event.ikeSa)?.handlePath(event.path);
    }
    this.#options.onEvent?.(withoutKeys(event));
  }

  #forget({ ikeSa, child }: ChildSaDeleted | ChildSaForgotten): void {
    const spi = this.#sessions.get(ikeSa)?.handleDeleted(child);
    if (spi !== undefined) this.#spis.delete(spi);
  }

  #end(ikeSa: IkeSaId, failure: string | undefined): void {
    const session = this.#sessions.get(ikeSa);
    if (session === undefined) return;
    this.#sessions.delete(ikeSa);
    if (session.handleIkeSaGone(ikeSa)) return;
    for (const [spi, owner] of this.#spis) {
      if (owner === session) this.#spis.delete(spi);
    }
    session.handleEnd(failure);
  }
}

async function withinTime(work: Promise<unknown>, milliseconds: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  await Promise.race([work, new Promise((resolve) => timer = setTimeout(resolve, milliseconds))]);
  clearTimeout(timer);
}

/** Every path that the engine has is one that a link made. */
function linkOf(path: IkePath): Link {
  return (path as LinkPath).link;
}

/** The event without the keys that are in it. */
function withoutKeys(event: IkeEvent): IkeEvent {
  if (event.type !== "child_sa_installed") return event;
  const { childSa } = event;
  const none = { encryptionKey: new Uint8Array(0), integrityKey: new Uint8Array(0) };
  return {
    ...event,
    childSa: {
      ...childSa,
      inbound: { ...childSa.inbound, ...none },
      outbound: { ...childSa.outbound, ...none },
    },
  };
}
