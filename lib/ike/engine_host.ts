/**
 * An engine with a clock, a single timer, and somebody to hand its messages to. One host serves any number of paths: a responder
 * with ten thousand connections has ten thousand {@linkcode IkeEngineStream}s and one engine, so that an SA can move from a lost
 * connection to the next one, and limits hold for all of them together.
 */

import { IkeError } from "../errors.ts";
import type { IkeEngine } from "./engine.ts";
import type { IkeInput, IkeOutput } from "./engine_io.ts";
import type { IkeEvent, IkeSaEstablished, IkeSaId } from "./events.ts";
import type { IkePath } from "./path.ts";

/** Where messages for a path go. */
export type TransmitBatch = (path: IkePath, messages: Uint8Array<ArrayBuffer>[]) => void;

/** Time as a host needs it; tests hand in another. */
export interface HostClock {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** Calls back once, after so many milliseconds; gives the way to call it off. */
  after(milliseconds: number, callback: () => void): () => void;
}

/** What an {@linkcode IkeEngineHost} takes besides its engine. */
export interface IkeEngineHostOptions {
  /** Takes messages for paths that have no stream: those of a UDP socket, which serves many (default: dropped). */
  readonly transmit?: TransmitBatch;
  /** Does what only the outside can do; what it throws is the answer too (default: every need is refused). */
  readonly onNeed?: (need: unknown) => unknown | Promise<unknown>;
  /** Told when no IKE SA uses a path any more: its connection may be closed (RFC 9329, section 6.1). */
  readonly onPathUnused?: (path: IkePath) => void;
  /** Told of every event, before anybody who reads `events`. */
  readonly onEvent?: (event: IkeEvent) => void;
  /** The clock (default: `performance.now` and `setTimeout`). */
  readonly clock?: HostClock;
  /**
   * Events that wait for a slow reader of `events` (default: 1000). Of messages those that come later are left out; twice as many
   * events end the stream with an `IkeError` `ERR_IKE_LIMIT`. 0 where nobody reads: none is kept, and the stream is at its end.
   */
  readonly maxQueuedEvents?: number;
}

/** The longest time that timers of runtimes take. */
const MAX_TIMER = 2 ** 31 - 1;

const SYSTEM_CLOCK: HostClock = {
  now: () => performance.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};

/** Messages that wait for the end of a turn, by path. */
type Batches = Map<string, { readonly path: IkePath; readonly messages: Uint8Array<ArrayBuffer>[] }>;

interface Waiter {
  readonly resolve: (event: IkeSaEstablished) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Runs an engine.
 *
 * @example Two engines in one program, over a stream in memory
 * ```ts
 * import { CryptoProviders, nobleProvider } from "iketcp/crypto";
 * import { IkeEngine, IkeEngineHost, IkeEngineStream } from "iketcp/ike";
 * import { Credentials } from "iketcp/ike/auth";
 * import { strictEqual } from "node:assert";
 *
 * const credentials = new Credentials();
 * credentials.addPreSharedKey({ secret: new TextEncoder().encode("of both ends"), owners: [] });
 * const common = {
 *   crypto: new CryptoProviders([nobleProvider()]),
 *   random: (octets: Uint8Array) => void globalThis.crypto.getRandomValues(octets as Uint8Array<ArrayBuffer>),
 *   credentials,
 * };
 * const host = (name: string, local: string, remote: string) =>
 *   new IkeEngineHost(
 *     new IkeEngine({
 *       ...common,
 *       connections: [{
 *         name,
 *         local: { auth: "psk", id: local },
 *         remote: { auth: "psk", id: remote },
 *         children: { net: { local_ts: "0.0.0.0/0", remote_ts: "0.0.0.0/0" } },
 *       }],
 *     }),
 *     { clock: { now: () => 0, after: () => () => {} } }, // nothing gets lost in memory, so nothing waits for a time
 *   );
 * const [client, gateway] = [host("home", "carol@example", "gw.example"), host("road", "gw.example", "carol@example")];
 *
 * const ends = [{ address: Uint8Array.of(192, 0, 2, 1), port: 40000 }, { address: Uint8Array.of(192, 0, 2, 2), port: 4500 }];
 * const path = { id: "1", reliable: true, local: ends[0]!, remote: ends[1]! };
 * const there = new IkeEngineStream(client, path);
 * const here = new IkeEngineStream(gateway, { id: "1", reliable: true, local: ends[1]!, remote: ends[0]! });
 * there.readable.pipeTo(here.writable);
 * here.readable.pipeTo(there.writable);
 *
 * const { remoteId, ikeSa } = await client.initiate("home", path);
 * strictEqual(remoteId, "gw.example");
 *
 * client.handle({ kind: "delete_ike", ikeSa });
 * for await (const event of client.events) if (event.type === "ike_sa_deleted") break;
 * client.close();
 * gateway.close();
 * ```
 */
export class IkeEngineHost {
  /** The engine inside. */
  readonly engine: IkeEngine;
  /** Everything that the engine tells, for one reader; nobody has to read it. */
  readonly events: ReadableStream<IkeEvent>;
  readonly #options: IkeEngineHostOptions;
  readonly #clock: HostClock;
  readonly #sinks: Map<string, (messages: Uint8Array<ArrayBuffer>[]) => void> = new Map();
  readonly #waiters: Map<IkeSaId, Waiter> = new Map();
  readonly #maxQueued: number;
  #controller: ReadableStreamDefaultController<IkeEvent> | null = null;
  #cancelTimer: () => void = () => {};
  #deadline: number | null = null;
  readonly #batches: Batches = new Map();
  /** What comes behind the messages. */
  readonly #others: Exclude<IkeOutput, { kind: "transmit" | "deadline" }>[] = [];
  /** When the timer goes off. */
  #wakesAt = Infinity;
  #pumping = false;
  #closed = false;

