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
  const names = payloads.map((payload) => notation(payload, kind));
  const body = names.length === 0 ? "{ }" : `{ ${names.join(", ")} }`;
  const text = `${exchangeName(exchangeType)} ${body}`;
  return direction === "sent" ? `${text} -->` : `<-- ${text}`;
}

/** A message that is sent once more. */
export function repeatedLine(exchangeType: number, kind: "request" | "response"): string {
  return `${exchangeName(exchangeType)} ${kind} again -->`;
}

/** The nonce of a request is Ni, that of a response Nr; KE alike. */
function notation(payload: Payload, kind: "request" | "response"): string {
  const side = kind === "request" ? "i" : "r";
  if (payload.kind === "Nonce") return `N${side}`;
  return payload.kind === "KE" ? `KE${side}` : payloadNotation(payload);
}
