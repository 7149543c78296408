/**
 * WebTransport: a stream and datagrams over HTTP/3, for browsers and wherever the platform has it.
 *
 * @module
 */

export * from "./client.ts";
export {
  type WebTransportAddresses,
  WebTransportDatagramEndpoint,
  type WebTransportDatagrams,
} from "./datagrams.ts";
export type { WebTransportSession } from "./connection.ts";
