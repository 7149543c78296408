/** Messages to rows. */

import { toHex } from "../bytes/hex.ts";
import { hasNonEspMarker, NAT_KEEPALIVE, NON_ESP_MARKER_LENGTH } from "../encap/constants.ts";
import { IkeError, type IketcpError, InspectError } from "../errors.ts";
import { describeIkeHeader } from "../ike/codec/describe.ts";
import { parseIkeHeader } from "../ike/codec/header.ts";
import { describePayload, walkPayloads } from "../ike/codec/payload_chain.ts";
import type { MessageDecryptor } from "./message_decryptor.ts";
import type { DecodedEsp, DecodedIke, DecodedRow } from "./rows.ts";

/** What a row says about the message alone. */
export type MessageRow = Pick<DecodedRow, "kind" | "length" | "ike" | "esp" | "error">;

/** The row of a fault. */
export function errorRow(error: IketcpError): MessageRow {
  return { kind: "error", length: 0, error: { code: error.code, message: error.message } };
}

/** What rows are made with. */
export interface MessageRowOptions {
  /** What the message had on the wire, when the capture holds less. */
  readonly length?: number;
  /** Opens what is sealed. */
  readonly keys?: MessageDecryptor | undefined;
}

/**
 * The rows of a message as it stands in a stream or in a datagram to port 4500: one, and a second one of kind `error` when
 * it is damaged.
 */
export function messageRows(
  message: Uint8Array,
  { length = message.length, keys }: MessageRowOptions = {},
): MessageRow[] {
  if (length === 0) return [{ kind: "empty", length }];
  if (length === 1 && message[0] === NAT_KEEPALIVE) return [{ kind: "keepalive", length }];
  if (length < NON_ESP_MARKER_LENGTH) return [{ kind: "runt", length }];
  if (message.length < NON_ESP_MARKER_LENGTH) return [errorRow(cutError(message.length, length))];
  if (hasNonEspMarker(message)) {
    return ikeRows(message.subarray(NON_ESP_MARKER_LENGTH), { length: length - NON_ESP_MARKER_LENGTH, keys });
  }
  return espRows(message, { length, keys });
}

/** The rows of an ESP packet, wherever it was. */
export function espRows(
  packet: Uint8Array,
  { length = packet.length, keys }: MessageRowOptions = {},
): MessageRow[] {
  if (packet.length < SPI_LENGTH) return [errorRow(cutError(packet.length, Math.max(SPI_LENGTH, length)))];
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const esp: DecodedEsp = { spi: toHex(packet.subarray(0, SPI_LENGTH)) };
  if (packet.length >= ESP_HEADER_LENGTH) esp.seq = view.getUint32(4);
  // What the capture has cut cannot be authentic.
  if (packet.length === length) Object.assign(esp, keys?.openEsp(packet));
  return [{ kind: "esp", length, esp }];
}

/** The rows of an IKE message that has no marker in front of it, as in a datagram to port 500. */
export function ikeRows(
  message: Uint8Array,
  { length = message.length, keys }: MessageRowOptions = {},
): MessageRow[] {
  const rows: MessageRow[] = [];
  try {
    const header = parseIkeHeader(message);
    const ike: DecodedIke = describeIkeHeader(header);
    rows.push({ kind: "ike", length, ike });
    for (const payload of walkPayloads(message, header)) {
      ike.payloads.push(describePayload(payload, header.majorVersion));
    }
    const opened = keys?.openIke(message);
    if (opened !== undefined) {
      ike.decrypted = opened.decrypted;
      if (opened.inner !== undefined) ike.inner = [...opened.inner];
      if (opened.error !== undefined) rows.push(errorRow(opened.error));
    }
  } catch (error) {
    if (!(error instanceof IkeError)) throw error;
    rows.push(errorRow(message.length < length ? cutError(message.length, length) : error));
  }
  return rows;
}

function cutError(captured: number, length: number): InspectError {
  return new InspectError(
    "ERR_INSPECT_GAP",
    `Cannot read whole message: expected its ${length} octets in the capture, got ${captured}`,
  );
}

const SPI_LENGTH = 4;
/** SPI and sequence number (RFC 4303, section 2). */
const ESP_HEADER_LENGTH = 8;
