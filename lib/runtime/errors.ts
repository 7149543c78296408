/**
 * What the systems below say, as {@linkcode TransportError}s: one table for the codes of Node and Bun and the error
 * classes of Deno.
 */

import { TransportError, type TransportErrorCode } from "../errors.ts";
import { formatAddress, type TransportAddress } from "../transport/address.ts";

/** A code and the reason as it ends a sentence. */
type Row = readonly [TransportErrorCode, string];

const IN_USE: Row = ["ERR_TRANSPORT_ADDRESS_IN_USE", "the address is in use"];
const NOT_AVAILABLE: Row = [
  "ERR_TRANSPORT_ADDRESS_NOT_AVAILABLE",
  "the address does not belong to this machine",
];
const PERMISSION: Row = ["ERR_TRANSPORT_PERMISSION", "permission denied"];
const RESOLVE: Row = ["ERR_TRANSPORT_RESOLVE", "the name cannot be resolved"];
const REFUSED: Row = ["ERR_TRANSPORT_REFUSED", "connection refused"];
const UNREACHABLE: Row = ["ERR_TRANSPORT_UNREACHABLE", "there is no route to it"];
const TIMEOUT: Row = ["ERR_TRANSPORT_TIMEOUT", "the peer did not answer in time"];
const RESET: Row = ["ERR_TRANSPORT_RESET", "reset by the peer"];

/** By `code`, which Deno sets too, and for what it does not by `name`. */
const ROWS: Readonly<Record<string, Row>> = {
  EADDRINUSE: IN_USE,
  EADDRNOTAVAIL: NOT_AVAILABLE,
  EACCES: PERMISSION,
  EPERM: PERMISSION,
  NotCapable: ["ERR_TRANSPORT_PERMISSION", "Deno was not given --allow-net for it"],
  ENOTFOUND: RESOLVE,
  EAI_AGAIN: ["ERR_TRANSPORT_RESOLVE", "the name cannot be resolved now"],
  EAI_FAIL: RESOLVE,
  EAI_NODATA: RESOLVE,
  EAI_NONAME: RESOLVE,
  EAI_ADDRFAMILY: RESOLVE,
  ECONNREFUSED: REFUSED,
  EHOSTUNREACH: UNREACHABLE,
  ENETUNREACH: UNREACHABLE,
  EHOSTDOWN: UNREACHABLE,
  ENETDOWN: UNREACHABLE,
  ETIMEDOUT: TIMEOUT,
  ECONNRESET: RESET,
  ECONNABORTED: RESET,
  // Writing to a connection that the peer has reset.
  EPIPE: RESET,
  ENOTCONN: RESET,
};

/** An error of the system as a `TransportError`: `Cannot ${action}: ${reason}`. One that is a `TransportError` already stays as it is. */
export function toTransportError(error: unknown, action: string): TransportError {
  if (error instanceof TransportError) return error;
  const [code, reason] = explain(error);
  return new TransportError(code, `Cannot ${action}: ${reason}`, { cause: error });
}

/** Why a connection that was open broke. */
export function connectionError(error: unknown, peer: TransportAddress): TransportError {
  if (error instanceof TransportError) return error;
  const [code, reason] = explain(error);
  const name = formatAddress(peer);
  const message = code === "ERR_TRANSPORT_RESET"
    ? `Connection to ${name} was reset by the peer`
    : `Connection to ${name} broke: ${reason}`;
  return new TransportError(code, message, { cause: error });
}

function explain(error: unknown): Row {
  const { code, name, message, errors } = (error ?? {}) as {
    code?: unknown;
    name?: unknown;
    message?: unknown;
    errors?: unknown[];
  };
  const row = rowOf(code) ?? rowOf(name);
  if (row !== undefined) return row;
  // Several addresses of one name were tried; the last one tells.
  if (Array.isArray(errors) && errors.length > 0) return explain(errors.at(-1));
  // Deno gives failed look-ups neither a class nor a code.
  if (typeof message === "string" && /failed to lookup address/.test(message)) return RESOLVE;
  return [
    "ERR_TRANSPORT_FAILED",
    typeof message === "string" && message !== "" ? message : "the system gave no reason",
  ];
}

function rowOf(key: unknown): Row | undefined {
  return typeof key === "string" && Object.hasOwn(ROWS, key) ? ROWS[key] : undefined;
}
