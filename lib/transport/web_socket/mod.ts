/**
 * WebSocket (RFC 6455) as a layer of a byte stream, like TLS: over whatever carries octets, in every runtime, with the
 * stream's own back-pressure. Messages are pieces of the stream and nothing else. And adapters for the WebSocket objects that
 * platforms have, browsers above all.
 *
 * @module
 */

export * from "./client.ts";
export { CLOSE_CODES, PRIVATE_CLOSE_CODES } from "./close_codes.ts";
export { PING_INTERVAL, type WebSocketOptions } from "./connection.ts";
export * from "./fault.ts";
export * from "./frame_reader.ts";
export * from "./frame_writer.ts";
export * from "./handshake.ts";
export * from "./platform.ts";
export * from "./platform_client.ts";
export * from "./platform_stream.ts";
export * from "./server.ts";
