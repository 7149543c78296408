/** Messages as one line each, in the notation of RFC 7296: what a person reads while an exchange runs. */

import { exchangeName, type Payload, payloadNotation } from "./codec/mod.ts";

/** A message, as far as its line goes. */
export interface LoggedMessage {
  readonly exchangeType: number;
  readonly payloads: readonly Payload[];
}

/**
 * `IKE_AUTH { IDi, AUTH, SA, TSi, TSr } -->` for what this end sends, `<-- IKE_AUTH { IDr, AUTH, SA, TSi, TSr }` for what it
 * receives.
 */
export function logLine(
  message: LoggedMessage,
  kind: "request" | "response",
  direction: "sent" | "received",
): string {
  const { exchangeType, payloads } = message;
  // Piece by piece: it is written for every message, whoever reads it.
  let text = `${exchangeName(exchangeType)} {`;
  for (let i = 0; i < payloads.length; i++) text += (i === 0 ? " " : ", ") + notation(payloads[i]!, kind);
  text += " }";
  return direction === "sent" ? `${text} -->` : `<-- ${text}`;
}

/** A message that is sent once more. */
export function repeatedLine(exchangeType: number, kind: "request" | "response"): string {
  return `${exchangeName(exchangeType)} ${kind} again -->`;
}

/** The nonce of a request is Ni, that of a response Nr; KE alike. */
function notation(payload: Payload, kind: "request" | "response"): string {
  if (payload.kind === "Nonce") return kind === "request" ? "Ni" : "Nr";
  if (payload.kind === "KE") return kind === "request" ? "KEi" : "KEr";
  return payloadNotation(payload);
}
