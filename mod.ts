/**
 * iketcp: IKEv2 and IPsec ESP through any ordered byte stream, as RFC 9329 defines for TCP, in stages that are ordinary Web
 * streams. This is the paved path and portable; every room has an entry point of its own: `iketcp/encap` for all stages,
 * `iketcp/runtime` for sockets, `iketcp/relay`, `iketcp/inspect` for captures, `iketcp/ike/codec`, `iketcp/transport`.
 *
 * @example One end of a connection
 * ```ts
 * import { EncapsulatedConnection } from "iketcp";
 * import { memoryPair } from "iketcp/transport";
 * import { strictEqual } from "node:assert";
 *
 * const [socket, far] = memoryPair(); // in real life: await connectTcp({ hostname: "gw.example", port: 4500 })
 * const vpn = new EncapsulatedConnection(socket, { role: "originator" });
 *
 * vpn.esp.writable.getWriter().write(new Uint8Array([0, 0, 16, 1, 0, 0, 0, 1]));
 * const reader = far.readable.getReader();
 * strictEqual(new TextDecoder().decode((await reader.read()).value), "IKETCP");
 * strictEqual((await reader.read()).value![1], 10); // the Length of an ESP packet of 8 octets
 * ```
 *
 * @module
 */
export * from "./lib/errors.ts";
export {
  BatchStream,
  compose,
  DeframerStream,
  DemuxStream,
  type EncapsulationOptions,
  EncapsulationStream,
  FramerStream,
  KeepaliveFilterStream,
  type MessageDuplex,
  MuxStream,
  PrefixReaderStream,
  PrefixWriterStream,
  UnbatchStream,
} from "./lib/encap/mod.ts";
export { InPlaceFramer } from "./lib/encap/in_place_framer.ts";
export {
  EncapsulatedConnection,
  type EncapsulatedConnectionOptions,
} from "./lib/encap/encapsulated_connection.ts";
export type { ByteConnection, ByteReceiver } from "./lib/encap/message_link.ts";
