/**
 * WebSocket (RFC 6455) as a layer of a byte stream, like TLS: over whatever carries octets, in every runtime, with the
 * stream's own back-pressure. Messages are pieces of the stream and nothing else.
 *
 * @module
 */

export * from "./client.ts";
export * from "./close_codes.ts";
export * from "./connection.ts";
export * from "./fault.ts";
export * from "./frame_reader.ts";
export * from "./frame_writer.ts";
export * from "./handshake.ts";
export * from "./server.ts";
