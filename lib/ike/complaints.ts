/**
 * Complaints in the clear (RFC 7296, sections 1.5, 2.21.4): a peer that has lost its state has no keys to say so with, and anybody can
 * say the same in its name. They are hints, and nothing but a liveness check comes of them.
 */

import { IkeError } from "../errors.ts";
import { type IkeHeader, NOTIFY, parseIkeMessage } from "./codec/mod.ts";

const SK = 46;
const SKF = 53;

/** Whether a message outside of IKE_SA_INIT is in the clear and complains of an SPI. */
export function isComplaint(octets: Uint8Array, { nextPayload }: IkeHeader): boolean {
  if (nextPayload === SK || nextPayload === SKF) return false;
  try {
    return parseIkeMessage(octets).payloads.some((payload) =>
      payload.kind === "N" && (payload.type === NOTIFY.invalidIkeSpi || payload.type === NOTIFY.invalidSpi)
    );
  } catch (error) {
    if (error instanceof IkeError) return false;
    throw error;
  }
}
