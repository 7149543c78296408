/**
 * Runs an engine in real time: feeds it inputs with the time, drains what comes out, keeps the one timer, and lets promises
 * answer its needs. Knows nothing of sockets and packets.
 */

import type { IkeEvent, IkeInput, IkeOutput, IkePath } from "../ike/mod.ts";

/** What is driven: an `IkeEngine`, or what behaves as one. */
export interface DrivenEngine {
  /** Takes something that has happened. */
  handle(input: IkeInput, now: number): void;
  /** Gives what is to be done, a deadline as the last. */
  poll(): IkeOutput;
}

/** What an {@linkcode EngineDriver} takes. */
export interface EngineDriverOptions {
  /** Sends a message on a path. */
  readonly transmit: (path: IkePath, octets: Uint8Array<ArrayBuffer>) => void;
  /** Told everything that the engine tells. */
  readonly onEvent: (event: IkeEvent) => void;
  /** No SA uses the path any more. */
  readonly onPathUnused?: (path: IkePath) => void;
  /** Answers what only the outside can. Without it, or when it rejects, the answer is the error. */
  readonly answer?: (need: unknown) => Promise<unknown>;
  /** Milliseconds from any start, never going back (default: `performance.now`). */
  readonly now?: () => number;
}

/** The longest that one timer may run: 2^31 - 1 ms is what all runtimes take. */
const MAX_DELAY = 0x7fffffff;

/** Runs an engine. */
export class EngineDriver {
  readonly #engine: DrivenEngine;
  readonly #options: EngineDriverOptions;
  readonly #now: () => number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  #draining = false;
  #stopped = false;

  /** Takes an engine that nobody else feeds. */
  constructor(engine: DrivenEngine, options: EngineDriverOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Feeds the engine and does what it wants done. May be called from inside of what is told. */
  handle(input: IkeInput): void {
    if (this.#stopped) return;
    this.#engine.handle(input, this.#now());
    if (!this.#draining) this.#drain();
  }

  /** Ends the timer; the engine hears nothing more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #drain(): void {
    this.#draining = true;
    try {
      for (;;) {
        const output = this.#engine.poll();
        if (output.kind === "deadline") return this.#wake(output.at);
        this.#carryOut(output);
      }
    } finally {
      this.#draining = false;
    }
  }

  #carryOut(output: Exclude<IkeOutput, { kind: "deadline" }>): void {
    switch (output.kind) {
      case "transmit":
        return this.#options.transmit(output.path, output.octets);
      case "event":
        return this.#options.onEvent(output.event);
      case "path_unused":
        return this.#options.onPathUnused?.(output.path);
      case "need":
        this.#answer(output.id, output.need);
    }
  }

  #answer(id: number, need: unknown): void {
    const { answer } = this.#options;
    const answered = answer === undefined
      ? Promise.reject(new Error("nothing here can answer what the engine needs"))
      : answer(need);
    answered.catch((error: unknown) => error).then((result) => this.handle({ kind: "answer", id, result }));
  }

  #wake(at: number | null): void {
    const deadline = at ?? Infinity;
    if (this.#stopped || deadline === this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = deadline;
    if (deadline === Infinity) return;
    const delay = Math.min(Math.max(0, Math.ceil(deadline - this.#now())), MAX_DELAY);
    this.#timer = setTimeout(() => {
      this.#timerAt = Infinity;
      this.handle({ kind: "timeout" });
    }, delay);
  }
}
