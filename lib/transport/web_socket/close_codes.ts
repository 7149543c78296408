/** Why a WebSocket was closed (RFC 6455, section 7.4). */

import { TransportError } from "../../errors.ts";

/** Status codes of Close frames. */
export const CLOSE_CODES = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupportedData: 1003,
  /** Never in a frame: stands for a Close frame without a code. */
  noStatus: 1005,
  invalidText: 1007,
  policy: 1008,
  tooBig: 1009,
  internalError: 1011,
  tryAgainLater: 1013,
} as const;

/**
 * What programs may close with where they are not let choose from the table above, as browsers do not: the same with a 4
 * in front, from the range for private use (section 7.4.2).
 */
export const PRIVATE_CLOSE_CODES = {
  aborted: 4000,
  unsupportedData: 4003,
  tooBig: 4009,
  tryAgainLater: 4013,
} as const;

const NAMES: Readonly<Record<number, string>> = {
  1002: "protocol error",
  1003: "unsupported data",
  1007: "invalid text",
  1008: "policy",
  1009: "too big",
  1010: "an extension is missing",
  1011: "internal error",
  1012: "service restart",
  1013: "try again later",
  1014: "bad gateway",
  4000: "aborted",
  4003: "unsupported data",
  4009: "too big",
  4013: "try again later",
};

/** Whether a Close frame may hold the code (sections 7.4.1 and 7.4.2; 1012 to 1014 are from IANA's registry). */
export function isCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}

/** An end of the stream as it should be, rather than a break: a browser that leaves a page says "going away". */
export function isOrderlyClose(code: number): boolean {
  return code === CLOSE_CODES.normal || code === CLOSE_CODES.goingAway || code === CLOSE_CODES.noStatus;
}

/** The error of a connection that the peer closed with a code that is not an orderly one. */
export function closedByPeer(peer: string, code: number, reason: string): TransportError {
  const name = NAMES[code];
  const text = reason === "" ? "" : `: ${JSON.stringify(reason)}`;
  return new TransportError(
    "ERR_TRANSPORT_RESET",
    `WebSocket to ${peer} was closed by the peer with code ${code}${name ? ` (${name})` : ""}${text}`,
  );
}

/** The error of a connection that ended without a Close frame (section 7.1.5, where it is called code 1006). */
export function endedWithoutClose(peer: string): TransportError {
  return new TransportError("ERR_TRANSPORT_RESET", `WebSocket to ${peer} ended without a Close frame`);
}

/** The error of writing to a peer that has closed in order and left. */
export function leftByPeer(peer: string): TransportError {
  return new TransportError(
    "ERR_TRANSPORT_RESET",
    `Cannot write to ${peer}: the WebSocket was closed by the peer`,
  );
}
