/**
 * The Web-stream adapter of this room, which does not import that of `encap`: default queuing strategies, `transform` is
 * synchronous, and the core stays reachable.
 */

import type { PacketChunk } from "./packet.ts";

/** What the cores of this room have in common. */
export interface PacketCore {
  /** Takes a chunk and emits what comes of it, in kind. */
  handle(chunk: PacketChunk, emit: (chunk: PacketChunk) => void): void;
}

/** A `TransformStream` that runs a core; a chunk in, at most one out, of the same kind. */
export class PacketStageStream<C extends PacketChunk, Core extends PacketCore> extends TransformStream<C, C> {
  /** The synchronous machine inside, with its counters. */
  readonly core: Core;

  /** Wraps a core. */
  constructor(core: Core) {
    super({
      transform: (chunk, controller) => {
        try {
          core.handle(chunk, (packets) => controller.enqueue(packets as C));
        } catch (error) {
          // Before it throws: left to the runtime, an abort right behind a write that fails never settles in Deno.
          controller.error(error);
          throw error;
        }
      },
    });
    this.core = core;
  }
}
