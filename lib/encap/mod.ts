/**
 * RFC 9329, sections 3 and 4, as stream stages: the prefix, the framing, and the two kinds of message. Nothing here knows
 * what IKE or ESP are beyond the pattern of octets that tells them apart, and nothing knows a runtime.
 *
 * Each stage is a synchronous core (`Deframer`) and a thin stream around it (`DeframerStream`); `compose` runs several
 * cores in one stream; {@linkcode EncapsulationStream} is the whole for one end of a connection.
 *
 * @example A message through a whole pipeline
 * ```ts
 * import { DeframerStream, FramerStream, PrefixReaderStream, PrefixWriterStream } from "iketcp/encap";
 * import { deepStrictEqual } from "node:assert";
 *
 * const framer = new FramerStream();
 * const messages = framer.readable
 *   .pipeThrough(new PrefixWriterStream())
 *   .pipeThrough(new PrefixReaderStream())
 *   .pipeThrough(new DeframerStream());
 * framer.writable.getWriter().write([new Uint8Array([1]), new Uint8Array([2, 3])]);
 * const { value } = await messages.getReader().read();
 * deepStrictEqual(value, [new Uint8Array([1]), new Uint8Array([2, 3])]);
 * ```
 *
 * @module
 */
export * from "./batch_stream.ts";
export * from "./constants.ts";
export * from "./deframer.ts";
export * from "./deframer_stream.ts";
export * from "./demux.ts";
export * from "./demux_stream.ts";
export * from "./encapsulation_stream.ts";
export * from "./framer.ts";
export * from "./framer_stream.ts";
export * from "./keepalive_filter.ts";
export * from "./keepalive_filter_stream.ts";
export * from "./message_queue.ts";
export * from "./mux_stream.ts";
export * from "./prefix_reader.ts";
export * from "./prefix_reader_stream.ts";
export * from "./prefix_refuser.ts";
export * from "./prefix_writer.ts";
export * from "./prefix_writer_stream.ts";
export * from "./stage_stream.ts";
export * from "./transducer.ts";
export * from "./unbatch_stream.ts";
