/**
 * iketcp: Web-standard stream stages for TCP encapsulation of IKEv2 and IPsec ESP (RFC 9329).
 *
 * @module
 */
export * from "./lib/errors.ts";
