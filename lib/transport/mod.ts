/**
 * What carries octets and datagrams: the contracts of connections, listeners and datagram endpoints, carrier URLs, and the
 * tools that carriers are made of. Portable; sockets are in `iketcp/runtime`.
 *
 * @example Two ends of a connection in one process
 * ```ts
 * import { memoryPair } from "iketcp/transport";
 * import { strictEqual } from "node:assert";
 *
 * const [here, there] = memoryPair();
 * const written = new Response("hello").body!.pipeTo(here.writable);
 * strictEqual(await new Response(there.readable).text(), "hello");
 * await written;
 * await Promise.all([here.close(), there.close()]);
 * ```
 *
 * @module
 */

export * from "./accept_queue.ts";
export * from "./address.ts";
export * from "./carrier_connection.ts";
export * from "./datagram_queue.ts";
export * from "./datagram_send_queue.ts";
export * from "./http_connect.ts";
export * from "./http_request_head.ts";
export * from "./http_response_head.ts";
export * from "./http_tunnel.ts";
export * from "./layered_listener.ts";
export * from "./memory.ts";
export * from "./pin.ts";
export * from "./proxy_environment.ts";
export * from "./proxy_url.ts";
export * from "./tls_settings.ts";
export * from "./types.ts";
export * from "./url.ts";
export * from "./web_socket/mod.ts";
export * from "./web_transport/mod.ts";
