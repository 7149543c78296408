/**
 * The contract of every core of this toolkit: a synchronous machine that takes chunks and emits chunks, and knows nothing
 * of streams. `StageStream` makes a stage of one, `compose` of several.
 */

/** One message, or a batch of all complete messages of one read. Later stages answer in kind. */
export type MessageChunk = Uint8Array | Uint8Array[];

/** Takes what a core gives out. */
export type Emit<O> = (chunk: O) => void;

/**
 * A synchronous core. What it emitted before it throws has been delivered; after it has thrown it is of no more use.
 *
 * @example A core of your own in a pipeline
 * ```ts
 * import { compose, type Transducer } from "iketcp/encap";
 *
 * const shout: Transducer<string, string> = {
 *   handle: (chunk, emit) => emit(chunk.toUpperCase()),
 *   handleEnd: (emit) => emit("!"),
 * };
 * const stage = compose(shout);
 * const writer = stage.writable.getWriter();
 * writer.write("ike");
 * writer.close();
 * let text = "";
 * for await (const chunk of stage.readable) text += chunk;
 * if (text !== "IKE!") throw new Error(text);
 * ```
 */
export interface Transducer<I, O> {
  /** Emits what goes out before any input has come; most cores have nothing to say then. */
  handleStart?(emit: Emit<O>): void;
  /** Takes one chunk and emits what it completes. */
  handle(chunk: I, emit: Emit<O>): void;
  /** The input has ended: emits what is left, or throws when the input must not end here. */
  handleEnd(emit: Emit<O>): void;
}

/** Runs cores one behind the other as one core, without a stream between them; no cores pass everything on as it is. */
export class Chain<I, O> implements Transducer<I, O> {
  /** The cores in order, for their counters. */
  readonly cores: readonly Transducer<unknown, unknown>[];

  /** Joins the cores; the output of each must be the input of the next. */
  constructor(cores: readonly Transducer<never, unknown>[]) {
    this.cores = cores as readonly Transducer<unknown, unknown>[];
  }

  /** Lets every core speak first, the last one before the others, as each would alone in a pipeline. */
  handleStart(emit: Emit<O>): void {
    for (let i = this.cores.length - 1; i >= 0; i--) this.cores[i]!.handleStart?.(this.#from(i + 1, emit));
  }

  /** Runs one chunk through all cores. */
  handle(chunk: I, emit: Emit<O>): void {
    this.#from(0, emit)(chunk);
  }

  /** Ends the cores in order, so that what each still gives passes through those behind it. */
  handleEnd(emit: Emit<O>): void {
    this.cores.forEach((core, i) => core.handleEnd(this.#from(i + 1, emit)));
  }

  /** Takes input for core `i`; behind the last core waits the caller. */
  #from(i: number, emit: Emit<O>): Emit<unknown> {
    const link = (next: Emit<unknown>, core: Transducer<unknown, unknown>): Emit<unknown> => (chunk) =>
      core.handle(chunk, next);
    return this.cores.slice(i).reduceRight(link, emit as Emit<unknown>);
  }
}
