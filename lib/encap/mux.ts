/** Joins IKE messages and ESP packets to the messages of one stream (RFC 9329, sections 3.1 and 3.2). */

import { concat } from "../bytes/concat.ts";
import { CodedRangeError } from "../errors.ts";
import { checkMessage, messagesOf } from "./_check.ts";
import { hasNonEspMarker, MAX_MESSAGE_LENGTH, NON_ESP_MARKER_LENGTH } from "./constants.ts";
import type { MessageChunk } from "./transducer.ts";

/** The IKE messages of a chunk, each as a new message behind its non-ESP marker. */
export function markIke<C extends MessageChunk>(chunk: C): C {
  return (Array.isArray(chunk) ? chunk.map(mark) : mark(chunk as Uint8Array)) as C;
}

/** The chunk itself, after a check that no packet in it could be taken for IKE or a keepalive (section 3.2). */
export function checkEsp<C extends MessageChunk>(chunk: C): C {
  for (const packet of messagesOf(chunk)) {
    checkMessage(packet, "ESP packet", SHORTEST_ESP, MAX_MESSAGE_LENGTH);
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
  checkMessage(message, "IKE message", 1, MAX_MESSAGE_LENGTH - NON_ESP_MARKER_LENGTH);
  return concat([new Uint8Array(NON_ESP_MARKER_LENGTH), message]);
}

/** An SPI and a sequence number (RFC 4303, section 2). */
const SHORTEST_ESP = 8;
