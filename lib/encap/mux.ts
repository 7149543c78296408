/** Joins IKE messages and ESP packets to the messages of one stream (RFC 9329, sections 3.1 and 3.2). */

import { CodedRangeError } from "../errors.ts";
import { checkOctets } from "./_check.ts";
import { hasNonEspMarker, MAX_MESSAGE_LENGTH, NON_ESP_MARKER_LENGTH } from "./constants.ts";
import type { MessageChunk } from "./transducer.ts";

/** The IKE messages of a chunk, each as a new message behind its non-ESP marker. */
export function markIke<C extends MessageChunk>(chunk: C): C {
  return (Array.isArray(chunk) ? chunk.map(mark) : mark(chunk as Uint8Array)) as C;
}

/** The chunk itself, after a check that no packet in it could be taken for IKE or a keepalive (section 3.2). */
export function checkEsp<C extends MessageChunk>(chunk: C): C {
  for (const packet of Array.isArray(chunk) ? chunk : [chunk as Uint8Array]) {
    checkOctets(packet, "MuxStream");
    if (packet.byteLength < SHORTEST_ESP || packet.byteLength > MAX_MESSAGE_LENGTH) {
      throw new CodedRangeError(
        "ERR_ENCAP_MESSAGE_LENGTH",
        `Cannot send ESP packet: expected ${SHORTEST_ESP} to ${MAX_MESSAGE_LENGTH} octets, got ${packet.byteLength}`,
      );
    }
    if (hasNonEspMarker(packet)) {
      throw new CodedRangeError(
        "ERR_ENCAP_MESSAGE_LENGTH",
        "Cannot send ESP packet: expected an SPI other than 0, got 0",
      );
    }
  }
  return chunk;
}

function mark(message: Uint8Array): Uint8Array {
  checkOctets(message, "MuxStream");
  const most = MAX_MESSAGE_LENGTH - NON_ESP_MARKER_LENGTH;
  if (message.byteLength < 1 || message.byteLength > most) {
    throw new CodedRangeError(
      "ERR_ENCAP_MESSAGE_LENGTH",
      `Cannot send IKE message: expected 1 to ${most} octets, got ${message.byteLength}`,
    );
  }
  const marked = new Uint8Array(NON_ESP_MARKER_LENGTH + message.byteLength);
  marked.set(message, NON_ESP_MARKER_LENGTH);
  return marked;
}

/** An SPI and a sequence number (RFC 4303, section 2). */
const SHORTEST_ESP = 8;