  /** Takes an engine that nobody else runs. */
  constructor(engine: IkeEngine, options: IkeEngineHostOptions = {}) {
    this.engine = engine;
    this.#options = options;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#maxQueued = options.maxQueuedEvents ?? 1000;
    this.events = new ReadableStream({
      start: (controller) => {
        if (this.#maxQueued === 0) controller.close();
        else this.#controller = controller;
      },
      cancel: () => {
        this.#controller = null;
      },
    }, { highWaterMark: this.#maxQueued });
  }

  /** Gives the engine an input, and does what it wants done. */
  handle(input: IkeInput): void {
    if (this.#closed) return;
    this.engine.handle(input, this.#clock.now());
    this.#pump();
  }

  /** Messages have come by a path, in this order. What the engine has to say to all of them goes out together. */
  handleMessages(path: IkePath, messages: readonly Uint8Array[]): void {
    if (this.#closed) return;
    const now = this.#clock.now();
    for (const octets of messages) this.engine.handle({ kind: "message", path, octets }, now);
    this.#pump();
  }

  /**
   * Begins an IKE SA and waits until it is established; else an `IkeError` `ERR_IKE_FAILED` tells why not. With a signal that is
   * aborted the attempt is given up.
   */
  initiate(
    connection: string,
    path: IkePath,
    options: { readonly children?: readonly string[]; readonly signal?: AbortSignal } = {},
  ): Promise<IkeSaEstablished> {
    const { children, signal } = options;
    const ikeSa = this.engine.reserve();
    let [resolve, reject]: [Waiter["resolve"], Waiter["reject"]] = [() => {}, () => {}];
    const promise = new Promise<IkeSaEstablished>((...settle) => [resolve, reject] = settle);
    if (signal?.aborted) return Promise.reject(signal.reason);
    const abort = () => {
      this.#waiters.delete(ikeSa);
      this.handle({ kind: "delete_ike", ikeSa });
      reject(signal!.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    this.#waiters.set(ikeSa, { resolve, reject });
    try {
      this.handle({
        kind: "initiate",
        connection,
        path,
        ikeSa,
        ...(children === undefined ? {} : { children }),
      });
    } catch (error) {
      this.#waiters.delete(ikeSa);
      reject(error as Error);
    }
    return promise.finally(() => signal?.removeEventListener("abort", abort));
  }

  /** Says where messages for a path go from now on; the way to take that back is given. */
  attach(path: IkePath, sink: (messages: Uint8Array<ArrayBuffer>[]) => void): () => void {
    this.#sinks.set(path.id, sink);
    return () => {
      if (this.#sinks.get(path.id) === sink) this.#sinks.delete(path.id);
    };
  }

  /** Ends: no timer is left, and SAs are forgotten without a word to their peers; delete them before. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTimer();
    for (const { reject } of this.#waiters.values()) reject(failed("The engine was closed"));
    this.#waiters.clear();
    this.#controller?.close();
    this.#controller = null;
  }

  /** Takes outputs until there are none. What a callback does to the engine meanwhile is taken in the same turn. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      this.#deadline = this.#takeOutputs();
    } finally {
      this.#pumping = false;
    }
    this.#setTimer();
  }

  /**
   * Messages go out as one batch for each path, and before anything else is told: whoever hears that an SA is gone, or a path
   * unused, may close the connection at once. Gives the deadline.
   */
  #takeOutputs(): number | null {
    // Kept here, so that a callback that throws takes nothing of the others with it.
    const [batches, others] = [this.#batches, this.#others];
    for (;;) {
      let output = this.engine.poll();
      for (; output.kind !== "deadline"; output = this.engine.poll()) {
        if (output.kind !== "transmit") {
          others.push(output);
          continue;
        }
        const { path, octets } = output;
        const batch = batches.get(path.id);
        if (batch === undefined) batches.set(path.id, { path, messages: [octets] });
        else batch.messages.push(octets);
      }
      // What is sent or told may be answered at once: only when nothing is left to do is the deadline not an old one.
      if (batches.size === 0 && others.length === 0) return output.at;
      for (const [id, { path, messages }] of batches) {
        batches.delete(id);
        this.#transmit(path, messages);
      }
      for (let other = others.shift(); other !== undefined; other = others.shift()) {
        if (other.kind === "event") this.#tell(other.event);
        else if (other.kind === "need") this.#serve(other.id, other.need);
        else this.#options.onPathUnused?.(other.path);
      }
    }
  }

  #transmit(path: IkePath, messages: Uint8Array<ArrayBuffer>[]): void {
    const sink = this.#sinks.get(path.id);
    if (sink !== undefined) sink(messages);
    else this.#options.transmit?.(path, messages);
  }

  #tell(event: IkeEvent): void {
    this.#options.onEvent?.(event);
    if (event.type === "ike_sa_established") this.#take(event.ikeSa)?.resolve(event);
    else if (event.type === "ike_sa_failed") this.#take(event.ikeSa)?.reject(failed(event.text));
    const controller = this.#controller;
    if (controller === null) return;
    const room = controller.desiredSize ?? 0;
    if (isLog(event) && room <= 0) return;
    if (room > -this.#maxQueued) return controller.enqueue(event);
    // A peer makes events as long as it likes, and nobody reads them: what is queued goes, too.
    this.#controller = null;
    controller.error(
      new IkeError(
        "ERR_IKE_LIMIT",
        `Cannot keep events: expected a reader, got ${2 * this.#maxQueued} unread`,
      ),
    );
  }

  #take(ikeSa: IkeSaId): Waiter | undefined {
    const waiter = this.#waiters.get(ikeSa);
    this.#waiters.delete(ikeSa);
    return waiter;
  }

  /** Puts a need to the outside; without anybody there, or with an error, the answer is an error. */
  #serve(id: number, need: unknown): void {
    const { onNeed } = this.#options;
    const answer = (result: unknown) => this.handle({ kind: "answer", id, result });
    const refuse = (error: unknown) => answer(error instanceof Error ? error : new Error(String(error)));
    if (onNeed === undefined) {
      queueMicrotask(() => refuse("nobody serves it here"));
      return;
    }
    new Promise((resolve) => resolve(onNeed(need))).then(answer, refuse);
  }

  /** A timer that goes off too early stays: to wake for nothing now and then costs less than a new timer for each message. */
  #setTimer(): void {
    const deadline = this.#closed ? null : this.#deadline;
    if (deadline !== null && this.#wakesAt <= deadline) return;
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    this.#wakesAt = Infinity;
    if (deadline === null) return;
    const now = this.#clock.now();
    const wait = Math.min(MAX_TIMER, Math.max(0, Math.ceil(deadline - now)));
    this.#wakesAt = now + wait;
    this.#cancelTimer = this.#clock.after(wait, () => {
      this.#wakesAt = Infinity;
      this.handle({ kind: "timeout" });
    });
  }
}

/** Tells of messages, not of SAs. */
function isLog({ type }: IkeEvent): boolean {
  return type === "message" || type === "message_dropped";
}

function failed(text: string): IkeError {
  return new IkeError("ERR_IKE_FAILED", `Cannot establish an IKE SA: ${text}`);
}
