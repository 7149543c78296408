/**
 * A stage: the thin Web-stream adapter around a core. Default queuing strategies, so that a stage holds at most one chunk
 * and works only when somebody reads; `transform` is synchronous.
 *
 * What a core emitted before it threw reaches the reader: a stage runs only while a read is pending, and that read takes
 * the chunk before the error is set.
 */

import { Chain, type Emit, type Transducer } from "./transducer.ts";

/** A `TransformStream` that runs a core, which stays reachable as `core`. */
export class StageStream<I, O, Core extends Transducer<I, O> = Transducer<I, O>>
  extends TransformStream<I, O> {
  /** The synchronous machine inside, with its counters. */
  readonly core: Core;

  /** Wraps a core. */
  constructor(core: Core) {
    super({
      start: (controller) => run(controller, (emit) => core.handleStart?.(emit)),
      transform: (chunk, controller) => run(controller, (emit) => core.handle(chunk, emit)),
      flush: (controller) => run(controller, (emit) => core.handleEnd(emit)),
    });
    this.core = core;
  }
}

/**
 * Errors the stream before it throws: left to the runtime, an abort right behind a write that fails never settles in Deno,
 * and fails with an error of its own making in Node.
 */
function run<O>(controller: TransformStreamDefaultController<O>, step: (emit: Emit<O>) => void): void {
  try {
    step((chunk) => controller.enqueue(chunk));
  } catch (error) {
    controller.error(error);
    throw error;
  }
}

/** One core as a stage. */
export function compose<A, B>(a: Transducer<A, B>): StageStream<A, B>;
/** Two cores in one stage. */
export function compose<A, B, C>(a: Transducer<A, B>, b: Transducer<B, C>): StageStream<A, C, Chain<A, C>>;
/** Three cores in one stage. */
export function compose<A, B, C, D>(
  a: Transducer<A, B>,
  b: Transducer<B, C>,
  c: Transducer<C, D>,
): StageStream<A, D, Chain<A, D>>;
/** Four cores in one stage. */
export function compose<A, B, C, D, E>(
  a: Transducer<A, B>,
  b: Transducer<B, C>,
  c: Transducer<C, D>,
  d: Transducer<D, E>,
): StageStream<A, E, Chain<A, E>>;
/** Five cores in one stage. */
export function compose<A, B, C, D, E, F>(
  a: Transducer<A, B>,
  b: Transducer<B, C>,
  c: Transducer<C, D>,
  d: Transducer<D, E>,
  e: Transducer<E, F>,
): StageStream<A, F, Chain<A, F>>;
/**
 * Runs several cores in one `TransformStream`: the same results as piping their stages, without the cost of the stream
 * hops between them.
 *
 * @example From the bytes of an originator to messages, in one stage
 * ```ts
 * import { compose, Deframer, KeepaliveFilter, PrefixReader } from "iketcp/encap";
 * import { deepStrictEqual } from "node:assert";
 *
 * const stage = compose(new PrefixReader(), new Deframer(), new KeepaliveFilter());
 * const writer = stage.writable.getWriter();
 * writer.write(new TextEncoder().encode("IKETCP\x00\x06wxyz\x00\x03\x7f"));
 * writer.close();
 * for await (const batch of stage.readable) deepStrictEqual(batch, [new TextEncoder().encode("wxyz")]);
 * ```
 */
export function compose(...cores: Transducer<never, unknown>[]): StageStream<unknown, unknown> {
  return new StageStream(new Chain(cores));
}
